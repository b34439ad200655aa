"""Booking money: each entry moves an amount from one account to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import BulkInsert
from guahao.kernel.ids import new_id
from guahao.payment.models import LedgerAccount, LedgerEntry, Part, Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Amounts (fen, positive, by who bears them) that move from `credit` to `debit`.

    `cause` names the deed: it is booked once.
    """

    hospital_id: int
    kind: Posting
    cause: str
    debit: LedgerAccount
    credit: LedgerAccount
    amounts: Mapping[Part, int]
    order_id: UUID | None

    def rows(self) -> list[dict[str, Any]]:
        """One row for each part."""
        return [
            {
                "hospital_id": self.hospital_id,
                "id": new_id(self.hospital_id),
                "kind": self.kind,
                "cause": self.cause,
                "debit": self.debit,
                "credit": self.credit,
                "part": part,
                "amount_fen": amount_fen,
                "order_id": self.order_id,
            }
            for part, amount_fen in self.amounts.items()
        ]


LEDGER_INSERT = BulkInsert(
    LedgerEntry,
    "hospital_id",
    "id",
    "kind",
    "cause",
    "debit",
    "credit",
    "part",
    "amount_fen",
    "order_id",
)
"""For statements that book a deed, known to be new, together with other rows; bind with `ledger_params`."""


def ledger_params(*bookings: Booking) -> dict[str, list[Any]]:
    """Bind `bookings` for LEDGER_INSERT."""
    return LEDGER_INSERT.params([row for booking in bookings for row in booking.rows()])


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
    """Book a deed; booking the same `cause` again changes nothing."""
    booking = Booking(
        hospital_id=hospital_id,
        kind=kind,
        cause=cause,
        debit=debit,
        credit=credit,
        amounts=amounts,
        order_id=order_id,
    )
    once = insert(LedgerEntry).on_conflict_do_nothing(constraint="ledger_entry_once_per_cause")
    await db.execute(once, booking.rows())
