"""The sandbox's pages: marked as such, without script, and the same routes for JSON clients."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from guahao.kernel.page import Html, Templates

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_TEMPLATES = Templates("guahao.sandbox")

fill = _TEMPLATES.fill


def page(body: Html, *, title: str, status: int = 200) -> Response:
    """Answer a whole page, marked as the sandbox's, that runs no script."""
    content = fill("page", title=title, body=body)
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(content, status, headers)


def stylesheet() -> Response:
    """Answer the one style sheet of all pages."""
    return Response(
        _TEMPLATES.read("style.css"), media_type="text/css", headers={"Cache-Control": "public, max-age=300"}
    )


def wants_page(request: Request) -> bool:
    """Tell a browser's form from a JSON client."""
    return "text/html" in request.headers.get("accept", "")


def back_to(path: str) -> Response:
    """Send a browser to a page of ours after a form."""
    return RedirectResponse(path, 303)
