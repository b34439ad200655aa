"""Reads of orders."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import in_parts
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.payment.models import Order, OrderState

__all__ = ["Order", "OrderState", "order_of_account", "orders_by_ids"]


async def order_of_account(db: AsyncSession, *, order_id: UUID, account_id: UUID) -> Order:
    """Read an order of this account. Raises `NotFound`, also for somebody else's."""
    order = await db.get(Order, (hospital_of(order_id), order_id))
    if order is None or order.account_id != account_id:
        raise NotFound
    return order


async def orders_by_ids(db: AsyncSession, order_ids: Collection[UUID]) -> dict[UUID, Order]:
    """Read the named orders; those that do not exist are left out."""
    keys = [(hospital_of(id_), id_) for id_ in order_ids]
    found: dict[UUID, Order] = {}
    for part in in_parts(keys):
        rows = await db.scalars(select(Order).where(tuple_(Order.hospital_id, Order.id).in_(part)))
        found |= {order.id: order for order in rows}
    return found
