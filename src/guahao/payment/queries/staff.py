"""What staff read of orders, refunds and cases of their hospital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.payment.models import (
    FinanceCase,
    LedgerEntry,
    Order,
    Payment,
    Refund,
)
from guahao.payment.queries.doubt import is_about_foreign_refund
from guahao.payment.queries.search import subjects_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """Everything about the money of one order."""

    order: Order
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    entries: Sequence[LedgerEntry]
    cases: Sequence[FinanceCase]


async def order_by_id(db: AsyncSession, *, order_id: UUID) -> Order:
    """One order. Raises `NotFound`."""
    order = await db.get(Order, (hospital_of(order_id), order_id), populate_existing=True)
    if order is None:
        raise NotFound
    return order


async def order_file(db: AsyncSession, *, order_id: UUID) -> OrderFile:
    """An order with its payments, refunds, entries in the books and cases. Raises `NotFound`."""
    order = await order_by_id(db, order_id=order_id)
    hospital_id = order.hospital_id
    payments = await db.scalars(
        select(Payment)
        .where(Payment.hospital_id == hospital_id, Payment.order_id == order_id)
        .order_by(Payment.id)
    )
    refunds = await db.scalars(
        select(Refund)
        .where(Refund.hospital_id == hospital_id, Refund.order_id == order_id)
        .order_by(Refund.id)
    )
    entries = await db.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.hospital_id == hospital_id, LedgerEntry.order_id == order_id)
        .order_by(LedgerEntry.id)
    )
    return OrderFile(
        order=order,
        payments=payments.all(),
        refunds=refunds.all(),
        entries=entries.all(),
        cases=await _cases_about(db, order),
    )


async def _cases_about(db: AsyncSession, order: Order) -> Sequence[FinanceCase]:
    subjects = await subjects_of(db, [order.id], order.hospital_id)
    payments = await db.scalars(
        select(Payment.id).where(Payment.hospital_id == order.hospital_id, Payment.order_id == order.id)
    )
    rows = select(FinanceCase).where(
        FinanceCase.hospital_id == order.hospital_id,
        or_(FinanceCase.subject.in_(subjects), is_about_foreign_refund(*payments)),
    )
    return (await db.scalars(rows.order_by(FinanceCase.id))).all()


async def refund_by_id(db: AsyncSession, *, refund_id: UUID) -> Refund:
    """One refund. Raises `NotFound`."""
    refund = await db.get(Refund, (hospital_of(refund_id), refund_id))
    if refund is None:
        raise NotFound
    return refund


async def case_by_id(db: AsyncSession, *, case_id: UUID) -> FinanceCase:
    """One case. Raises `NotFound`."""
    case = await db.get(FinanceCase, (hospital_of(case_id), case_id))
    if case is None:
        raise NotFound
    return case
