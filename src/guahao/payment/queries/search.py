"""Finding an order by what staff have at hand: any of its numbers, its appointment, or its payer."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.queries.payers import account_ids_matching
from guahao.kernel.crypto import KeyRing
from guahao.payment.models import Order, Payment, Refund

_MOST = 200
_NUMBER = re.compile(r"([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})(?:R[1-9][0-9]?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to look."""

    hospital_id: int
    key_ring: KeyRing


async def order_ids_named(db: AsyncSession, *, text: str, place: Place) -> Sequence[UUID]:
    """The hospital's orders with this number, newest first, at most 200.

    A number is one of the order, its appointment, a payment, a refund or a provider's transaction;
    else `text` is the whole name, phone or document number of a payer who has an account.
    """
    written = text.strip()
    number = _NUMBER.fullmatch(written.lower().replace("r", "R"))
    if number is not None:
        return await _of_number(db, UUID(number[1]), place.hospital_id)
    found = await _of_transaction(db, written, place.hospital_id)
    return found or await _of_person(db, written, place)


async def subjects_named(db: AsyncSession, *, text: str, place: Place) -> list[str]:
    """What cases about these orders, or about this number itself, are about."""
    written = text.strip()
    order_ids = await order_ids_named(db, text=written, place=place)
    nouns = ("transaction", "refund-number", "payment", "refund", "order")
    return [*(f"{noun}:{written}" for noun in nouns), *await subjects_of(db, order_ids, place.hospital_id)]


async def subjects_of(db: AsyncSession, order_ids: Collection[UUID], hospital_id: int) -> list[str]:
    """What cases about these orders, their payments and their refunds are about."""
    subjects = [f"order:{order_id}" for order_id in order_ids]
    its_payments = select(Payment).where(Payment.hospital_id == hospital_id, Payment.order_id.in_(order_ids))
    for payment in await db.scalars(its_payments):
        subjects += [f"payment:{payment.id}", f"transaction:{payment.transaction_id}"]
    its_refunds = select(Refund).where(Refund.hospital_id == hospital_id, Refund.order_id.in_(order_ids))
    for refund in await db.scalars(its_refunds):
        subjects += [f"refund:{refund.id}", f"refund-number:{refund.out_refund_no}"]
    return subjects


async def _of_number(db: AsyncSession, number: UUID, hospital_id: int) -> Sequence[UUID]:
    of_payment = await db.scalar(
        select(Payment.order_id).where(Payment.hospital_id == hospital_id, Payment.id == number)
    )
    of_refund = await db.scalar(
        select(Refund.order_id).where(Refund.hospital_id == hospital_id, Refund.id == number)
    )
    of_appointment = await db.scalar(
        select(Order.id).where(Order.hospital_id == hospital_id, Order.subject == f"appointment:{number}")
    )
    return [found for found in (number, of_payment, of_refund, of_appointment) if found is not None]


async def _of_transaction(db: AsyncSession, transaction_id: str, hospital_id: int) -> Sequence[UUID]:
    return (
        await db.scalars(
            select(Payment.order_id).where(
                tuple_(Payment.hospital_id, Payment.transaction_id) == (hospital_id, transaction_id)
            )
        )
    ).all()


async def _of_person(db: AsyncSession, text: str, place: Place) -> Sequence[UUID]:
    accounts = await account_ids_matching(
        db, text=text, hospital_id=place.hospital_id, key_ring=place.key_ring
    )
    if not accounts:
        return []
    orders = select(Order.id).where(Order.hospital_id == place.hospital_id, Order.account_id.in_(accounts))
    return (await db.scalars(orders.order_by(Order.created_at.desc()).limit(_MOST))).all()
