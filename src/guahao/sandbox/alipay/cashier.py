"""Alipay's pages in the payer's browser: the cashier of a trade, and the same for JSON clients."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, problems
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.kernel.page import Html
from guahao.sandbox import pages, panel, trade
from guahao.sandbox.alipay import gateway, notify
from guahao.sandbox.alipay.protocol import Refused, form_signed, local_text, yuan
from guahao.sandbox.alipay.shop import PATH, AlipayShop
from guahao.sandbox.models import FaultKind, SandboxProvider, SandboxTrade, TradeState
from guahao.sandbox.pages import fill
from guahao.sandbox.wechat_pay.cashier import Said, SandboxTradeNotPayable, TradeOut

router = APIRouter(prefix=PATH, tags=["sandbox"], dependencies=[Depends(public)])
ALIPAY = SandboxProvider.ALIPAY


async def _shop(request: Request) -> AlipayShop:
    shop: AlipayShop | None = getattr(request.app.state, "alipay_shop", None)
    if shop is None:
        raise NotFound
    return shop


Shop = Annotated[AlipayShop, Depends(_shop)]


@router.api_route("/gateway.do", methods=["GET", "POST"], include_in_schema=False)
async def open_gateway(request: Request, shop: Shop) -> Response:
    """Open the trade that the browser carries here, and show its cashier."""
    try:
        found = await gateway.open_page(shop, await gateway.fields_of(request))
    except Refused as refused:
        return _refused(refused.sub_code, status=400)
    return pages.back_to(_page_of(found))


@router.get("/{out_trade_no}", include_in_schema=False)
async def cashier(
    out_trade_no: str, db: Db, shop: Shop, said: Annotated[Said | None, Query()] = None
) -> Response:
    """The page on which a payment is confirmed; whoever scans a code makes its trade exist."""
    found = await trade.locked(db, provider=ALIPAY, out_trade_no=out_trade_no)
    if found is None:
        return _refused("ACQ.TRADE_NOT_EXIST", status=404)
    now = shop.clock()
    if trade.can_be_paid(found, now=now) and not found.asked["opened"]:
        found.asked = {**found.asked, "opened": True}
        await notify.tell_unpaid(db, shop, found)
    body = fill(
        "cashier",
        name=text("sandbox-alipay.cashier"),
        amount=yuan_text(found.amount_fen),
        title=found.title,
        number=found.out_trade_no,
        state=panel.state_of(found, now=now),
        tone=panel.tone_of(found, now=now),
        said=fill("said", said=text(f"sandbox.said-{said.value}")) if said else Html(),
        deed=_deed(found, shop),
        deliveries=await panel.deliveries(db, provider=ALIPAY, trade_no=found.out_trade_no),
        faults=await panel.fault_switches(
            db,
            provider=ALIPAY,
            kinds=panel.kinds_of(ALIPAY, panel.OF_A_PAYMENT),
            path=f"{_page_of(found)}/faults",
            trade_no=found.out_trade_no,
        ),
    )
    return pages.page(body, title=text("sandbox-alipay.cashier"))


def _deed(found: SandboxTrade, shop: AlipayShop) -> Html:
    """Offer the buttons, or say why there are none."""
    if trade.can_be_paid(found, now=shop.clock()):
        until = panel.moment(found.expires_at) if found.expires_at else ""
        return fill("deed", path=_page_of(found), until=text("sandbox.payable-until", until=until))
    if found.paid_at is not None:
        return fill("said", said=text("sandbox.paid-at", at=panel.moment(found.paid_at)))
    closed = found.state is TradeState.CLOSED
    return fill("said", said=text("sandbox.closed-at" if closed else "sandbox.over"))


def _refused(sub_code: str, *, status: int) -> Response:
    title = text("sandbox-alipay.refused")
    return pages.page(fill("alipay_refused", name=title, sub_code=sub_code), title=title, status=status)


@router.post(
    "/{out_trade_no}/pay", response_model=TradeOut, responses=problems(NotFound, SandboxTradeNotPayable)
)
async def pay(out_trade_no: str, request: Request, db: Db, shop: Shop) -> Response:
    """Pay, as the payer does with a finger; once more changes nothing. Demo only.

    The trade exists from the moment its page was opened; the merchant is notified a moment later.
    """
    found = await _found(db, out_trade_no)
    is_paid = await notify.capture(db, shop, found) or found.state is TradeState.PAID
    if not is_paid and not pages.wants_page(request):
        raise SandboxTradeNotPayable
    return _answer(request, found, page=_return_address(shop, found) if is_paid else _page_of(found))


@router.post("/{out_trade_no}/cancel", response_model=TradeOut, responses=problems(NotFound))
async def cancel(out_trade_no: str, request: Request, db: Db) -> Response:
    """Turn back without paying: the trade stays open, nobody is told. Demo only."""
    found = await _found(db, out_trade_no)
    return _answer(request, found, page=found.asked["quit_url"] or _page_of(found, said=Said.CANCELLED))


@router.post("/{out_trade_no}/wrong-password", response_model=TradeOut, responses=problems(NotFound))
async def wrong_password(out_trade_no: str, request: Request, db: Db) -> Response:
    """Mistype the password: the trade stays open, nobody is told. Demo only."""
    found = await _found(db, out_trade_no)
    return _answer(request, found, page=_page_of(found, said=Said.WRONG_PASSWORD))


@router.post("/{out_trade_no}/faults/{kind}/{state}", include_in_schema=False)
async def switch(out_trade_no: str, kind: FaultKind, state: Literal["on", "off"], db: Db) -> Response:
    """Switch a fault of this payment on or off."""
    found = await _found(db, out_trade_no)
    await panel.switch(db, provider=ALIPAY, kind=kind, is_on=state == "on", trade_no=found.out_trade_no)
    return pages.back_to(_page_of(found))


async def _found(db: AsyncSession, out_trade_no: str) -> SandboxTrade:
    found = await trade.locked(db, provider=ALIPAY, out_trade_no=out_trade_no)
    if found is None:
        raise NotFound
    return found


def _answer(request: Request, found: SandboxTrade, *, page: str) -> Response:
    if pages.wants_page(request):
        return pages.back_to(page)
    return JSONResponse(TradeOut(state=found.state, amount_fen=found.amount_fen).model_dump())


def _page_of(found: SandboxTrade, *, said: Said | None = None) -> str:
    return f"{PATH}/{found.out_trade_no}" + (f"?said={said.value}" if said else "")


def _return_address(shop: AlipayShop, found: SandboxTrade) -> str:
    """Where the browser goes after paying, with signed parameters that do not say it is paid."""
    if found.return_url is None:
        return _page_of(found)
    fields = {
        "charset": "utf-8",
        "out_trade_no": found.out_trade_no,
        "method": f"alipay.trade.{found.kind}.pay.return",
        "total_amount": yuan(found.amount_fen),
        "trade_no": found.asked["trade_no"],
        "auth_app_id": shop.app_id,
        "version": "1.0",
        "app_id": shop.app_id,
        "seller_id": shop.seller_id,
        "timestamp": local_text(shop.clock()),
    }
    joint = "&" if urlsplit(found.return_url).query else "?"
    return f"{found.return_url}{joint}{urlencode(form_signed(shop.keys.alipay, fields))}"
