"""Entering what a provider told, so that hearing it again changes nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
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
_COLUMNS = ("hospital_id", "provider", "message_id", "source", "subject", "outcome")
MESSAGE_INSERT = (
    insert(_MESSAGE)
    .values({name: bindparam(f"message__{name}", type_=_MESSAGE.c[name].type) for name in _COLUMNS})
    .on_conflict_do_nothing()
)
"""For statements that enter a message together with other rows; bind with `message_params`."""
_ENTER = HotStatement(MESSAGE_INSERT.returning(_MESSAGE.c.message_id))


def id_of(out_trade_no: str) -> UUID | None:
    """The payment that an order number names, if it can be one of ours."""
    try:
        return UUID(hex=out_trade_no) if len(out_trade_no) == 32 else None
    except ValueError:
        return None


def message_params(
    fact: Paid | Refunded, *, hospital_id: int, subject: str, outcome: Applied = Applied.APPLIED
) -> dict[str, Any]:
    """Bind a message for MESSAGE_INSERT."""
    values = (hospital_id, fact.provider, fact.message_id, fact.source, subject, outcome)
    return {f"message__{name}": value for name, value in zip(_COLUMNS, values, strict=True)}


async def is_news(db: AsyncSession, fact: Paid | Refunded, *, hospital_id: int, subject: str) -> bool:
    """Enter the message; a second one with its id waits for the first and then is no news."""
    return bool(await _ENTER.rows(db, message_params(fact, hospital_id=hospital_id, subject=subject)))


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
