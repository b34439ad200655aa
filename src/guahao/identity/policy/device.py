"""Tokens of devices on which an account has logged in before: they spare it what strangers cause."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

DEVICE_LIFETIME = timedelta(days=180)
MOST_DEVICES = 6
"""So many people share a browser at a counter; the one who came longest ago is forgotten first."""

_SHAPE = re.compile(r"(?P<issued>[0-9a-f]{8})\.(?P<name>[0-9a-f]{16})\.(?P<mac>[A-Za-z0-9_-]{22})")
_BETWEEN = "~"
_SHOWN_LENGTH = 300
"""Browsers name themselves last; WeChat on Android does so behind 200 signs."""


def shown_device(user_agent: str) -> str:
    """What a client calls itself, as its owner is shown it."""
    return "".join(char for char in user_agent if char.isprintable())[:_SHOWN_LENGTH]


def new_device(key: bytes, *, owner: str, now: datetime) -> str:
    """Make the token of a device that `owner` (`account:<id>`, `staff:<id>`) has just logged in on.

    It opens nothing: whoever steals it may only guess that owner's password as slowly as anybody.
    """
    body = f"{int(now.timestamp()):08x}.{secrets.token_hex(8)}"
    return f"{body}.{_mac(key, owner, body)}"


def device_of(key: bytes, tokens: str, *, owner: str, now: datetime) -> str | None:
    """Answer the name of the device whose token among `tokens` was made for `owner`; None if none was."""
    for token in _split(tokens):
        shape = _SHAPE.fullmatch(token)
        if shape is None or not _is_of(key, token, owner):
            continue
        issued = datetime.fromtimestamp(int(shape["issued"], 16), UTC)
        if issued <= now < issued + DEVICE_LIFETIME:
            return shape["name"]
    return None


def with_device(key: bytes, tokens: str, token: str, *, owner: str) -> str:
    """Put `token` of `owner` before the tokens of others that a browser has."""
    others = [one for one in _split(tokens) if _SHAPE.fullmatch(one) and not _is_of(key, one, owner)]
    return _BETWEEN.join([token, *others][:MOST_DEVICES])


def _split(tokens: str) -> list[str]:
    return tokens.split(_BETWEEN)[:MOST_DEVICES]


def _is_of(key: bytes, token: str, owner: str) -> bool:
    body, _, mac = token.rpartition(".")
    return hmac.compare_digest(mac, _mac(key, owner, body))


def _mac(key: bytes, owner: str, body: str) -> str:
    digest = hmac.digest(key, f"device|{owner}|{body}".encode(), "sha256")[:16]
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
