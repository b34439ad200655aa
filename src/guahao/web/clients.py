"""Serves built clients: files compressed when they were built, kept in memory, never from the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings
from guahao.kernel.settings import Settings

MINI_PROGRAM = "m"
"""The folder of the mini program's build for browsers, and its address."""

CONSOLE = "console"
"""The folder of the console's build, and its address."""

_MINI_PROGRAM_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data: https:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MINI_PROGRAM_HEADERS = {"Content-Security-Policy": _MINI_PROGRAM_POLICY}
_CONSOLE_HEADERS = {
    "Content-Security-Policy": _CONSOLE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
"""Nothing foreign runs in it, frames it or reaches it; it asks the browser for no device."""

_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")
"""No part begins with a dot, so no name leads out of the folder or to a hidden file."""

_HASHED = re.compile(r"-[A-Z0-9]{8}\.|^assets/")
"""Names of one content for ever; the console's are together in one folder."""

_ASSETS = "assets/"
_PAGE = "index.html"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_PACKED = {"br": ".br", "gzip": ".gz"}
"""Encodings by preference, and how their files end."""

router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A file's content and the name of exactly this content."""

    content: bytes
    etag: str


def mini_program(settings: Settings) -> Path | None:
    """Answer the folder of the mini program's build for browsers, if it has been built."""
    return _built(settings, MINI_PROGRAM)


def console(settings: Settings) -> Path | None:
    """Answer the folder of the console's build, if it has been built."""
    return _built(settings, CONSOLE)


@router.get("/m")
async def into_mini_program() -> RedirectResponse:
    """Lead into the folder, since the page names its files relative to it."""
    return RedirectResponse("/m/")


@router.api_route("/m/{name:path}", methods=["GET", "HEAD"])
async def mini_program_file(name: str, request: Request, settings: AppSettings) -> Response:
    """Answer a file of the mini program's build for browsers."""
    folder = mini_program(settings)
    if folder is None:
        raise NotFound
    return _answer(folder, name or _PAGE, request, _MINI_PROGRAM_HEADERS)


@router.get("/console")
async def into_console() -> RedirectResponse:
    """Lead to the console's first page."""
    return RedirectResponse("/console/")


@router.api_route("/console/{name:path}", methods=["GET", "HEAD"])
async def console_file(name: str, request: Request, settings: AppSettings) -> Response:
    """Answer a file of the console's build; every other address is a page of it, drawn by its script."""
    folder = console(settings)
    if folder is None:
        raise NotFound
    is_page = not name.startswith(_ASSETS) and Path(name).suffix not in _TYPES
    return _answer(folder, _PAGE if is_page else name, request, _CONSOLE_HEADERS)


def _built(settings: Settings, client: str) -> Path | None:
    if settings.clients_dir is None:
        return None
    folder = settings.clients_dir / client
    return folder if (folder / _PAGE).is_file() else None


def _answer(folder: Path, name: str, request: Request, of_client: dict[str, str]) -> Response:
    path = folder / name
    kind = _TYPES.get(path.suffix)
    if kind is None or not _NAME.match(name) or not path.is_file():
        raise NotFound
    encoding = _encoding(path, request.headers.get("accept-encoding", ""))
    stored = _stored(path.with_name(path.name + _PACKED.get(encoding, "")))
    headers = {
        **of_client,
        "Cache-Control": _FOR_EVER if _HASHED.search(name) else _ASK_AGAIN,
        "ETag": stored.etag,
        "Vary": "Accept-Encoding",
    }
    if stored.etag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(len(stored.content))
    if encoding:
        headers["Content-Encoding"] = encoding
    content = b"" if request.method == "HEAD" else stored.content
    return Response(content, headers=headers, media_type=kind)


def _encoding(path: Path, accepted: str) -> str:
    """The best encoding that the client takes and the build has; empty is the file as it is."""
    taken = {
        name.strip().lower()
        for name, _, quality in (part.partition(";") for part in accepted.split(","))
        if quality.replace(" ", "").rstrip("0.") != "q="
    }
    found = (
        encoding
        for encoding, ending in _PACKED.items()
        if encoding in taken and path.with_name(path.name + ending).is_file()
    )
    return next(found, "")


def _tags(given: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}


def _stored(path: Path) -> _Stored:
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, _changed_ns: int, _size: int) -> _Stored:
    content = path.read_bytes()
    return _Stored(content=content, etag=f'"{sha256(content).hexdigest()[:32]}"')
