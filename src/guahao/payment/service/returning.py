"""Sending promised refunds to providers and following them until they have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, is_exactly, transaction
from guahao.kernel.i18n import text
from guahao.kernel.ids import hospital_of
from guahao.payment import policy
from guahao.payment.models import CaseKind, Payment, Provider, Refund, RefundState
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Gateway,
    Gateways,
    RefundOrder,
)
from guahao.payment.service.case import open_case
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.order import locked
from guahao.payment.service.refund import note_change
from guahao.payment.service.remote import all_of, note_refusal, note_unreadable

_PATIENCE = 5
"""After so many refusals that time should heal, finance hears of it; the refund is still tried."""

_NOT_KNOWN = "NOT_KNOWN"
"""A provider that took a refund knows nothing of it: once that is a delay of theirs."""

_FOLLOWED = (RefundState.SUBMITTED, RefundState.ABNORMAL, RefundState.MANUAL, RefundState.SUCCESS)
"""With a last word still to come, also what was handed over meanwhile: people change it at the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    refund_id: UUID
    provider: Provider
    order: RefundOrder


async def send_refunds(sessions: Sessions, *, gateways: Gateways) -> int:
    """Send up to 100 refunds that are due, at most one a minute for each payment.

    The number of a refund never changes, so one whose answer was lost is sent again and stays one.
    Answers 0, so that it runs once a second and never sends more than providers take.
    """
    async with transaction(sessions) as db:
        due = await _claim_to_send(db, gateways)
    await all_of(_send(sessions, gateways[one.provider], one) for one in due)
    return 0


async def _claim_to_send(db: AsyncSession, gateways: Gateways) -> Sequence[_Due]:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    is_rested = or_(Payment.refund_sent_at.is_(None), Payment.refund_sent_at <= now - policy.REFUND_SPACING)
    found = await db.execute(
        select(Refund, Payment)
        .join(Payment, (Payment.hospital_id == Refund.hospital_id) & (Payment.id == Refund.payment_id))
        .where(is_exactly(Refund.state, RefundState.REQUESTED), Refund.due_at <= now, is_rested)
        .where(Payment.channel.in_(policy.online_channels(gateways)))
        .order_by(Refund.due_at)
        .limit(policy.REFUNDS_PER_BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    claimed: dict[UUID, _Due] = {}
    for refund, payment in found:
        if payment.id in claimed:
            continue
        payment.refund_sent_at = now
        refund.due_at = now + policy.send_again_after(refund.tries)
        refund.tries += 1
        claimed[payment.id] = _due(refund, payment)
    await db.flush()
    return list(claimed.values())


def _due(refund: Refund, payment: Payment) -> _Due:
    return _Due(
        refund_id=refund.id,
        provider=payment.provider,
        order=RefundOrder(
            out_trade_no=payment.out_trade_no,
            out_refund_no=refund.out_refund_no,
            amount_fen=refund.amount_fen,
            total_fen=payment.captured_fen,
            reason=text(f"refund.{refund.reason.value}"),
        ),
    )


async def _send(sessions: Sessions, gateway: Gateway, one: _Due) -> None:
    try:
        fact = await gateway.refund(one.order)
    except ChannelUnreadable as error:
        await note_unreadable(sessions, gateway.provider, error, kind="refund", id_=one.refund_id)
        return
    except ChannelUncertain:
        return
    except ChannelRefused as refused:
        await note_refusal(sessions, gateway.provider, refused)
        async with transaction(sessions) as db:
            await _refused(db, one.refund_id, refused)
        return
    await apply_fact(sessions, fact)


async def _refused(db: AsyncSession, refund_id: UUID, refused: ChannelRefused) -> None:
    row = await db.get_one(Refund, (hospital_of(refund_id), refund_id))
    await locked(db, row.order_id)
    await db.refresh(row)
    if row.state is not RefundState.REQUESTED:
        return
    row.last_error = refused.code
    if not refused.is_retryable:
        row.state = RefundState.ABNORMAL
        await db.flush()
        await note_change(db, row, "refund.abnormal", by="system")
    elif row.tries < _PATIENCE:
        return
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_REFUSED,
        subject=f"refund:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": refused.code},
    )


async def follow_refunds(sessions: Sessions, *, gateways: Gateways) -> int:
    """Ask about up to 100 refunds that are due and without a last word; one nobody knows is sent again.

    One that cannot reach its payer goes on being asked about, less and less often: somebody may send it
    on at the provider.
    """
    async with transaction(sessions) as db:
        due = await _claim_to_follow(db, gateways)
    await all_of(_follow(sessions, gateways[one.provider], one) for one in due)
    return len(due)


async def _claim_to_follow(db: AsyncSession, gateways: Gateways) -> Sequence[_Due]:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    found = await db.execute(
        select(Refund, Payment)
        .join(Payment, (Payment.hospital_id == Refund.hospital_id) & (Payment.id == Refund.payment_id))
        .where(Refund.channel_refund_id.is_not(None), Refund.final_at.is_(None), Refund.due_at <= now)
        .where(Refund.state.in_(_FOLLOWED))
        .where(Payment.channel.in_(policy.online_channels(gateways)))
        .order_by(Refund.due_at)
        .limit(policy.REFUNDS_PER_BATCH)
        .with_for_update(skip_locked=True, key_share=True, of=Refund)
    )
    claimed = []
    for refund, payment in found:
        refund.tries += 1
        refund.due_at = now + policy.follow_after(refund.tries)
        claimed.append(_due(refund, payment))
    await db.flush()
    return claimed


async def _follow(sessions: Sessions, gateway: Gateway, one: _Due) -> None:
    try:
        fact = await gateway.query_refund(
            out_trade_no=one.order.out_trade_no, out_refund_no=one.order.out_refund_no
        )
    except ChannelUnreadable as error:
        await note_unreadable(sessions, gateway.provider, error, kind="refund", id_=one.refund_id)
        return
    except ChannelUncertain:
        return
    except ChannelRefused as refused:
        await note_refusal(sessions, gateway.provider, refused)
        return
    if fact is not None:
        await apply_fact(sessions, fact)
        return
    async with transaction(sessions) as db:
        await _send_again(db, one.refund_id)


async def _send_again(db: AsyncSession, refund_id: UUID) -> None:
    row = await db.get_one(Refund, (hospital_of(refund_id), refund_id))
    await locked(db, row.order_id)
    await db.refresh(row)
    if row.state is not RefundState.SUBMITTED:
        return
    if row.last_error == _NOT_KNOWN:  # again: it would go on like this without anybody hearing of it
        await open_case(
            db,
            hospital_id=row.hospital_id,
            kind=CaseKind.REFUND_OVERDUE,
            subject=f"refund:{row.id}",
            evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": _NOT_KNOWN},
        )
    row.last_error = _NOT_KNOWN
    row.state = RefundState.REQUESTED
    row.due_at = (await db.scalars(select(func.clock_timestamp()))).one()
    await db.flush()
