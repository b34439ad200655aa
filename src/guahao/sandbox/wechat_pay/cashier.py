"""The payer's side of the WeChat Pay sandbox: a page with 48 px buttons, and the same for JSON clients."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from guahao.identity.access import public
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.http import AppSettings, Db, Now, problems
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.kernel.page import Html
from guahao.sandbox import pages, panel, trade
from guahao.sandbox.models import FaultKind, SandboxTrade, TradeState
from guahao.sandbox.pages import fill
from guahao.sandbox.wechat_pay import trades
from guahao.sandbox.wechat_pay.trades import WECHAT

router = APIRouter(prefix="/sandbox", tags=["sandbox"], dependencies=[Depends(public)])


class SandboxTradeNotPayable(Problem):
    """The trade is closed or its time is over; nothing was charged."""

    code = "sandbox-trade-not-payable"
    status = 409


class Said(StrEnum):
    """What the page tells about the last tap."""

    CANCELLED = "cancelled"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105  # a state


class TradeOut(BaseModel):
    """How a trade stands."""

    state: TradeState
    amount_fen: int


@router.get("/cashier/{prepay_id}", include_in_schema=False)
async def cashier(prepay_id: str, db: Db, now: Now, said: Annotated[Said | None, Query()] = None) -> Response:
    """The page on which a payment is confirmed, as WeChat would show it."""
    found = await _found(db, prepay_id)
    path = f"/sandbox/wechat-pay/{prepay_id}"
    body = fill(
        "cashier",
        name=text("sandbox.cashier"),
        amount=yuan_text(found.amount_fen),
        title=found.title,
        number=found.out_trade_no,
        state=panel.state_of(found, now=now),
        tone=panel.tone_of(found, now=now),
        said=fill("said", said=text(f"sandbox.said-{said.value}")) if said else Html(),
        deed=_deed(found, path=path, now=now),
        deliveries=await panel.deliveries(db, provider=WECHAT, trade_no=found.out_trade_no),
        faults=await panel.fault_switches(
            db,
            provider=WECHAT,
            kinds=panel.OF_A_PAYMENT,
            path=f"{path}/faults",
            trade_no=found.out_trade_no,
        ),
    )
    return pages.page(body, title=text("sandbox.cashier"))


def _deed(found: SandboxTrade, *, path: str, now: datetime) -> Html:
    """Offer the buttons, or say why there are none."""
    if trade.can_be_paid(found, now=now):
        until = panel.moment(found.expires_at) if found.expires_at else ""
        return fill("deed", path=path, until=text("sandbox.payable-until", until=until))
    if found.paid_at is not None:
        return fill("said", said=text("sandbox.paid-at", at=panel.moment(found.paid_at)))
    closed = found.state is TradeState.CLOSED
    return fill("said", said=text("sandbox.closed-at" if closed else "sandbox.over"))


async def _found(db: AsyncSession, prepay_id: str) -> SandboxTrade:
    found = await trades.by_reference(db, prepay_id)
    if found is None:
        raise NotFound
    return found


@router.get("/wechat-pay/{prepay_id}", responses=problems(NotFound))
async def read(prepay_id: str, db: Db) -> TradeOut:
    """What the payer would be asked for, for a cashier of the client's own. Demo only."""
    found = await _found(db, prepay_id)
    return TradeOut(state=found.state, amount_fen=found.amount_fen)


@router.post(
    "/wechat-pay/{prepay_id}/pay",
    response_model=TradeOut,
    responses=problems(NotFound, SandboxTradeNotPayable),
)
async def pay(prepay_id: str, request: Request, db: Db, settings: AppSettings, now: Now) -> Response:
    """Pay, as the payer does with a finger; once more changes nothing. Demo only.

    The merchant is notified a moment later.
    """
    named = await _found(db, prepay_id)
    found = await trade.locked(db, provider=WECHAT, out_trade_no=named.out_trade_no)
    assert found is not None
    await trades.pay(
        db, found, mchid=settings.wechat_pay_mchid, time_scale=settings.sandbox_time_scale, now=now
    )
    if found.state is not TradeState.PAID and not pages.wants_page(request):
        raise SandboxTradeNotPayable
    return _answer(request, found)


@router.post("/wechat-pay/{prepay_id}/cancel", response_model=TradeOut, responses=problems(NotFound))
async def cancel(prepay_id: str, request: Request, db: Db) -> Response:
    """Turn back without paying: the trade stays open, nobody is told. Demo only."""
    return _answer(request, await _found(db, prepay_id), said=Said.CANCELLED)


@router.post("/wechat-pay/{prepay_id}/wrong-password", response_model=TradeOut, responses=problems(NotFound))
async def wrong_password(prepay_id: str, request: Request, db: Db) -> Response:
    """Mistype the password: the trade stays open, nobody is told. Demo only."""
    return _answer(request, await _found(db, prepay_id), said=Said.WRONG_PASSWORD)


@router.post("/wechat-pay/{prepay_id}/faults/{kind}/{state}", include_in_schema=False)
async def switch(prepay_id: str, kind: FaultKind, state: Literal["on", "off"], db: Db) -> Response:
    """Switch a fault of this payment on or off."""
    found = await _found(db, prepay_id)
    await panel.switch(db, provider=WECHAT, kind=kind, is_on=state == "on", trade_no=found.out_trade_no)
    return pages.back_to(_page_of(found))


def _answer(request: Request, found: SandboxTrade, *, said: Said | None = None) -> Response:
    if pages.wants_page(request):
        return pages.back_to(_page_of(found) + (f"?said={said.value}" if said else ""))
    return JSONResponse(TradeOut(state=found.state, amount_fen=found.amount_fen).model_dump())


def _page_of(found: SandboxTrade) -> str:
    return f"/sandbox/cashier/{found.reference}"
