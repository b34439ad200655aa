"""Parts of the sandbox's pages: switches of faults, notifications, trades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.kernel.page import Html, together
from guahao.sandbox import faults, trade
from guahao.sandbox.faults import ANY, Fault
from guahao.sandbox.models import (
    DeliveryState,
    FaultKind,
    SandboxDelivery,
    SandboxProvider,
    SandboxTrade,
    TradeState,
)
from guahao.sandbox.pages import fill

OF_A_PAYMENT = (
    FaultKind.NOTIFY_TWICE,
    FaultKind.NOTIFY_LATE,
    FaultKind.NOTIFY_NEVER,
    FaultKind.NOTIFY_TAMPERED,
    FaultKind.NOTIFY_PROBE,
    FaultKind.SLOW_ANSWER,
    FaultKind.ERROR_AFTER_COMMIT,
    FaultKind.CUT_AFTER_COMMIT,
    FaultKind.CLOSE_RACE,
    FaultKind.REFUND_ABNORMAL,
    FaultKind.REFUND_CLOSED,
)
"""What a cashier offers for its one payment."""

_AT_WECHAT_ONLY = {
    FaultKind.NOTIFY_PROBE,
    FaultKind.REFUND_ABNORMAL,
    FaultKind.REFUND_CLOSED,
    FaultKind.REFUND_ONCE_A_MINUTE,
    FaultKind.BILL_HASH_WRONG,
    FaultKind.CERTIFICATE,
    FaultKind.MIGRATION,
}
_LASTING = {
    FaultKind.REFUND_ONCE_A_MINUTE,
    FaultKind.BILL_EXTRA_ROW,
    FaultKind.BILL_MISSING_ROW,
    FaultKind.BILL_AMOUNT_DIFFERS,
    FaultKind.BILL_REFUND_DIFFERS,
    FaultKind.CERTIFICATE,
    FaultKind.MIGRATION,
}
_TONES = {
    DeliveryState.DUE: "waiting",
    DeliveryState.DELIVERED: "good",
    DeliveryState.GIVEN_UP: "bad",
    DeliveryState.WITHHELD: "bad",
}


def kinds_of(provider: SandboxProvider, kinds: Collection[FaultKind] = tuple(FaultKind)) -> list[FaultKind]:
    """Pick the faults that a provider can have."""
    return [kind for kind in kinds if provider is SandboxProvider.WECHAT or kind not in _AT_WECHAT_ONLY]


async def fault_switches(
    db: AsyncSession, *, provider: SandboxProvider, kinds: Sequence[FaultKind], path: str, trade_no: str = ANY
) -> Html:
    """Show a switch for each of `kinds`; the buttons post to `path`/{kind}/on and `path`/{kind}/off."""
    on = {
        fault.kind: fault
        for fault in await faults.switched_on(db)
        if (fault.provider, fault.out_trade_no) == (provider, trade_no)
    }
    return together(_switch(kind, on.get(kind), path=path) for kind in kinds)


def _switch(kind: FaultKind, fault: Fault | None, *, path: str) -> Html:
    return fill(
        "fault",
        name=text(f"sandbox-fault.{kind.value}"),
        state=_how_often(fault),
        action=f"{path}/{kind.value}/{'on' if fault is None else 'off'}",
        verb=text("sandbox.fault-off" if fault is None else "sandbox.fault-on"),
        tone="off" if fault is None else "on",
    )


def _how_often(fault: Fault | None) -> str:
    if fault is None:
        return ""
    if fault.times_left is None:
        return text("sandbox.fault-lasting")
    if fault.times_left == 1:
        return text("sandbox.fault-next")
    return text("sandbox.fault-left", times=fault.times_left)


async def switch(
    db: AsyncSession, *, provider: SandboxProvider, kind: FaultKind, is_on: bool, trade_no: str = ANY
) -> None:
    """Do what a button of `fault_switches` says: once, or lasting where once makes no sense."""
    if is_on:
        times = None if kind in _LASTING else 1
        await faults.switch_on(db, provider=provider, kind=kind, out_trade_no=trade_no, times=times)
    else:
        await faults.switch_off(db, provider=provider, kind=kind, out_trade_no=trade_no)


async def deliveries(
    db: AsyncSession, *, provider: SandboxProvider | None = None, trade_no: str | None = None, limit: int = 20
) -> Html:
    """List notifications, of one trade or the newest of all, and what became of them."""
    found = select(SandboxDelivery).order_by(SandboxDelivery.id.desc()).limit(limit)
    if trade_no is not None:
        found = found.where(SandboxDelivery.provider == provider, SandboxDelivery.out_trade_no == trade_no)
    rows = (await db.scalars(found)).all()
    return together(map(_delivery, rows)) or fill("empty", said=text("sandbox.no-deliveries"))


def _delivery(row: SandboxDelivery) -> Html:
    return fill(
        "delivery",
        id=row.id,
        event=row.event,
        number=row.out_trade_no,
        event_id=row.event_id,
        state=text(f"sandbox.delivery-{row.state.value}"),
        tone=_TONES[row.state],
        disorder=text(f"sandbox.disorder-{row.disorder.value}"),
        attempts=_attempts(row),
    )


def _attempts(row: SandboxDelivery) -> str:
    said = text("sandbox.not-sent")
    if row.last_status is not None:
        status = str(row.last_status) if row.last_status else text("sandbox.no-answer")
        said = text("sandbox.attempts", attempts=row.attempts, status=status)
    return said + (text("sandbox.next-at", at=moment(row.due_at)) if row.state is DeliveryState.DUE else "")


def state_of(row: SandboxTrade, *, now: datetime) -> str:
    """Say how a trade stands."""
    if row.refunded_fen:
        return text("sandbox.trade-refunded", refunded=yuan_text(row.refunded_fen))
    if row.state is TradeState.OPEN and not trade.can_be_paid(row, now=now):
        return text("sandbox.trade-expired")
    return text(f"sandbox.trade-{row.state.value}")


def tone_of(row: SandboxTrade, *, now: datetime) -> str:
    """Choose the colour of a trade's state."""
    if row.state is TradeState.PAID:
        return "good"
    return "waiting" if trade.can_be_paid(row, now=now) else "bad"


def moment(at: datetime) -> str:
    """Write a moment as a person in China reads it."""
    local = at.astimezone(CHINA)
    return text("sandbox.moment", month=local.month, day=local.day, time=f"{local:%H:%M:%S}")
