"""What a provider says of a refund that the hospital took back from it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import LedgerAccount, Part, Posting, Refund
from guahao.payment.ports import Refunded, RefundOutcome
from guahao.payment.service import ledger
from guahao.payment.service.facts.message import Applied
from guahao.payment.service.refund import note_change


async def come_back(db: AsyncSession, row: Refund, fact: Refunded) -> Applied:
    """Note that the hospital has the amount, once; the payer has it only when somebody handed it over."""
    if fact.outcome is not RefundOutcome.SUCCESS or row.recalled_at is not None:
        return Applied.REPEATED
    row.recalled_by = row.recalled_by or "system"  # else somebody asked for it on the provider's own pages
    row.recalled_at = fact.at
    await db.flush()
    await ledger.post(
        db,
        hospital_id=row.hospital_id,
        kind=Posting.REFUND_RECALLED,
        cause=f"{Posting.REFUND_RECALLED.value}:{row.id}",
        debit=LedgerAccount.CASH,
        credit=LedgerAccount.WECHAT,
        amounts={Part.CASH: row.amount_fen},
        order_id=row.order_id,
    )
    await note_change(db, row, "refund.come_back", by="system")
    return Applied.APPLIED
