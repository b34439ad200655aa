"""Reads and checks a request's body before any route sees it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from guahao.web.refusal import BodyTooLarge, UnsupportedMediaType, malformed

LIMIT_BYTES = 64 * 1024

_SIGNED = ("/callbacks/", "/sandbox/alipay/gateway.do")
"""Where the body is the providers' own, a form or JSON, and believed only by its signature."""


async def read(scope: Scope, receive: Receive) -> bytes:
    """Answer the whole body. Raises `BodyTooLarge`, or ClientDisconnect when the client is gone."""
    declared = _header(scope, b"content-length")
    if declared.isdigit() and int(declared) > LIMIT_BYTES:
        raise BodyTooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LIMIT_BYTES:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return b"".join(parts)


def check(scope: Scope, body: bytes) -> None:
    """Refuse what is not one plain JSON text: wrong type, encoding, repeated members, NUL characters.

    Signed bodies are left to those who verify them. Raises `UnsupportedMediaType` or `Invalid`.
    """
    if scope["path"].startswith(_SIGNED):
        return
    kind, _, options = _header(scope, b"content-type").decode("latin-1").lower().partition(";")
    if kind.strip() != "application/json" or "charset" in options.replace("charset=utf-8", ""):
        raise UnsupportedMediaType
    try:
        decoded = body.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("not_utf8") from None
    try:
        json.loads(decoded, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise malformed("not_json") from None
    if "\\u0000" in decoded.replace("\\\\", ""):
        raise malformed("nul")


def replay(body: bytes, receive: Receive) -> Receive:
    """Give the routes the body that was read already."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise malformed("repeated")
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError
