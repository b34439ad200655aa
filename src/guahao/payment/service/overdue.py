"""What has waited for a provider too long: whatever the reason, somebody of finance hears of it."""

from __future__ import annotations

from sqlalchemy import Select, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import is_exactly
from guahao.payment import policy
from guahao.payment.models import LIVE, CaseKind, Payment, Refund, RefundState
from guahao.payment.service.case import NewCase

_ON_ITS_WAY = or_(
    is_exactly(Refund.state, RefundState.REQUESTED),
    is_exactly(Refund.state, RefundState.SUBMITTED)
    & Refund.channel_refund_id.is_not(None)
    & Refund.final_at.is_(None),
)
"""As the partial indexes of refunds to send and to follow have it."""

_LIVE = Payment.state.in_([literal_column(f"'{state.value}'") for state in LIVE])

_REFUNDS: Select[Refund] = select(Refund).where(
    _ON_ITS_WAY, Refund.requested_at < func.now() - policy.REFUND_OVERDUE_AFTER
)
_PAYMENTS: Select[Payment] = select(Payment).where(
    _LIVE, Payment.expires_at < func.now() - policy.PAYMENT_OVERDUE_AFTER
)


async def overdue(db: AsyncSession) -> list[NewCase]:
    """The cases of refunds a week on their way, and of payments a day after their time without an end."""
    refunds = [_of_refund(row) for row in await db.scalars(_REFUNDS)]
    return refunds + [_of_payment(row) for row in await db.scalars(_PAYMENTS)]


def _of_refund(row: Refund) -> NewCase:
    return NewCase(
        hospital_id=row.hospital_id,
        kind=CaseKind.REFUND_OVERDUE,
        subject=f"refund:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "state": row.state.value},
    )


def _of_payment(row: Payment) -> NewCase:
    return NewCase(
        hospital_id=row.hospital_id,
        kind=CaseKind.PAYMENT_OVERDUE,
        subject=f"payment:{row.id}",
        evidence={"order_id": str(row.order_id), "amount_fen": row.amount_fen, "state": row.state.value},
    )
