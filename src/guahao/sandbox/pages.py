"""Plain HTML from the files in templates/: every value is escaped, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(name: str, /, **values: object) -> Html:
    """Fill the `$places` of templates/`name`.html; what is not `Html` is escaped.

    Raises KeyError for a place without a value.
    """
    safe = {
        place: value if isinstance(value, Html) else escape(str(value)) for place, value in values.items()
    }
    return Html(_template(name).substitute(safe))


def together(parts: Iterable[Html]) -> Html:
    """Put parts one after the other."""
    return Html("".join(parts))


def page(body: Html, *, title: str, status: int = 200) -> Response:
    """Answer a whole page, marked as the sandbox's, that runs no script."""
    content = fill("page", title=title, body=body)
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(content, status, headers)


def stylesheet() -> Response:
    """Answer the one style sheet of all pages."""
    return Response(
        _read("style.css"), media_type="text/css", headers={"Cache-Control": "public, max-age=300"}
    )


def wants_page(request: Request) -> bool:
    """Tell a browser's form from a JSON client."""
    return "text/html" in request.headers.get("accept", "")


def back_to(path: str) -> Response:
    """Send a browser to a page of ours after a form."""
    return RedirectResponse(path, 303)


@cache
def _template(name: str) -> Template:
    return Template(_read(f"{name}.html"))


@cache
def _read(name: str) -> str:
    return (files("guahao.sandbox") / "templates" / name).read_text("utf-8")
