"""What a provider says of a refund that the hospital took back from it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment import policy
from guahao.payment.models import LedgerAccount, Part, Posting, Refund
from guahao.payment.ports import Refunded
from guahao.payment.service import ledger
from guahao.payment.service.refund import note_change


async def come_back(db: AsyncSession, row: Refund, fact: Refunded) -> None:
    """Note that the hospital has the amount; the payer has it only when somebody handed it over."""
    row.recalled_by = row.recalled_by or "system"  # else somebody asked for it on the provider's own pages
    row.recalled_at = fact.at
    await db.flush()
    await ledger.post(
        db,
        hospital_id=row.hospital_id,
        kind=Posting.REFUND_RECALLED,
        cause=f"{Posting.REFUND_RECALLED.value}:{row.id}",
        debit=LedgerAccount.CASH,
        credit=policy.account_of(fact.provider),
        amounts={Part.CASH: row.amount_fen},
        order_id=row.order_id,
    )
    await note_change(db, row, "refund.come_back", by="system")
