"""Where a place goes that somebody gave back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import new_id
from guahao.scheduling.models import Bucket, CoolingPlace, SessionState
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.service.places import Move


async def given_back(
    db: AsyncSession,
    *,
    slot: SlotFacts,
    source: Bucket,
    cools_until: datetime | None,
    reason: str,
    appointment_id: UUID,
) -> Move:
    """The move that gives a place back; the caller makes it with its other moves, last.

    Frozen while the session is suspended, cooling until a time if one is given, else free at once.
    """
    target = Bucket.FREE
    if slot.state is SessionState.SUSPENDED:
        target = Bucket.FROZEN
    elif cools_until is not None:
        target = Bucket.COOLING
        await db.execute(
            insert(CoolingPlace).values(
                hospital_id=slot.hospital_id,
                id=new_id(slot.hospital_id),
                slot_id=slot.slot_id,
                until=cools_until,
            )
        )
    return Move(
        hospital_id=slot.hospital_id,
        slot_id=slot.slot_id,
        source=source,
        target=target,
        reason=reason,
        appointment_id=appointment_id,
    )
