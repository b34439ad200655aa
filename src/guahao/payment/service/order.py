"""Orders: opened, closed, kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import BulkInsert, affected
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import publish
from guahao.kernel.ids import hospital_of
from guahao.payment.events import OrderClosed
from guahao.payment.models import LIVE, Order, OrderState, Payment, PaymentState
from guahao.payment.models.order import UNPAID


class OrderNotPayable(Problem):
    """The order is closed, already paid, or its time is over; `state` tells which."""

    code = "order-not-payable"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to open; an amount of 0 fen is paid from the start."""

    hospital_id: int
    id: UUID
    subject: str
    account_id: UUID | None
    amount_fen: int
    expires_at: datetime | None
    now: datetime

    @property
    def state(self) -> OrderState:
        """The state the order begins in."""
        return OrderState.CREATED if self.amount_fen else OrderState.PAID


ORDER_INSERT = BulkInsert(
    Order, "hospital_id", "id", "subject", "account_id", "amount_fen", "state", "expires_at", "paid_at"
)
"""For statements that open orders together with other rows; bind with `order_params`."""


def order_params(orders: Sequence[NewOrder]) -> dict[str, list[Any]]:
    """Bind `orders` for ORDER_INSERT."""
    return ORDER_INSERT.params(
        [
            {
                "hospital_id": order.hospital_id,
                "id": order.id,
                "subject": order.subject,
                "account_id": order.account_id,
                "amount_fen": order.amount_fen,
                "state": order.state,
                "expires_at": order.expires_at if order.amount_fen else None,
                "paid_at": None if order.amount_fen else order.now,
            }
            for order in orders
        ]
    )


async def locked(db: AsyncSession, order_id: UUID) -> Order:
    """Read an order and keep others from changing it; its lock also guards its payments and refunds.

    Raises `NotFound`.
    """
    row = await db.scalar(
        select(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


class Expiry(StrEnum):
    """What became of an order whose time is over."""

    CLOSED = "closed"
    PAID = "paid"
    WAITING = "waiting"
    """A provider is being asked to take no money for it; `OrderClosed` or `PaymentSucceeded` follows."""


async def let_expire(db: AsyncSession, *, order_id: UUID) -> Expiry:
    """Close an unpaid order, but only once every provider that could take money for it has agreed.

    What it was for must stay kept until the answer is CLOSED or `OrderClosed` is told.
    """
    order = await locked(db, order_id)
    if order.state not in UNPAID:
        return Expiry.PAID
    if await close_payments(db, order):
        order.state = OrderState.CLOSING
        return Expiry.WAITING
    order.state = OrderState.CLOSED
    return Expiry.CLOSED


async def close(db: AsyncSession, *, order_id: UUID) -> bool:
    """Close an unpaid order at once; False if it was paid before.

    Providers are asked afterwards to take no money for it; what still comes in is late.
    """
    order = await locked(db, order_id)
    if order.state not in UNPAID:
        return False
    await close_payments(db, order)
    order.state = OrderState.CLOSED
    return True


async def keep(db: AsyncSession, *, order_id: UUID) -> None:
    """Keep money that came late: what it is for has been taken again."""
    await db.execute(
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .where(Order.state == OrderState.PAID_LATE)
        .values(state=OrderState.PAID)
    )


async def pass_on(db: AsyncSession, *, order_id: UUID, subject: str) -> None:
    """Let an order be for another subject from now on: what it was for has been exchanged."""
    await db.execute(
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .values(subject=subject)
    )


async def close_payments(db: AsyncSession, order: Order, *, but: UUID | None = None) -> bool:
    """Ask for an end of the order's live payments; answers whether there are any."""
    due = (
        update(Payment)
        .where(Payment.hospital_id == order.hospital_id, Payment.order_id == order.id)
        .where(Payment.state.in_(LIVE), Payment.id != but if but else Payment.id == Payment.id)
        .values(state=PaymentState.CLOSING, due_at=func.clock_timestamp(), queries=0)
        .execution_options(synchronize_session=False)
    )
    return affected(await db.execute(due)) > 0


async def payment_closed(db: AsyncSession, *, payment_id: UUID) -> None:
    """Record that no money can come for a payment any more; the order waiting for the last one closes.

    Repeating changes nothing, and a payment that was captured meanwhile stays so.
    """
    payment = await db.get_one(Payment, (hospital_of(payment_id), payment_id))
    order = await locked(db, payment.order_id)
    await db.refresh(payment)
    if payment.state in LIVE:
        payment.state = PaymentState.CLOSED
        await db.flush()
    await close_after_last(db, order)


async def close_after_last(db: AsyncSession, order: Order) -> None:
    """Close an order that waits for the end of its payments, if none is live any more; its lock is held."""
    is_live = select(Payment.id).where(
        Payment.hospital_id == order.hospital_id,
        Payment.order_id == order.id,
        Payment.state.in_(LIVE),
    )
    if order.state is OrderState.CLOSING and await db.scalar(is_live.limit(1)) is None:
        order.state = OrderState.CLOSED
        await publish(
            db, OrderClosed(hospital_id=order.hospital_id, order_id=order.id, subject=order.subject)
        )
