"""Refunds by staff: asked for within a limit, decided by a second person, handed over by other means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.ids import hospital_of, new_id
from guahao.payment import policy
from guahao.payment.models import Order, Payment, PaymentState, Provider, Refund, RefundReason, RefundState
from guahao.payment.queries.doubt import is_in_doubt
from guahao.payment.queries.setting import setting_of
from guahao.payment.queries.staff import order_by_id
from guahao.payment.service.order import locked
from guahao.payment.service.refund import arrived, kept_payment, note_change, promise, request, void


class RefundStateConflict(Problem):
    """The refund is in a `state` in which this cannot be done, perhaps because somebody did it just now."""

    code = "refund-state-conflict"
    status = 409


class RefundInDoubt(Problem):
    """The provider gave money of the same payment back that nobody asked for here; its case is still open."""

    code = "refund-in-doubt"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWish:
    """A part of an order's money to go back: of the payment kept for it, or of a disputed one by its id."""

    order_id: UUID
    payment_id: UUID | None
    amount_fen: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRule:
    """How much of an order can go back, and how much of that without a second person."""

    refundable_fen: int
    alone_up_to_fen: int


async def refund_rule(db: AsyncSession, *, order_id: UUID, by: str) -> RefundRule:
    """What holds for `by` now, of the payment kept for an order. Raises `NotFound`."""
    order = await order_by_id(db, order_id=order_id)
    setting = await setting_of(db, order.hospital_id)
    payment = await kept_payment(db, order)
    left_fen = 0 if payment is None else payment.captured_fen - payment.refunded_fen
    alone_fen = max(0, setting.second_person_over_fen - await _given_alone(db, order, by=by))
    return RefundRule(refundable_fen=left_fen, alone_up_to_fen=min(left_fen, alone_fen))


async def request_refund(db: AsyncSession, *, wish: RefundWish, by: str) -> Refund:
    """Promise money of an order back, up to the hospital's limit without a second person.

    What `by` gave back of this order alone before counts towards the limit, so that it cannot be
    split. Raises what `refund.request` raises, and `NotFound` for a payment that is not disputed.
    """
    order = await locked(db, wish.order_id)
    setting = await setting_of(db, order.hospital_id)
    limit_fen = max(0, setting.second_person_over_fen - await _given_alone(db, order, by=by))
    if wish.payment_id is not None:
        return await _give_back_disputed(db, order, wish, by=by, limit_fen=limit_fen)
    return await request(
        db, order_id=order.id, amount_fen=wish.amount_fen, note=wish.note, by=by, limit_fen=limit_fen
    )


async def _give_back_disputed(
    db: AsyncSession, order: Order, wish: RefundWish, *, by: str, limit_fen: int
) -> Refund:
    payment = await db.get(Payment, (order.hospital_id, wish.payment_id), populate_existing=True)
    if payment is None or payment.order_id != order.id or payment.state is not PaymentState.DISPUTED:
        raise NotFound
    waits = policy.needs_second_person(wish.amount_fen, limit_fen=limit_fen)
    return await promise(
        db,
        order,
        payment,
        amount_fen=wish.amount_fen,
        reason=RefundReason.STAFF,
        cause=f"staff:{new_id(order.hospital_id)}",
        by=by,
        note=wish.note,
        state=RefundState.AWAITING_APPROVAL if waits else RefundState.REQUESTED,
    )


async def _given_alone(db: AsyncSession, order: Order, *, by: str) -> int:
    """What went back at the word of `by` alone: a closed refund too, as it may be tried again."""
    each = (
        select(func.max(Refund.amount_fen).label("amount_fen"))
        .where(
            Refund.hospital_id == order.hospital_id,
            Refund.order_id == order.id,
            Refund.reason == RefundReason.STAFF,
            Refund.requested_by == by,
            Refund.approved_by.is_(None),
            Refund.state.not_in((RefundState.AWAITING_APPROVAL, RefundState.REJECTED)),
        )
        .group_by(func.split_part(Refund.cause, "~", 1))  # with what took its place it is one
        .subquery()
    )
    given = await db.scalar(select(func.coalesce(func.sum(each.c.amount_fen), 0)))
    return int(given or 0)


async def approve(db: AsyncSession, *, refund_id: UUID, by: str) -> Refund:
    """Let a refund above the limit go, or confirm that one was handed over by other means.

    Raises `NotFound`, `SamePerson`, `RefundStateConflict`, and `RefundInDoubt` for one handed over.
    """
    order, row = await _locked_refund(db, refund_id)
    match row.state:
        case RefundState.AWAITING_APPROVAL:
            _require_another(row.requested_by, by)
            row.state = RefundState.REQUESTED
            row.approved_by = by
            row.due_at = await _now(db)
            await db.flush()
            await note_change(db, row, "refund.approve", by=by)
        case RefundState.MANUAL:
            await _confirm(db, order, row, by=by)
        case _:
            raise RefundStateConflict(state=row.state.value)
    return row


async def _confirm(db: AsyncSession, order: Order, row: Refund, *, by: str) -> None:
    giver = row.settled_by
    if giver is None:
        raise RefundStateConflict(state=row.state.value)
    _require_another(giver, by)
    await _require_no_doubt(db, row)
    await note_change(db, row, "refund.confirm", by=by)
    await arrived(db, order, row, at=await _now(db), by=giver)


async def reject(db: AsyncSession, *, refund_id: UUID, note: str, by: str) -> Refund:
    """Refuse a refund above the limit, or say that a handing-over did not happen.

    Raises `NotFound`, `SamePerson`, `RefundStateConflict`.
    """
    order, row = await _locked_refund(db, refund_id)
    match row.state:
        case RefundState.AWAITING_APPROVAL:
            _require_another(row.requested_by, by)
            _add_note(row, note)
            await void(db, order, row, state=RefundState.REJECTED, by=by)
        case RefundState.MANUAL:
            _require_another(row.settled_by, by)
            _add_note(row, note)
            row.settled_by = None
            row.state = RefundState.REQUESTED if await _is_cash(db, row) else RefundState.ABNORMAL
            await db.flush()
            await note_change(db, row, "refund.deny", by=by)
        case _:
            raise RefundStateConflict(state=row.state.value)
    return row


async def hand_over(db: AsyncSession, *, refund_id: UUID, note: str, by: str) -> Refund:
    """Say that a refund of cash, or one the payer's card did not take, was given by other means.

    It counts as arrived when a second person confirms it (`approve`). Raises `NotFound`,
    `RefundStateConflict`, `RefundInDoubt`.
    """
    _, row = await _locked_refund(db, refund_id)
    is_payable = row.state is RefundState.ABNORMAL or (
        row.state is RefundState.REQUESTED and await _is_cash(db, row)
    )
    if not is_payable:
        raise RefundStateConflict(state=row.state.value)
    await _require_no_doubt(db, row)
    row.state = RefundState.MANUAL
    row.settled_by = by
    _add_note(row, note)
    await db.flush()
    await note_change(db, row, "refund.hand_over", by=by)
    return row


async def retry(db: AsyncSession, *, refund_id: UUID, by: str) -> Refund:
    """Send a refund to its provider again now, under the same number; a closed one gets a new number.

    One that the provider took and then could not carry out is handed over instead. Raises `NotFound`,
    `RefundStateConflict`, `RefundTooLarge`.
    """
    order, row = await _locked_refund(db, refund_id)
    if row.state is RefundState.CLOSED:
        return await _renew(db, order, row, by=by)
    was_refused = row.state is RefundState.ABNORMAL and row.channel_refund_id is None
    if not (was_refused or row.state is RefundState.REQUESTED) or await _is_cash(db, row):
        raise RefundStateConflict(state=row.state.value)
    row.state = RefundState.REQUESTED
    row.last_error = None
    row.due_at = await _now(db)
    row.tries = 0
    await db.flush()
    await note_change(db, row, "refund.retry", by=by)
    return row


async def _renew(db: AsyncSession, order: Order, row: Refund, *, by: str) -> Refund:
    """Promise the same again under the cause that an automatic renewal has, so it happens once."""
    payment = await db.get_one(Payment, (row.hospital_id, row.payment_id), populate_existing=True)
    cause, _, renewed = row.cause.partition("~")
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
    new.approved_by = new.approved_by or row.approved_by
    await db.flush()
    await note_change(db, new, "refund.retry", by=by)
    return new


async def _now(db: AsyncSession) -> datetime:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    return now


async def _require_no_doubt(db: AsyncSession, row: Refund) -> None:
    if await is_in_doubt(db, payment_id=row.payment_id):
        raise RefundInDoubt


def _require_another(first: str | None, second: str) -> None:
    if first == second:
        raise SamePerson


def _add_note(row: Refund, note: str) -> None:
    row.note = f"{row.note}\n{note}" if row.note else note


async def _is_cash(db: AsyncSession, row: Refund) -> bool:
    payment = await db.get_one(Payment, (row.hospital_id, row.payment_id))
    return payment.provider is Provider.CASH


async def _locked_refund(db: AsyncSession, refund_id: UUID) -> tuple[Order, Refund]:
    row = await db.get(Refund, (hospital_of(refund_id), refund_id))
    if row is None:
        raise NotFound
    order = await locked(db, row.order_id)
    await db.refresh(row)
    return order, row
