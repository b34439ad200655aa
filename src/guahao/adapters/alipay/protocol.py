"""The gateway's wire form: what is signed, how answers are read, and its amounts and times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from guahao.adapters.alipay.keys import AlipayKeys
from guahao.adapters.lenient import plausible
from guahao.kernel.clock import CHINA

RSA2: Final = "RSA2"
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,3})?")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


class Unreadable(ValueError):
    """What came is not what the protocol says; never says what came."""


def signed_text(
    fields: Mapping[str, str], *, unsigned: tuple[str, ...] = ("sign",), with_empties: bool = False
) -> str:
    """Join as `key=value&...` what a signature covers: sorted by key, without `unsigned` fields.

    Empty ones are left out in requests. Of notifications the official text says "all returned fields": the
    official Java client signs empties too, others skip them.
    """
    return "&".join(
        f"{key}={fields[key]}"
        for key in sorted(fields)
        if (fields[key] or with_empties) and key not in unsigned
    )


def yuan(amount_fen: int) -> str:
    """Write fen as the gateway wants them: 5000 -> "50.00". Raises ValueError unless positive."""
    if amount_fen <= 0:
        raise ValueError(amount_fen)
    whole, cents = divmod(amount_fen, 100)
    return f"{whole}.{cents:02d}"


def fen(value: object) -> int:
    """Read the gateway's yuan exactly, never negative. Raises `Unreadable`.

    A JSON number is read as the decimals it was written with; it may have lost digits only beyond the
    fifteenth.
    """
    written = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    found = _AMOUNT.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise Unreadable("amount")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def local_text(moment: datetime) -> str:
    """Write a moment in Beijing time, to the second: "2026-11-22 08:00:00"."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def moment_or(value: object, other: datetime) -> datetime:
    """Read Beijing time, or take `other` where none is told."""
    try:
        return moment_of(value)
    except Unreadable:
        return other


def moment_of(value: object) -> datetime:
    """Read Beijing time, leaving out milliseconds, as aware UTC. Raises `Unreadable`."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        value = plausible(datetime.fromisoformat(found[1] if found else "").replace(tzinfo=CHINA))
    except ValueError:
        value = None
    if value is None:
        raise Unreadable("time")
    return value


def read_answer(content: bytes, *, method: str, keys: AlipayKeys) -> Mapping[str, Any]:
    """Verify the answer to `method` and give its node, be it a success or an error. Raises `Unreadable`.

    The signature covers the exact characters of the node, so the node is cut out where the JSON parser
    says it begins and ends, not where a bracket happens to stand.
    """
    try:
        members = dict(_members(content.decode()))
    except (ValueError, RecursionError):
        raise Unreadable("answer") from None
    names = {method.replace(".", "_") + "_response", "error_response"} & members.keys()
    if len(names) != 1:
        raise Unreadable("node")
    node, exact = members[names.pop()]
    signature, _ = members.get("sign", (None, ""))
    if not isinstance(node, dict):
        raise Unreadable("node")
    if not isinstance(signature, str):
        # So are the gateway's answers to a wrong app id or key: the word says to the operator which.
        word = f"unsigned {refusal_word(node)}"
        raise Unreadable(word)
    if not keys.is_genuine(exact, signature):
        raise Unreadable("signature")
    return node


def refusal_word(node: Mapping[str, Any]) -> str:
    """The most telling code of a refusal, or "" where what stands there is no code."""
    words = (str(node.get(name, "")) for name in ("sub_code", "code"))
    return next((word for word in words if _CODE.fullmatch(word)), "")


def _members(text: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Walk a JSON object: each key with its value and the value's exact characters."""
    seen: set[str] = set()
    at = _expect(text, 0, "{")
    while True:
        key, at = _DECODER.raw_decode(text, _skip(text, at))
        if not isinstance(key, str) or key in seen:
            raise ValueError("key")
        seen.add(key)
        start = _skip(text, _expect(text, at, ":"))
        value, at = _DECODER.raw_decode(text, start)
        yield key, (value, text[start:at])
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            break
        at += 1
    if _skip(text, _expect(text, at, "}")) != len(text):
        raise ValueError("tail")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(mark)
    return at + 1
