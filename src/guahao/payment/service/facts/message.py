"""Entering what a provider told, so that hearing it again changes nothing."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import HotStatement, table
from guahao.payment.models import ChannelMessage
from guahao.payment.ports import Paid, Refunded


class Applied(StrEnum):
    """What became of a fact."""

    APPLIED = "applied"
    REPEATED = "repeated"
    LATE = "late"
    """Money for a closed order: whoever it was for takes it again or gives it back."""
    DUPLICATE = "duplicate"
    """Money for an order that was paid already: it goes back in full."""
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


_MESSAGE = table(ChannelMessage)
_ENTER = HotStatement(
    insert(_MESSAGE)
    .values(
        {
            name: bindparam(name)
            for name in ("hospital_id", "provider", "message_id", "source", "subject", "outcome")
        }
    )
    .on_conflict_do_nothing()
    .returning(_MESSAGE.c.message_id)
)


def id_of(out_trade_no: str) -> UUID | None:
    """The payment that an order number names, if it can be one of ours."""
    try:
        return UUID(hex=out_trade_no) if len(out_trade_no) == 32 else None
    except ValueError:
        return None


async def is_news(db: AsyncSession, fact: Paid | Refunded, *, hospital_id: int, subject: str) -> bool:
    """Enter the message; a second one with its id waits for the first and then is no news."""
    entered = {
        "hospital_id": hospital_id,
        "provider": fact.provider,
        "message_id": fact.message_id,
        "source": fact.source,
        "subject": subject,
        "outcome": Applied.APPLIED,
    }
    return bool(await _ENTER.rows(db, entered))


async def note_outcome(
    db: AsyncSession, fact: Paid | Refunded, *, hospital_id: int, outcome: Applied
) -> None:
    """Record what became of an entered message."""
    if outcome is Applied.APPLIED:
        return
    await db.execute(
        update(ChannelMessage)
        .where(
            ChannelMessage.hospital_id == hospital_id,
            ChannelMessage.provider == fact.provider,
            ChannelMessage.message_id == fact.message_id,
        )
        .values(outcome=outcome.value)
    )
