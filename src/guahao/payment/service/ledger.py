"""Booking money: each entry moves an amount from one account to another."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import new_id
from guahao.payment.models import LedgerAccount, LedgerEntry, Part, Posting


async def post(
    db: AsyncSession,
    *,
    hospital_id: int,
    kind: Posting,
    cause: str,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amounts: Mapping[Part, int],
    order_id: UUID | None,
) -> None:
    """Move `amounts` (fen, positive, by who bears them) from `credit` to `debit`.

    `cause` names the deed: booking the same deed again changes nothing.
    """
    rows = [
        {
            "hospital_id": hospital_id,
            "id": new_id(hospital_id),
            "kind": kind,
            "cause": cause,
            "debit": debit,
            "credit": credit,
            "part": part,
            "amount_fen": amount_fen,
            "order_id": order_id,
        }
        for part, amount_fen in amounts.items()
    ]
    once = insert(LedgerEntry).on_conflict_do_nothing(constraint="ledger_entry_once_per_cause")
    await db.execute(once, rows)
