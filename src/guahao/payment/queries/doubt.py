"""Whether money of a payment may have left by a way that we do not know."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import hospital_of
from guahao.payment.models import CaseKind, CaseState, FinanceCase

_KINDS = (CaseKind.REFUND_UNKNOWN, CaseKind.BILL_REFUND)


def is_about_foreign_refund(*payment_ids: UUID) -> ColumnElement[bool]:
    """Cases of money of these payments that a provider gave back without our asking for it."""
    named = FinanceCase.evidence["payment_id"].as_string()
    return and_(FinanceCase.kind.in_(_KINDS), named.in_([str(id_) for id_ in payment_ids]))


async def is_in_doubt(db: AsyncSession, *, payment_id: UUID) -> bool:
    """Whether such a case of a payment is open: people find out first, then its money may leave by hand."""
    case = select(FinanceCase.id).where(
        FinanceCase.hospital_id == hospital_of(payment_id),
        FinanceCase.state == CaseState.OPEN,
        is_about_foreign_refund(payment_id),
    )
    return await db.scalar(case.limit(1)) is not None
