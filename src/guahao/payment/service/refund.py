"""Promising money back, and what becomes of the promise."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.errors import Problem
from guahao.kernel.events import publish
from guahao.kernel.ids import new_id
from guahao.kernel.money import yuan_text
from guahao.payment import policy
from guahao.payment.events import RefundArrived, RefundRequested
from guahao.payment.models import (
    CaseKind,
    LedgerAccount,
    Order,
    OrderState,
    Part,
    Payment,
    PaymentState,
    Posting,
    Provider,
    Refund,
    RefundReason,
    RefundState,
)
from guahao.payment.service import ledger
from guahao.payment.service.case import open_case
from guahao.payment.service.order import close, locked

_REFUNDABLE = (OrderState.PAID, OrderState.PAID_LATE, OrderState.REFUNDING, OrderState.PART_REFUNDED)


class OrderNotPaid(Problem):
    """No captured payment is kept for the order, so nothing can go back (`state` tells why)."""

    code = "order-not-paid"
    status = 409


class RefundTooLarge(Problem):
    """More than what is left of the payment (`refundable_fen`)."""

    code = "refund-too-large"
    status = 409

    def __init__(self, *, refundable_fen: int) -> None:
        """Say how much may still go back."""
        super().__init__(refundable_fen=refundable_fen, refundable=yuan_text(refundable_fen))


async def refund(
    db: AsyncSession, *, order_id: UUID, reason: RefundReason = RefundReason.CANCELLED, by: str = "system"
) -> bool:
    """Promise everything that is left of the order's payment back to the payer, once.

    What waits for a second person is part of it: all is owed now, whatever that person would say. An
    order of 0 fen needs nothing and an unpaid one is closed; both answer False, and so does an order
    of which everything is promised already.
    """
    order = await locked(db, order_id)
    payment = await kept_payment(db, order)
    if payment is None:
        await close(db, order_id=order_id)
        return False
    await _take_back_waiting(db, order, payment, by=by)
    left_fen = payment.captured_fen - payment.refunded_fen
    if not left_fen:
        return False
    cause = f"rest:{order.id}"
    await promise(db, order, payment, amount_fen=left_fen, reason=reason, cause=cause, by=by)
    return True


async def _take_back_waiting(db: AsyncSession, order: Order, payment: Payment, *, by: str) -> None:
    waiting = await db.scalars(
        select(Refund)
        .where(Refund.hospital_id == payment.hospital_id, Refund.payment_id == payment.id)
        .where(Refund.state == RefundState.AWAITING_APPROVAL)
        .order_by(Refund.number)
    )
    for row in waiting.all():
        await void(db, order, row, state=RefundState.REJECTED, by=by)


async def refund_difference(
    db: AsyncSession, *, order_id: UUID, amount_fen: int, cause: str, by: str
) -> Refund | None:
    """Promise a part of the order's payment back because what is given now costs less, once per `cause`.

    None for an order of which nothing was captured (of 0 fen, or to be paid at the desk).
    Raises `RefundTooLarge`.
    """
    order = await locked(db, order_id)
    payment = await kept_payment(db, order)
    if payment is None:
        return None
    return await promise(
        db, order, payment, amount_fen=amount_fen, reason=RefundReason.DIFFERENCE, cause=cause, by=by
    )


async def request(
    db: AsyncSession, *, order_id: UUID, amount_fen: int, note: str, by: str, limit_fen: int
) -> Refund:
    """Promise a part of the order's payment back at the word of staff (`by`, an audit actor).

    Above `limit_fen` it waits for a second person; the amount is set aside at once, so that requests
    never exceed the payment together. Raises `NotFound`, `OrderNotPaid`, `RefundTooLarge`, the last also when
    the provider would take no more.
    """
    order = await locked(db, order_id)
    payment = await kept_payment(db, order)
    if payment is None:
        raise OrderNotPaid(state=order.state.value)
    if not _goes_out(payment):
        raise RefundTooLarge(refundable_fen=0)
    waits = policy.needs_second_person(amount_fen, limit_fen=limit_fen)
    return await promise(
        db,
        order,
        payment,
        amount_fen=amount_fen,
        reason=RefundReason.STAFF,
        cause=f"staff:{new_id(order.hospital_id)}",
        by=by,
        note=note,
        state=RefundState.AWAITING_APPROVAL if waits else RefundState.REQUESTED,
    )


async def promise(
    db: AsyncSession,
    order: Order,
    payment: Payment,
    *,
    amount_fen: int,
    reason: RefundReason,
    cause: str,
    by: str,
    note: str | None = None,
    state: RefundState = RefundState.REQUESTED,
) -> Refund:
    """Promise `amount_fen` of a captured payment back; the order's lock must be held.

    The same `cause` is the same promise. A provider takes 50 refunds of a payment: what goes back after
    them waits for staff to hand it over, and is a case. Raises `RefundTooLarge`.
    """
    its = (Refund.hospital_id == order.hospital_id, Refund.cause == cause)
    known = await db.scalar(select(Refund).where(*its))
    if known is not None:
        return known
    row = Refund(
        hospital_id=order.hospital_id,
        id=new_id(order.hospital_id),
        order_id=order.id,
        payment_id=payment.id,
        number=await _next_number(db, payment),
        amount_fen=amount_fen,
        reason=reason,
        cause=cause,
        state=_set_aside(payment, amount_fen, state),
        requested_by=by,
        note=note,
    )
    db.add(row)
    await db.flush()
    await _tell_promise(db, row, payment)
    await update_order(db, order, payment)
    await _wait_for_staff(db, row)
    return row


async def _next_number(db: AsyncSession, payment: Payment) -> int:
    """The number after the highest ever given: one that was rejected names nothing else."""
    highest = await db.scalar(
        select(func.max(Refund.number)).where(
            Refund.hospital_id == payment.hospital_id, Refund.payment_id == payment.id
        )
    )
    return (highest or 0) + 1


def _set_aside(payment: Payment, amount_fen: int, state: RefundState) -> RefundState:
    """Count it as promised; answers its state, which is another where the provider takes no more."""
    left_fen = payment.captured_fen - payment.refunded_fen
    if amount_fen > left_fen:
        raise RefundTooLarge(refundable_fen=left_fen)
    payment.refunded_fen += amount_fen
    is_stuck = state is RefundState.REQUESTED and not _goes_out(payment)
    payment.refund_count += payment.refund_count < policy.MAX_REFUNDS
    return RefundState.ABNORMAL if is_stuck else state


def _goes_out(payment: Payment) -> bool:
    """Whether one more refund of it can be carried out by the way the money came."""
    return payment.provider is Provider.CASH or payment.refund_count < policy.MAX_REFUNDS


async def _wait_for_staff(db: AsyncSession, row: Refund) -> None:
    if row.state is not RefundState.ABNORMAL:
        return
    row.last_error = "REFUNDS_USED_UP"
    await db.flush()
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_REFUSED,
        subject=f"refund:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "code": row.last_error},
    )


async def _tell_promise(db: AsyncSession, row: Refund, payment: Payment) -> None:
    payable = LedgerAccount.REFUNDS_PAYABLE
    await _book(db, row, Posting.REFUND_PROMISED, debit=_source(payment), credit=payable)
    await publish(
        db,
        RefundRequested(
            hospital_id=row.hospital_id, order_id=row.order_id, refund_id=row.id, amount_fen=row.amount_fen
        ),
    )
    await note_change(db, row, "refund.request", by=row.requested_by)


async def arrived(db: AsyncSession, order: Order, row: Refund, *, at: datetime, by: str = "system") -> None:
    """Record that the payer has a refund's amount; the order's lock must be held. Repeating changes nothing.

    With `by` a member of staff it was handed over in cash.
    """
    if row.state is RefundState.SUCCESS:
        return
    payment = await db.get_one(Payment, (row.hospital_id, row.payment_id))
    row.state = RefundState.SUCCESS
    row.settled_at = at
    row.settled_by = None if by == "system" else by
    if by == "system" and row.submitted_at is None:  # the answer that took it was lost: this proves it
        row.submitted_at = at
    await db.flush()
    gives = policy.account_of(payment.provider if by == "system" else Provider.CASH)
    await _book(db, row, Posting.REFUND_ARRIVED, debit=LedgerAccount.REFUNDS_PAYABLE, credit=gives)
    await publish(
        db,
        RefundArrived(
            hospital_id=row.hospital_id, order_id=row.order_id, refund_id=row.id, amount_fen=row.amount_fen
        ),
    )
    await note_change(db, row, "refund.arrive", by=by)
    await update_order(db, order, payment)


async def void(db: AsyncSession, order: Order, row: Refund, *, state: RefundState, by: str) -> Payment:
    """Take a promise back that will never be carried out (REJECTED or CLOSED); the order's lock is held."""
    payment = await db.get_one(Payment, (row.hospital_id, row.payment_id))
    row.state = state
    payment.refunded_fen -= row.amount_fen
    if state is RefundState.REJECTED:  # the provider never hears of it: of its fifty it takes none
        payment.refund_count -= 1
    await db.flush()
    await _book(db, row, Posting.REFUND_VOID, debit=LedgerAccount.REFUNDS_PAYABLE, credit=_source(payment))
    await note_change(db, row, f"refund.{state.value}", by=by)
    await update_order(db, order, payment)
    return payment


async def note_change(db: AsyncSession, row: Refund, action: str, *, by: str) -> None:
    """Write a change of a refund into the audit trail."""
    await record(
        db,
        AuditEntry(
            hospital_id=row.hospital_id,
            actor=by,
            action=action,
            subject=f"refund:{row.id}",
            data={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "state": row.state.value},
        ),
    )


async def update_order(db: AsyncSession, order: Order, payment: Payment) -> None:
    """Bring the order's state in line with the refunds of the payment that is kept for it."""
    await db.flush()
    if order.paid_payment_id != payment.id:
        return
    arrived_fen = await db.scalar(
        select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(
            Refund.hospital_id == payment.hospital_id,
            Refund.payment_id == payment.id,
            Refund.state == RefundState.SUCCESS,
        )
    )
    state = policy.state_after_refunds(
        captured_fen=payment.captured_fen, promised_fen=payment.refunded_fen, arrived_fen=arrived_fen or 0
    )
    if not (state is OrderState.PAID and order.state is OrderState.PAID_LATE):
        order.state = state
    await db.flush()


async def kept_payment(db: AsyncSession, order: Order) -> Payment | None:
    """The captured payment that stands for an order, if any."""
    if order.paid_payment_id is None or order.state not in (*_REFUNDABLE, OrderState.REFUNDED):
        return None
    return await db.get_one(Payment, (order.hospital_id, order.paid_payment_id), populate_existing=True)


def _source(payment: Payment) -> LedgerAccount:
    is_unclear = payment.state is PaymentState.DISPUTED
    return LedgerAccount.UNCLEAR if is_unclear else LedgerAccount.PATIENT_MONEY


async def _book(
    db: AsyncSession, row: Refund, kind: Posting, *, debit: LedgerAccount, credit: LedgerAccount
) -> None:
    await ledger.post(
        db,
        hospital_id=row.hospital_id,
        kind=kind,
        cause=f"{kind.value}:{row.id}",
        debit=debit,
        credit=credit,
        amounts={Part.CASH: row.amount_fen},
        order_id=row.order_id,
    )
