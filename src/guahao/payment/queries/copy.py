"""What payment holds about some orders, for a copy that their payer takes."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.copy import rows_copy
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Json, in_parts
from guahao.kernel.ids import hospital_of
from guahao.payment.models import Order, Payment, Refund


async def copy_of_orders(
    db: AsyncSession, order_ids: Collection[UUID], *, key_ring: KeyRing
) -> dict[str, list[Json]]:
    """Read orders, every try to pay them, and what went back."""
    found: dict[str, list[Json]] = {"payment_order": [], "payment": [], "refund": []}
    for part in in_parts([(hospital_of(id_), id_) for id_ in sorted(order_ids)]):
        wanted = (
            select(Order).where(tuple_(Order.hospital_id, Order.id).in_(part)),
            select(Payment).where(tuple_(Payment.hospital_id, Payment.order_id).in_(part)),
            select(Refund).where(tuple_(Refund.hospital_id, Refund.order_id).in_(part)),
        )
        for name, statement in zip(found, wanted, strict=True):
            found[name] += rows_copy(await db.scalars(statement), key_ring)
    return found
