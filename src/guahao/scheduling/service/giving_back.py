"""Where a place goes that somebody gave back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import affected
from guahao.kernel.ids import hospital_of, new_id
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


async def taken_from_cooling(db: AsyncSession, *, slot_id: UUID) -> bool:
    """Take a cooling place of the slot for somebody who had one there; the caller moves it, last.

    Answers False when none cools; one that goes back on sale this instant counts as none.
    """
    last = (
        select(CoolingPlace.hospital_id, CoolingPlace.id)
        .where(CoolingPlace.hospital_id == hospital_of(slot_id), CoolingPlace.slot_id == slot_id)
        .order_by(CoolingPlace.until.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = await db.execute(
        delete(CoolingPlace)
        .where(tuple_(CoolingPlace.hospital_id, CoolingPlace.id).in_(last))
        .execution_options(synchronize_session=False)
    )
    return affected(taken) > 0
