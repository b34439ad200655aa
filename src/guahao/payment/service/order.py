"""Use cases of payment: open, settle, close, refund an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import BulkInsert, affected
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import publish
from guahao.kernel.ids import hospital_of
from guahao.payment.events import PaymentSucceeded, RefundRequested
from guahao.payment.models import Order, OrderState


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


async def settle(db: AsyncSession, *, order_id: UUID) -> Order:
    """Record that the order's amount was captured, once; tells `PaymentSucceeded`.

    A second call answers `OrderNotPayable`, and so does an order past its time by the database's
    clock. Raises `NotFound`.
    """
    statement = (
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .where(Order.state == OrderState.CREATED)
        .where(or_(Order.expires_at.is_(None), Order.expires_at > func.clock_timestamp()))
        .values(state=OrderState.PAID, paid_at=func.clock_timestamp())
        .returning(Order)
    )
    order = await db.scalar(statement)
    if order is None:
        existing = await db.get(Order, (hospital_of(order_id), order_id))
        if existing is None:
            raise NotFound
        raise OrderNotPayable(state=existing.state.value)
    await publish(
        db, PaymentSucceeded(hospital_id=order.hospital_id, order_id=order.id, subject=order.subject)
    )
    return order


async def close(db: AsyncSession, *, order_id: UUID) -> bool:
    """Close an unpaid order so that no money can come for it; False if it was paid before."""
    statement = (
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .where(Order.state.in_((OrderState.CREATED, OrderState.CLOSED)))
        .values(state=OrderState.CLOSED)
    )
    return affected(await db.execute(statement)) == 1


async def refund(db: AsyncSession, *, order_id: UUID) -> bool:
    """Ask for the whole amount back to the payer, once; tells `RefundRequested`.

    An order of 0 fen needs nothing and an unpaid one is closed; both answer False.
    """
    statement = (
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .where(Order.state == OrderState.PAID, Order.amount_fen > 0)
        .values(state=OrderState.REFUNDING)
        .returning(Order.amount_fen)
    )
    amount_fen = await db.scalar(statement)
    if amount_fen is None:
        await close(db, order_id=order_id)
        return False
    await publish(
        db, RefundRequested(hospital_id=hospital_of(order_id), order_id=order_id, amount_fen=amount_fen)
    )
    return True


async def refund_arrived(db: AsyncSession, *, order_id: UUID) -> None:
    """Record that the payer has the whole amount back; a second call changes nothing."""
    await db.execute(
        update(Order)
        .where(Order.hospital_id == hospital_of(order_id), Order.id == order_id)
        .where(Order.state == OrderState.REFUNDING)
        .values(state=OrderState.REFUNDED)
    )
