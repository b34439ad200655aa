"""How far refunds are: arrived, in trouble, or to be asked for again under a new number."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.payment import policy
from guahao.payment.models import CaseKind, Order, Refund, RefundState
from guahao.payment.ports import Refunded, RefundOutcome
from guahao.payment.service.case import open_case
from guahao.payment.service.facts.message import Applied, id_of, is_news, note_outcome
from guahao.payment.service.facts.returned import come_back
from guahao.payment.service.order import locked
from guahao.payment.service.refund import arrived, note_change, promise, void

RENEWALS = 3
"""So often a refund that the provider closed is asked for again under a new number."""


async def apply_refunded(db: AsyncSession, fact: Refunded) -> Applied:
    """Record how far a refund of ours is, once, with everything that follows from it."""
    payment_id = id_of(fact.out_refund_no.partition("R")[0])
    hospital_id = DIRECTORY if payment_id is None else hospital_of(payment_id)
    if not await is_news(db, fact, hospital_id=hospital_id, subject=fact.out_refund_no):
        return Applied.REPEATED
    row = await _refund_of(db, hospital_id, payment_id, fact.out_refund_no)
    if row is None or row.amount_fen != fact.amount_fen:
        outcome = await _unknown_refund(db, hospital_id, fact)
    else:
        order = await locked(db, row.order_id)
        await db.refresh(row)
        outcome = await _heard(db, order, row, fact)
    await note_outcome(db, fact, hospital_id=hospital_id, outcome=outcome)
    return outcome


async def _heard(db: AsyncSession, order: Order, row: Refund, fact: Refunded) -> Applied:
    """Tell what ended with the hospital from what reached the payer, whichever of them was asked for."""
    if fact.outcome is not RefundOutcome.SUCCESS or fact.went_to_hospital is None:
        is_ours_again = row.recalled_by is not None
    else:
        is_ours_again = fact.went_to_hospital
    if not is_ours_again:
        return await _advance(db, order, row, fact)
    if row.state in {RefundState.REQUESTED, RefundState.SUBMITTED}:
        await _abnormal(db, row)
    return await come_back(db, row, fact)


async def _refund_of(
    db: AsyncSession, hospital_id: int, payment_id: UUID | None, out_refund_no: str
) -> Refund | None:
    number = out_refund_no.partition("R")[2]
    if payment_id is None or not (number.isascii() and number.isdigit() and len(number) <= 2):
        return None
    row: Refund | None = await db.scalar(
        select(Refund).where(
            Refund.hospital_id == hospital_id, Refund.payment_id == payment_id, Refund.number == int(number)
        )
    )
    return row


async def _advance(db: AsyncSession, order: Order, row: Refund, fact: Refunded) -> Applied:
    if row.state in {RefundState.SUCCESS, RefundState.CLOSED, RefundState.REJECTED}:
        return await _after_the_end(db, row, fact)
    row.channel_refund_id = fact.channel_refund_id
    match fact.outcome:
        case RefundOutcome.PROCESSING:
            await _submitted(db, row)
        case RefundOutcome.SUCCESS:
            row.recall_asked_by = row.recalled_by = None  # it came to pass without
            if row.state is RefundState.MANUAL:  # somebody says it was handed over: perhaps twice, then
                await _unknown_refund(db, row.hospital_id, fact)
            await arrived(db, order, row, at=fact.at)
        case RefundOutcome.ABNORMAL:
            await _abnormal(db, row)
        case RefundOutcome.CLOSED:
            await _renew(db, order, row)
        case _:
            assert_never(fact.outcome)
    return Applied.APPLIED


async def _after_the_end(db: AsyncSession, row: Refund, fact: Refunded) -> Applied:
    is_known = row.state is RefundState.SUCCESS and row.settled_by is None
    if fact.outcome is RefundOutcome.SUCCESS and not is_known:
        return await _unknown_refund(db, row.hospital_id, fact)
    return Applied.REPEATED


async def _submitted(db: AsyncSession, row: Refund) -> None:
    if row.state is RefundState.REQUESTED:
        row.state = RefundState.SUBMITTED
        now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
        row.submitted_at = now
        row.tries = 0
        row.due_at = now + policy.follow_after(0)
        await note_change(db, row, "refund.submit", by="system")
    await db.flush()


async def _abnormal(db: AsyncSession, row: Refund) -> None:
    if row.state in {RefundState.ABNORMAL, RefundState.MANUAL}:
        return
    row.state = RefundState.ABNORMAL
    await db.flush()
    await note_change(db, row, "refund.abnormal", by="system")
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_ABNORMAL,
        subject=f"refund:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen},
    )


async def _renew(db: AsyncSession, order: Order, row: Refund) -> None:
    """Promise the same again, as often as makes sense and the provider has numbers for."""
    if row.state is RefundState.MANUAL:
        return  # somebody hands it over: sending it too would give it twice
    payment = await void(db, order, row, state=RefundState.CLOSED, by="system")
    cause, _, renewed = row.cause.partition("~")
    if int(renewed or 0) >= RENEWALS or payment.refund_count >= policy.MAX_REFUNDS:
        await open_case(
            db,
            hospital_id=row.hospital_id,
            kind=CaseKind.REFUND_REFUSED,
            subject=f"refund:{row.id}",
            evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": "CLOSED"},
        )
        return
    new = await promise(
        db,
        order,
        payment,
        amount_fen=row.amount_fen,
        reason=row.reason,
        cause=f"{cause}~{int(renewed or 0) + 1}",
        by=row.requested_by,
        note=row.note,
    )
    new.approved_by = row.approved_by
    await db.flush()


async def _unknown_refund(db: AsyncSession, hospital_id: int, fact: Refunded) -> Applied:
    await open_case(
        db,
        hospital_id=hospital_id,
        kind=CaseKind.REFUND_UNKNOWN,
        subject=f"refund-number:{fact.out_refund_no}",
        evidence={"amount_fen": fact.amount_fen, "outcome": fact.outcome.value, "source": fact.source.value},
    )
    return Applied.UNKNOWN
