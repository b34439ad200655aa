"""What staff read of orders, refunds and cases of their hospital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.payment.models import (
    CaseKind,
    CaseState,
    FinanceCase,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    Refund,
    RefundState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders; `starts_at` to `ends_at` is when they were made, half-open."""

    hospital_id: int
    state: OrderState | None = None
    account_id: UUID | None = None
    subject: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """Everything about the money of one order."""

    order: Order
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    entries: Sequence[LedgerEntry]
    cases: Sequence[FinanceCase]


async def orders_of_hospital(
    db: AsyncSession, *, wanted: OrderFilter, before: UUID | None, limit: int
) -> Sequence[Order]:
    """A hospital's orders, newest first, from before the order `before`."""
    rows = select(Order).where(*_conditions(wanted)).order_by(Order.id.desc()).limit(limit)
    return (await db.scalars(rows if before is None else rows.where(Order.id < before))).all()


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    found = [Order.hospital_id == wanted.hospital_id]
    if wanted.state is not None:
        found.append(Order.state == wanted.state)
    if wanted.account_id is not None:
        found.append(Order.account_id == wanted.account_id)
    if wanted.subject is not None:
        found.append(Order.subject == wanted.subject)
    if wanted.starts_at is not None:
        found.append(Order.created_at >= wanted.starts_at)
    if wanted.ends_at is not None:
        found.append(Order.created_at < wanted.ends_at)
    return found


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
    found = payments.all(), refunds.all()
    return OrderFile(
        order=order,
        payments=found[0],
        refunds=found[1],
        entries=entries.all(),
        cases=await _cases_about(db, order, *found),
    )


async def _cases_about(
    db: AsyncSession, order: Order, payments: Sequence[Payment], refunds: Sequence[Refund]
) -> Sequence[FinanceCase]:
    subjects = [f"order:{order.id}"]
    for payment in payments:
        subjects += [f"payment:{payment.id}", f"transaction:{payment.transaction_id}"]
    for refund in refunds:
        subjects += [f"refund:{refund.id}", f"refund-number:{refund.out_refund_no}"]
    rows = select(FinanceCase).where(
        FinanceCase.hospital_id == order.hospital_id, FinanceCase.subject.in_(subjects)
    )
    return (await db.scalars(rows.order_by(FinanceCase.id))).all()


async def refunds_of_hospital(
    db: AsyncSession, *, hospital_id: int, state: RefundState | None, before: UUID | None, limit: int
) -> Sequence[Refund]:
    """A hospital's refunds, newest first, from before the refund `before`."""
    rows = select(Refund).where(Refund.hospital_id == hospital_id).order_by(Refund.id.desc()).limit(limit)
    if state is not None:
        rows = rows.where(Refund.state == state)
    return (await db.scalars(rows if before is None else rows.where(Refund.id < before))).all()


async def cases_of_hospital(
    db: AsyncSession,
    *,
    hospital_id: int,
    state: CaseState | None,
    kind: CaseKind | None,
    before: UUID | None,
    limit: int,
) -> Sequence[FinanceCase]:
    """A hospital's cases, newest first, from before the case `before`; hospital 0 has those of nobody."""
    rows = select(FinanceCase).where(FinanceCase.hospital_id == hospital_id)
    if state is not None:
        rows = rows.where(FinanceCase.state == state)
    if kind is not None:
        rows = rows.where(FinanceCase.kind == kind)
    if before is not None:
        rows = rows.where(FinanceCase.id < before)
    return (await db.scalars(rows.order_by(FinanceCase.id.desc()).limit(limit))).all()


async def case_by_id(db: AsyncSession, *, case_id: UUID) -> FinanceCase:
    """One case. Raises `NotFound`."""
    case = await db.get(FinanceCase, (hospital_of(case_id), case_id))
    if case is None:
        raise NotFound
    return case
