"""Asking providers how live payments stand, and ending those that are no longer wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.payment import policy
from guahao.payment.models import LIVE, Payment, PaymentState, Provider
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Closing,
    Gateway,
    Gateways,
    Paid,
    TradeState,
)
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.order import payment_closed
from guahao.payment.service.remote import all_of, note_refusal, note_unreadable

BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    payment_id: UUID
    out_trade_no: str
    provider: Provider
    is_closing: bool
    is_over: bool
    """The provider's own time for it has passed, so an order number it never heard of stays unknown."""


async def ask_about_payments(sessions: Sessions, *, gateways: Gateways) -> int:
    """Ask about up to 100 live payments that are due; apply what is paid, close what is over.

    A provider that does not answer is asked again later; the payment, and the place, wait for it.
    """
    async with transaction(sessions) as db:
        due = [_due(row, now) for row, now in await _claim(db, gateways)]
    await all_of(_ask(sessions, gateways[one.provider], one) for one in due)
    return len(due)


async def _claim(db: AsyncSession, gateways: Gateways) -> Sequence[tuple[Payment, datetime]]:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    found = await db.scalars(
        select(Payment)
        .where(Payment.state.in_(LIVE), Payment.due_at <= now)
        .where(Payment.channel.in_(policy.online_channels(gateways)))
        .order_by(Payment.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    claimed = found.all()
    for row in claimed:
        if row.expires_at <= now:
            row.state = PaymentState.CLOSING
        is_closing = row.state is PaymentState.CLOSING
        wait = policy.close_again_after(row.queries) if is_closing else policy.ask_after(row.queries)
        row.due_at = now + wait
        row.queries += 1
    await db.flush()
    return [(row, now) for row in claimed]


def _due(row: Payment, now: datetime) -> _Due:
    return _Due(
        payment_id=row.id,
        out_trade_no=row.out_trade_no,
        provider=row.provider,
        is_closing=row.state is PaymentState.CLOSING,
        is_over=row.expires_at <= now,
    )


async def _ask(sessions: Sessions, gateway: Gateway, one: _Due) -> None:
    try:
        answer = await gateway.query(one.out_trade_no)
        if isinstance(answer, TradeState) and one.is_closing:
            answer = await _close(gateway, one, answer)
    except ChannelUnreadable as error:
        await note_unreadable(sessions, gateway.provider, error, kind="payment", id_=one.payment_id)
        return
    except ChannelUncertain:
        return
    except ChannelRefused as refused:
        await note_refusal(sessions, gateway.provider, refused)
        return
    if isinstance(answer, Paid):
        await apply_fact(sessions, answer)
    elif answer is TradeState.CLOSED:
        async with transaction(sessions) as db:
            await payment_closed(db, payment_id=one.payment_id)


async def _close(gateway: Gateway, one: _Due, state: TradeState) -> Paid | TradeState:
    if state is TradeState.CLOSED:
        return state
    if state is TradeState.UNKNOWN and not one.is_over:
        return state  # the payer may open the page yet: it is closed when its time is over
    if await gateway.close(one.out_trade_no) is Closing.CLOSED:
        return TradeState.CLOSED
    return await gateway.query(one.out_trade_no)
