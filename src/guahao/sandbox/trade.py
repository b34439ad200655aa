"""What both providers do with trades: capture once, close, take back, settle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.sandbox.models import (
    RefundState,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
    TradeState,
)

SETTLES_AFTER = timedelta(seconds=1)
"""A refund is being processed for so long; really it takes one to three days."""


async def locked(db: AsyncSession, *, provider: SandboxProvider, out_trade_no: str) -> SandboxTrade | None:
    """Answer a trade, locked until the transaction ends: paying, closing and refunding take turns."""
    found: SandboxTrade | None = await db.scalar(
        select(SandboxTrade)
        .where(SandboxTrade.provider == provider, SandboxTrade.out_trade_no == out_trade_no)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def can_be_paid(trade: SandboxTrade, *, now: datetime) -> bool:
    """Tell whether a payer could pay now."""
    return trade.state is TradeState.OPEN and (trade.expires_at is None or now < trade.expires_at)


def capture(trade: SandboxTrade, *, transaction_id: str, payer: str | None = None, now: datetime) -> bool:
    """Take the payer's money; False if it cannot be paid (any more). The trade must be `locked`."""
    if not can_be_paid(trade, now=now):
        return False
    trade.state, trade.transaction_id, trade.paid_at = TradeState.PAID, transaction_id, now
    trade.payer = payer or trade.payer
    return True


def close(trade: SandboxTrade, *, now: datetime) -> bool:
    """Make sure that nobody pays it; False if somebody has. The trade must be `locked`."""
    if trade.state is TradeState.PAID:
        return False
    if trade.state is TradeState.OPEN:
        trade.state, trade.closed_at = TradeState.CLOSED, now
    return True


async def refunds_of(db: AsyncSession, trade: SandboxTrade) -> Sequence[SandboxRefund]:
    """List a trade's refunds, oldest first."""
    found = select(SandboxRefund).where(
        SandboxRefund.provider == trade.provider, SandboxRefund.out_trade_no == trade.out_trade_no
    )
    return (await db.scalars(found.order_by(SandboxRefund.created_at, SandboxRefund.out_refund_no))).all()


async def due_refunds(
    db: AsyncSession, *, provider: SandboxProvider, now: datetime, limit: int = 50
) -> Sequence[SandboxRefund]:
    """List refunds that have been processed long enough, locked: who settles them tells the merchant."""
    due = (
        select(SandboxRefund)
        .where(
            SandboxRefund.provider == provider,
            SandboxRefund.state == RefundState.PROCESSING,
            SandboxRefund.settles_at <= now,
        )
        .order_by(SandboxRefund.settles_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await db.scalars(due)).all()


async def newest(db: AsyncSession, *, limit: int) -> Sequence[SandboxTrade]:
    """List the newest trades of both providers."""
    found = select(SandboxTrade).order_by(SandboxTrade.created_at.desc(), SandboxTrade.out_trade_no)
    return (await db.scalars(found.limit(limit))).all()
