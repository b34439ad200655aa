"""Whether money of some orders may still move."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import in_parts
from guahao.kernel.ids import hospital_of
from guahao.payment.models import CaseState, FinanceCase, Order, OrderState, Payment, Refund
from guahao.payment.models.payment import LIVE, PaymentState
from guahao.payment.models.refund import UNSETTLED

_MOVING = (OrderState.PAYING, OrderState.CLOSING, OrderState.PAID_LATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """What is not settled: orders whose payment is not clear, refunds that did not arrive, open cases."""

    payments: int = 0
    refunds: int = 0
    cases: int = 0


async def unsettled_of(db: AsyncSession, order_ids: Collection[UUID]) -> Unsettled:
    """Count what of these orders is not settled. An order that nobody began to pay is nothing to settle."""
    payments = refunds = cases = 0
    for part in in_parts([(hospital_of(id_), id_) for id_ in order_ids]):
        payments += await _count(db, _paying(part))
        refunds += await _count(db, _returning(part))
        cases += await _count(db, _disputed(part))
    return Unsettled(payments=payments, refunds=refunds, cases=cases)


async def _count(db: AsyncSession, wanted: Select[UUID]) -> int:
    return await db.scalar(select(func.count()).select_from(wanted.subquery())) or 0


def _paying(orders: Collection[tuple[int, UUID]]) -> Select[UUID]:
    unclear = exists().where(
        Payment.hospital_id == Order.hospital_id,
        Payment.order_id == Order.id,
        Payment.state.in_((*LIVE, PaymentState.DISPUTED)),
    )
    wanted = tuple_(Order.hospital_id, Order.id).in_(orders)
    return select(Order.id).where(wanted, or_(Order.state.in_(_MOVING), unclear))


def _returning(orders: Collection[tuple[int, UUID]]) -> Select[UUID]:
    wanted = tuple_(Refund.hospital_id, Refund.order_id).in_(orders)
    return select(Refund.id).where(wanted, Refund.state.in_(UNSETTLED))


def _disputed(orders: Collection[tuple[int, UUID]]) -> Select[UUID]:
    moved = union_all(
        *(
            select(row.hospital_id, func.concat(noun, row.id).label("subject")).where(
                tuple_(row.hospital_id, row.order_id).in_(orders)
            )
            for noun, row in (("payment:", Payment), ("refund:", Refund))
        )
    ).subquery("moved")
    return (
        select(FinanceCase.id)
        .join(
            moved,
            and_(FinanceCase.hospital_id == moved.c.hospital_id, FinanceCase.subject == moved.c.subject),
        )
        .where(FinanceCase.state == CaseState.OPEN)
    )
