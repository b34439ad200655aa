"""The page that opens Alipay in a browser: one payment behind an unguessable link, no script, no login."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from guahao.identity.access import per_address, public
from guahao.kernel.clock import CHINA
from guahao.kernel.http import AppSettings, Db
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.kernel.page import Html, Templates
from guahao.payment.api_patient.gateways import AllGateways
from guahao.payment.models import Payment, PaymentState
from guahao.payment.ports import ChannelRefused, ChannelUncertain, Gateways, Prepayment
from guahao.payment.queries.page import payment_of_token

router = APIRouter(prefix="/p", include_in_schema=False, dependencies=[Depends(public)])

_TEMPLATES = Templates("guahao.payment.api_patient")
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_FEW = Depends(per_address("payment-page", a_minute=60))


@router.get("/style.css")
async def style() -> Response:
    """The page's one style sheet."""
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(_TEMPLATES.read("style.css"), media_type="text/css", headers=headers)


@router.get("/{token}", dependencies=[_FEW])
async def show(
    token: str, request: Request, db: Db, settings: AppSettings, gateways: AllGateways
) -> Response:
    """Show what is to be paid, with the one button that opens Alipay."""
    payment = await payment_of_token(db, token=token)
    if payment is None or payment.state in {PaymentState.CLOSING, PaymentState.CLOSED}:
        return _page("gone", status=404)
    if payment.state not in {PaymentState.OPEN, PaymentState.PREPARING}:
        return _page("paid", amount=yuan_text(payment.captured_fen))
    address = f"{settings.public_url}/p/{token}"
    until = _clock_time(payment.expires_at)
    if "MicroMessenger" in request.headers.get("user-agent", ""):
        return _page("elsewhere", amount=yuan_text(payment.amount_fen), address=address, until=until)
    url = await _alipay(gateways, payment, return_url=f"{address}/back")
    if url is None:
        return _page("unavailable", status=503, again=f"/p/{token}")
    return _page("open", amount=yuan_text(payment.amount_fen), url=url, until=until)


@router.get("/{token}/back", dependencies=[_FEW])
async def come_back(token: str, db: Db) -> Response:
    """Where the browser comes back to: what the address says counts for nothing, only what we were told."""
    payment = await payment_of_token(db, token=token)
    if payment is None or payment.state in {PaymentState.CLOSING, PaymentState.CLOSED}:
        return _page("gone", status=404)
    if payment.state in {PaymentState.OPEN, PaymentState.PREPARING}:
        return _page("checking", refresh=f"/p/{token}/back", again=f"/p/{token}")
    return _page("paid", amount=yuan_text(payment.captured_fen))


async def _alipay(gateways: Gateways, payment: Payment, *, return_url: str) -> str | None:
    """The signed address of Alipay's own page; made here, Alipay is not asked."""
    prepayment = Prepayment(
        channel=payment.channel,
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        title=text("payment.title"),
        expires_at=payment.expires_at,
        payer=None,
        return_url=return_url,
    )
    try:
        prepared = await gateways[payment.provider].prepay(prepayment)
    except (ChannelUncertain, ChannelRefused, KeyError):
        return None
    return prepared.params["url"]


def _clock_time(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%H:%M}"


def _page(name: str, *, status: int = 200, refresh: str | None = None, **values: str) -> Response:
    reload_ = Html(f'<meta http-equiv="refresh" content="2;url={refresh}">') if refresh else Html("")
    body = _TEMPLATES.fill(name, **values)
    content = _TEMPLATES.fill("page", title=text("payment.page-title"), reload=reload_, body=body)
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(content, status, headers)
