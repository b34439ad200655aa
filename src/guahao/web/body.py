"""Reads and checks a request's body before any route sees it; uploads only when a route reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from guahao.kernel.http import UploadTooLarge
from guahao.kernel.sheet.table import MAX_FILE_BYTES
from guahao.web.refusal import (
    BodyTooLarge,
    ContentEncodingUnsupported,
    UnsupportedMediaType,
    malformed,
)

LIMIT_BYTES = 64 * 1024
_UTF_8 = ("utf-8", "utf8")
_UNFIT = (
    ("half_character", re.compile(r"\\u[dD][89a-fA-F]"), re.compile("[\ud800-\udfff]")),
    ("nul", re.compile(r"\\u0000"), re.compile("\0")),
)
"""What no text may hold: its reason, how JSON escapes it, and the sign; pairs of halves are whole by then."""

_SIGNED = ("/callbacks/", "/sandbox/alipay/gateway.do")
"""Where the body is the providers' own, a form or JSON, and believed only by its signature."""


_PICTURE_BYTES = 10 * 1024 * 1024
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_UPLOADS = (
    (
        re.compile(r"/api/v1/staff/hospitals/[0-9]+/pictures\Z"),
        _PICTURE_BYTES,
        ("image/jpeg", "image/png", "image/webp", "application/octet-stream"),
    ),
    (
        re.compile(r"/api/v1/staff/(hospitals/[0-9]+/)?imports\Z"),
        MAX_FILE_BYTES,
        (_WORKBOOK, "application/octet-stream"),
    ),
)
"""Where a file is sent as it is: path, most bytes, types. What is in it, its route finds out."""


def upload(scope: Scope, receive: Receive) -> Receive | None:
    """Answer how a route reads the file it is sent, or None where no file is expected.

    Nothing is read before the route knows who sends it. Raises `UploadTooLarge`, at once or while it is
    read, and `UnsupportedMediaType`.
    """
    if scope["method"] != "POST":
        return None
    for path, limit, kinds in _UPLOADS:
        if path.match(scope["path"]):
            _refuse_encoded(scope)
            if _media_type(scope)[0] not in kinds:
                raise UnsupportedMediaType
            declared = _header(scope, b"content-length")
            if declared.isdigit() and int(declared) > limit:
                raise UploadTooLarge(limit_mb=limit >> 20)
            return _limited(receive, limit)
    return None


def _limited(receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise UploadTooLarge(limit_mb=limit >> 20)
        return message

    return counted


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
    """Refuse what is not one plain JSON text: wrong type, encoding, repeated members, NUL, half characters.

    Signed bodies are left to those who verify them. Raises `UnsupportedMediaType`,
    `ContentEncodingUnsupported` or `Invalid`.
    """
    if scope["path"].startswith(_SIGNED):
        return
    _refuse_encoded(scope)
    kind, charset = _media_type(scope)
    if kind != "application/json" or charset not in _UTF_8:
        raise UnsupportedMediaType
    try:
        decoded = body.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("not_utf8") from None
    try:
        meant = json.loads(decoded, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
        for reason, escape, sign in _UNFIT:
            if escape.search(decoded):
                _refuse_texts_with(sign, meant, reason)
    except (ValueError, RecursionError):
        raise malformed("not_json") from None


def check_query(scope: Scope) -> None:
    """Refuse a query with NUL in it, which no column holds. Raises `Invalid`."""
    query = scope.get("query_string", b"")
    if b"%00" not in query:
        return
    values = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    named = [name for name, value in values if "\0" in value and "\0" not in name]
    raise malformed("nul", where="query", field=named[0] if named else "")


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


def _media_type(scope: Scope) -> tuple[str, str]:
    """Read Content-Type (RFC 9110, 8.3): type in small letters, and charset, which may be quoted."""
    kind, *parameters = _header(scope, b"content-type").decode("latin-1").lower().split(";")
    named = (parameter.partition("=") for parameter in parameters)
    charsets = [value.strip().strip('"') for name, _, value in named if name.strip() == "charset"]
    return kind.strip(), charsets[0] if charsets else "utf-8"


def _refuse_encoded(scope: Scope) -> None:
    encoding = _header(scope, b"content-encoding").decode("latin-1").strip().lower()
    if encoding not in {"", "identity"}:
        raise ContentEncodingUnsupported(encoding=encoding[:40])


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""


def _refuse_texts_with(sign: re.Pattern[str], meant: object, reason: str, *path: str) -> None:
    """Refuse the first text that holds the sign, by its member's name; names of members are texts too."""
    if isinstance(meant, str) and sign.search(meant):
        raise malformed(reason, field=".".join(path))
    if isinstance(meant, dict):
        _refuse_texts_with(sign, "".join(meant), reason, *path)
    members = (
        meant.items() if isinstance(meant, dict) else enumerate(meant if isinstance(meant, list) else ())
    )
    for name, member in members:
        _refuse_texts_with(sign, member, reason, *path, str(name))


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise malformed("repeated", field=name.encode("utf-8", "replace").decode())
        members[name] = value
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError
