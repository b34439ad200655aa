"""Reads what a provider's signed JSON or form says: absent, null, empty and odd are the same nothing.

What cannot be done without is asked for by whoever reads; everything else has a value to fall back on. What
is read can be stored: no control characters, no more than a number of theirs ever has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

Node = Mapping[str, Any]

_MOST_CHARACTERS = 200
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"-?[0-9]{1,18}(?:\.0{1,8})?")


def node_of(content: bytes) -> Node | None:
    """The JSON object that `content` is, else None. It may hold an openid, so no error quotes it."""
    try:
        value = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def part(node: Node, name: str) -> Node:
    """An object in the node; an empty one if there is none."""
    value = node.get(name)
    return value if isinstance(value, dict) else {}


def text(node: Node, name: str) -> str:
    """A text or a number written as one, without blanks around it; "" if there is none that can be kept."""
    value = node.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS or not _PRINTABLE.fullmatch(value):
        return ""
    return value.strip()


def whole(node: Node, name: str) -> int | None:
    """A whole number, also as text or with decimals of nothing; None if there is none."""
    value = node.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return None


def plausible(value: datetime) -> datetime | None:
    """A moment that can be stored, shown and compared as a day, in UTC; None for year 1 or 9999."""
    return value.astimezone(UTC) if _EARLIEST <= value < _LATEST else None


def moment(node: Node, name: str, *, zone: tzinfo | None = None) -> datetime | None:
    """A moment as aware UTC; one written without a zone is in `zone`, or none at all."""
    written = text(node, name)
    try:
        value = datetime.fromisoformat(written)
        value = value.replace(tzinfo=zone) if value.tzinfo is None and zone is not None else value
        return plausible(value) if value.tzinfo is not None else None
    except ValueError:
        return None
