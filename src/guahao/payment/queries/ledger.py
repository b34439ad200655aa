"""Reads of the books: entries, balances, manual entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import Adjustment, AdjustmentState, LedgerAccount, LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What one account received and gave, in fen."""

    account: LedgerAccount
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        """What the account holds; negative where it owes."""
        return self.debit_fen - self.credit_fen


async def trial_balance(db: AsyncSession, *, hospital_id: int, at: datetime) -> list[Balance]:
    """Every account of a hospital's books as of `at`; the balances add up to 0."""
    rows = await db.execute(
        select(LedgerEntry.debit, LedgerEntry.credit, func.sum(LedgerEntry.amount_fen))
        .where(LedgerEntry.hospital_id == hospital_id, LedgerEntry.occurred_at < at)
        .group_by(LedgerEntry.debit, LedgerEntry.credit)
    )
    moves = rows.all()
    return [
        Balance(
            account=account,
            debit_fen=sum(fen for debit, _, fen in moves if debit is account),
            credit_fen=sum(fen for _, credit, fen in moves if credit is account),
        )
        for account in LedgerAccount
    ]


async def adjustments_of_hospital(
    db: AsyncSession, *, hospital_id: int, state: AdjustmentState | None, before: UUID | None, limit: int
) -> Sequence[Adjustment]:
    """A hospital's manual entries, newest first, from before the one called `before`."""
    rows = select(Adjustment).where(Adjustment.hospital_id == hospital_id)
    if state is not None:
        rows = rows.where(Adjustment.state == state)
    if before is not None:
        rows = rows.where(Adjustment.id < before)
    return (await db.scalars(rows.order_by(Adjustment.id.desc()).limit(limit))).all()
