"""What happens in the sandbox, at a glance: trades, notifications, faults, text messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Now, problems
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.kernel.page import Html, together
from guahao.kernel.value.fields import Id
from guahao.sandbox import delivery, faults, pages, panel, sms, trade
from guahao.sandbox.models import FaultKind, SandboxProvider, SandboxTrade
from guahao.sandbox.pages import fill

router = APIRouter(prefix="/sandbox", tags=["sandbox"], dependencies=[Depends(public)])

_NEWEST = 10


class FaultBody(Body):
    """A fault as it is switched on or shown."""

    provider: SandboxProvider
    kind: FaultKind
    out_trade_no: Id = faults.ANY
    """The only trade it hits; empty: any."""
    times: Annotated[int | None, Field(ge=1, le=1_000_000)] = 1
    """How often it happens; null: until it is switched off."""


@router.get("", include_in_schema=False)
async def index(db: Db, now: Now) -> Response:
    """The page of everything."""
    messages = [
        fill("message", phone=row.phone, said=row.text, at=panel.moment(row.sent_at))
        for row in await sms.last_messages(db, limit=_NEWEST)
    ]
    rows = [_trade(row, now=now) for row in await trade.newest(db, limit=_NEWEST)]
    body = fill(
        "index",
        trades=together(rows) or fill("empty", said=text("sandbox.no-trades")),
        deliveries=await panel.deliveries(db, limit=_NEWEST),
        messages=together(messages) or fill("empty", said=text("sandbox.no-messages")),
        faults=together([await _faults(db, provider) for provider in SandboxProvider]),
    )
    return pages.page(body, title=text("sandbox.title"))


def _trade(row: SandboxTrade, *, now: datetime) -> Html:
    paths = {
        SandboxProvider.WECHAT: f"/sandbox/cashier/{row.reference}",
        SandboxProvider.ALIPAY: f"/sandbox/alipay/{row.out_trade_no}",
    }
    return fill(
        "trade",
        path=paths[row.provider],
        provider=text(f"sandbox.{row.provider.value}"),
        title=row.title,
        amount=yuan_text(row.amount_fen),
        number=row.out_trade_no,
        state=panel.state_of(row, now=now),
        tone=panel.tone_of(row, now=now),
        at=panel.moment(row.created_at),
    )


async def _faults(db: AsyncSession, provider: SandboxProvider) -> Html:
    switches = await panel.fault_switches(
        db,
        provider=provider,
        kinds=panel.kinds_of(provider),
        path=f"/sandbox/faults/{provider.value}",
    )
    return fill("faults", name=text(f"sandbox.{provider.value}"), switches=switches)


@router.get("/style.css", include_in_schema=False)
async def style() -> Response:
    """The style sheet of all pages."""
    return pages.stylesheet()


@router.get("/faults")
async def faults_on(db: Db) -> list[FaultBody]:
    """The faults that are switched on. Demo only."""
    return [
        FaultBody(
            provider=fault.provider, kind=fault.kind, out_trade_no=fault.out_trade_no, times=fault.times_left
        )
        for fault in await faults.switched_on(db)
    ]


@router.put("/faults")
async def switch_on(body: FaultBody, db: Db) -> list[FaultBody]:
    """Switch a fault on, and answer all that are. Demo only."""
    await faults.switch_on(
        db, provider=body.provider, kind=body.kind, out_trade_no=body.out_trade_no, times=body.times
    )
    return await faults_on(db)


@router.delete("/faults", status_code=204)
async def switch_off(
    db: Db,
    provider: SandboxProvider | None = None,
    kind: FaultKind | None = None,
    out_trade_no: str | None = None,
) -> None:
    """Switch off the faults that fit, without parameters all of them. Demo only."""
    await faults.switch_off(db, provider=provider, kind=kind, out_trade_no=out_trade_no)


@router.post("/faults/{provider}/{kind}/{state}", include_in_schema=False)
async def switch(provider: SandboxProvider, kind: FaultKind, state: Literal["on", "off"], db: Db) -> Response:
    """Switch a fault of the page on or off."""
    await panel.switch(db, provider=provider, kind=kind, is_on=state == "on")
    return pages.back_to("/sandbox")


@router.post("/deliveries/{delivery_id}/send-again", include_in_schema=False, responses=problems(NotFound))
async def send_again(delivery_id: int, db: Db, now: Now) -> Response:
    """Send a notification once more, now."""
    if not await delivery.send_again(db, delivery_id=delivery_id, now=now):
        raise NotFound
    return pages.back_to("/sandbox")
