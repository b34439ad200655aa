"""What providers tell us, applied once, whether by notification, query or bill."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.events import publish
from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.payment import policy
from guahao.payment.events import PaymentSucceeded
from guahao.payment.models import (
    LIVE,
    CaseKind,
    ChannelMessage,
    LedgerAccount,
    Order,
    OrderState,
    Part,
    Payment,
    PaymentState,
    Posting,
    Refund,
    RefundReason,
    RefundState,
)
from guahao.payment.ports import Paid, Refunded, RefundOutcome
from guahao.payment.service import ledger
from guahao.payment.service.case import open_case
from guahao.payment.service.order import close_payments, locked
from guahao.payment.service.refund import arrived, note_change, promise, void

RENEWALS = 3
"""So often a refund that the provider closed is asked for again under a new number."""


class Applied(StrEnum):
    """What became of a fact."""

    APPLIED = "applied"
    REPEATED = "repeated"
    LATE = "late"
    """Money for a closed order: whoever it was for takes it again or gives it back."""
    DUPLICATE = "duplicate"
    """Money for an order that was paid already: it goes back in full."""
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


async def apply_paid(db: AsyncSession, fact: Paid) -> Applied:
    """Record captured money, once, with everything that follows from it in the caller's transaction.

    Never refuses: what does not fit becomes a case for finance, and the provider is thanked.
    """
    payment_id = _id_of(fact.out_trade_no)
    hospital_id = DIRECTORY if payment_id is None else hospital_of(payment_id)
    if not await _is_news(db, fact, hospital_id, fact.out_trade_no):
        return Applied.REPEATED
    payment = await db.get(Payment, (hospital_id, payment_id)) if payment_id else None
    if payment is None or payment.provider is not fact.provider:
        outcome = await _unknown(db, fact)
    else:
        order = await locked(db, payment.order_id)
        await db.refresh(payment)
        outcome = await _capture(db, order, payment, fact)
    await _settle_message(db, fact, hospital_id, outcome)
    return outcome


async def _unknown(db: AsyncSession, fact: Paid) -> Applied:
    evidence = {"out_trade_no": fact.out_trade_no, "amount_fen": fact.amount_fen, "source": fact.source.value}
    await open_case(
        db,
        hospital_id=DIRECTORY,
        kind=CaseKind.UNKNOWN_ORDER,
        subject=f"transaction:{fact.transaction_id}",
        evidence=evidence,
    )
    return Applied.UNKNOWN


async def _capture(db: AsyncSession, order: Order, payment: Payment, fact: Paid) -> Applied:
    if payment.state not in LIVE and payment.state is not PaymentState.CLOSED:
        if payment.transaction_id == fact.transaction_id:
            return Applied.REPEATED
        return await _second_transaction(db, payment, fact)
    is_right = fact.amount_fen == payment.amount_fen
    payment.state = PaymentState.CAPTURED if is_right else PaymentState.DISPUTED
    payment.transaction_id = fact.transaction_id
    payment.captured_fen = fact.amount_fen
    payment.captured_at = fact.paid_at
    await db.flush()
    await _book_capture(db, order, payment)
    if not is_right:
        return await _dispute(db, payment, fact)
    outcome = await _keep_or_return(db, order, payment)
    await _note(db, payment, "payment.capture", outcome)
    return outcome


async def _book_capture(db: AsyncSession, order: Order, payment: Payment) -> None:
    is_right = payment.state is PaymentState.CAPTURED
    await ledger.post(
        db,
        hospital_id=payment.hospital_id,
        kind=Posting.CAPTURE,
        cause=f"capture:{payment.id}",
        debit=policy.account_of(payment.provider),
        credit=LedgerAccount.PATIENT_MONEY if is_right else LedgerAccount.UNCLEAR,
        amounts={Part.CASH: payment.captured_fen},
        order_id=order.id,
    )


async def _keep_or_return(db: AsyncSession, order: Order, payment: Payment) -> Applied:
    match order.state:
        case OrderState.CREATED | OrderState.PAYING | OrderState.CLOSING:
            await _keep(db, order, payment, OrderState.PAID)
            return Applied.APPLIED
        case OrderState.CLOSED:
            await _keep(db, order, payment, OrderState.PAID_LATE)
            return Applied.LATE
        case (
            OrderState.PAID
            | OrderState.PAID_LATE
            | OrderState.REFUNDING
            | OrderState.PART_REFUNDED
            | OrderState.REFUNDED
        ):
            await promise(
                db,
                order,
                payment,
                amount_fen=payment.captured_fen,
                reason=RefundReason.DUPLICATE,
                cause=f"duplicate:{payment.id}",
                by="system",
            )
            return Applied.DUPLICATE
        case _:
            assert_never(order.state)


async def _keep(db: AsyncSession, order: Order, payment: Payment, state: OrderState) -> None:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    order.state = state
    order.paid_payment_id = payment.id
    order.paid_at = now
    await db.flush()
    await close_payments(db, order, but=payment.id)
    owed = dict(
        policy.parts_of(
            amount_fen=order.amount_fen, insurance_fen=order.insurance_fen, other_fen=order.other_fen
        )
    )
    owed.pop(Part.CASH, None)
    if owed:
        await ledger.post(
            db,
            hospital_id=order.hospital_id,
            kind=Posting.CAPTURE,
            cause=f"capture:{order.id}",
            debit=LedgerAccount.INSURANCE,
            credit=LedgerAccount.PATIENT_MONEY,
            amounts=owed,
            order_id=order.id,
        )
    await publish(
        db,
        PaymentSucceeded(
            hospital_id=order.hospital_id,
            order_id=order.id,
            subject=order.subject,
            is_late=state is OrderState.PAID_LATE,
        ),
    )


async def _dispute(db: AsyncSession, payment: Payment, fact: Paid) -> Applied:
    await open_case(
        db,
        hospital_id=payment.hospital_id,
        kind=CaseKind.AMOUNT_MISMATCH,
        subject=f"payment:{payment.id}",
        evidence={
            "asked_fen": payment.amount_fen,
            "captured_fen": fact.amount_fen,
            "source": fact.source.value,
        },
    )
    await _note(db, payment, "payment.dispute", Applied.MISMATCH)
    return Applied.MISMATCH


async def _second_transaction(db: AsyncSession, payment: Payment, fact: Paid) -> Applied:
    await open_case(
        db,
        hospital_id=payment.hospital_id,
        kind=CaseKind.UNKNOWN_ORDER,
        subject=f"transaction:{fact.transaction_id}",
        evidence={
            "payment_id": str(payment.id),
            "first_transaction": payment.transaction_id,
            "amount_fen": fact.amount_fen,
        },
    )
    return Applied.UNKNOWN


async def apply_refunded(db: AsyncSession, fact: Refunded) -> Applied:
    """Record how far a refund of ours is, once, with everything that follows from it."""
    payment_id = _id_of(fact.out_refund_no.partition("R")[0])
    hospital_id = DIRECTORY if payment_id is None else hospital_of(payment_id)
    if not await _is_news(db, fact, hospital_id, fact.out_refund_no):
        return Applied.REPEATED
    row = await _refund_of(db, hospital_id, payment_id, fact.out_refund_no)
    if row is None or row.amount_fen != fact.amount_fen:
        outcome = await _unknown_refund(db, hospital_id, fact)
    else:
        order = await locked(db, row.order_id)
        await db.refresh(row)
        outcome = await _advance(db, order, row, fact)
    await _settle_message(db, fact, hospital_id, outcome)
    return outcome


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
    payment = await void(db, order, row, state=RefundState.CLOSED, by="system")
    cause, _, renewed = row.cause.partition("~")
    if int(renewed or 0) >= RENEWALS:
        await open_case(
            db,
            hospital_id=row.hospital_id,
            kind=CaseKind.REFUND_REFUSED,
            subject=f"refund:{row.id}",
            evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": "CLOSED"},
        )
        return
    await promise(
        db,
        order,
        payment,
        amount_fen=row.amount_fen,
        reason=row.reason,
        cause=f"{cause}~{int(renewed or 0) + 1}",
        by=row.requested_by,
    )


async def _unknown_refund(db: AsyncSession, hospital_id: int, fact: Refunded) -> Applied:
    await open_case(
        db,
        hospital_id=hospital_id,
        kind=CaseKind.REFUND_UNKNOWN,
        subject=f"refund-number:{fact.out_refund_no}",
        evidence={"amount_fen": fact.amount_fen, "outcome": fact.outcome.value, "source": fact.source.value},
    )
    return Applied.UNKNOWN


def _id_of(out_trade_no: str) -> UUID | None:
    try:
        return UUID(hex=out_trade_no) if len(out_trade_no) == 32 else None
    except ValueError:
        return None


async def _is_news(db: AsyncSession, fact: Paid | Refunded, hospital_id: int, subject: str) -> bool:
    """Enter the message; a second one with its id waits for the first and then is no news."""
    entered = (
        insert(ChannelMessage)
        .values(
            hospital_id=hospital_id,
            provider=fact.provider,
            message_id=fact.message_id,
            source=fact.source,
            subject=subject,
            outcome=Applied.APPLIED,
        )
        .on_conflict_do_nothing()
        .returning(ChannelMessage.message_id)
    )
    return await db.scalar(entered) is not None


async def _settle_message(
    db: AsyncSession, fact: Paid | Refunded, hospital_id: int, outcome: Applied
) -> None:
    if outcome is Applied.APPLIED:
        return
    await db.execute(
        update(ChannelMessage)
        .where(
            ChannelMessage.hospital_id == hospital_id,
            ChannelMessage.provider == fact.provider,
            ChannelMessage.message_id == fact.message_id,
        )
        .values(outcome=outcome.value)
    )


async def _note(db: AsyncSession, payment: Payment, action: str, outcome: Applied) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=payment.hospital_id,
            actor="system",
            action=action,
            subject=f"payment:{payment.id}",
            data={
                "order_id": str(payment.order_id),
                "amount_fen": payment.captured_fen,
                "outcome": outcome.value,
            },
        ),
    )
