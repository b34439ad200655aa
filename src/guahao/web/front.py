"""What stands at the address itself: in the demo a page to begin from, else the way to the clients."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings
from guahao.kernel.i18n import text
from guahao.kernel.page import Html, Templates, together
from guahao.kernel.settings import Environment, Settings
from guahao.web import clients
from guahao.web.demo import DemoAccount

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TEMPLATES = Templates("guahao.web")
_ASSETS = {"front.css": "text/css", "front.js": "text/javascript"}

router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])


class _Described(msgspec.Struct, frozen=True, kw_only=True):
    """The part of demo.json that the page shows."""

    accounts: tuple[DemoAccount, ...] = ()


@router.get("/")
async def front(settings: AppSettings) -> Response:
    """Show the demo's page; elsewhere lead to the mini program, or to the API's pages without one."""
    built = clients.mini_program(settings) is not None
    if settings.environment is not Environment.DEMO:
        return RedirectResponse("/m/" if built else "docs")
    phone = _TEMPLATES.fill("front_phone" if built else "front_no_phone")
    console = _TEMPLATES.fill("front_console") if clients.console(settings) else Html("")
    page = _TEMPLATES.fill("front", phone=phone, console=console, accounts=_accounts(settings))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


@router.get("/front/{name}")
async def asset(name: str) -> Response:
    """Answer the page's style sheet, or the script that opens the mini program at once on a phone."""
    if name not in _ASSETS:
        raise NotFound
    headers = {"Cache-Control": "no-cache"}
    return Response(_TEMPLATES.read(name), headers=headers, media_type=_ASSETS[name])


def _accounts(settings: Settings) -> Html:
    """The accounts that `guahao demo` made; none where the demo was not loaded."""
    path = settings.data_dir / "demo.json"
    if not path.is_file():
        return Html("")
    accounts = msgspec.json.decode(path.read_bytes(), type=_Described).accounts
    rows = together(
        _TEMPLATES.fill(
            "front_account",
            role=text(f"front.{account.role}"),
            username=account.username,
            password=account.password,
        )
        for account in accounts
    )
    return _TEMPLATES.fill("front_accounts", rows=rows)
