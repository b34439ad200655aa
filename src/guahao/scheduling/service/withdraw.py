"""Taking back future sessions that nobody has touched, so that a changed plan can make them anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date
from guahao.scheduling.models import ClinicSession, PlaceLog, SessionState, Slot, Suspension
from guahao.scheduling.service.create import DRAFTED, PUBLISHED, RESERVED
from guahao.scheduling.service.returns import RETURNED

MADE_BY_US = (DRAFTED, PUBLISHED, RESERVED, RETURNED)
"""Moves that happen to every session by itself; any other move is somebody's."""


async def withdraw_untouched(
    db: AsyncSession, scope: ColumnElement[bool], *, hospital_id: int, now: datetime
) -> list[UUID]:
    """Delete the hospital's sessions in `scope` after today in which no place was ever taken.

    Answers the ids of those that must stay because a place was taken or added, or because they are
    suspended. A booking running at this moment holds its slot's row: it is waited for, then seen.
    """
    mine = (
        ClinicSession.hospital_id == hospital_id,
        ClinicSession.date > local_date(now),
        ClinicSession.state != SessionState.FINISHED,
        scope,
    )
    sessions = (
        await db.scalars(
            select(ClinicSession).where(*mine).order_by(ClinicSession.id).with_for_update(key_share=True)
        )
    ).all()
    ids = [session.id for session in sessions]
    in_them = (Slot.hospital_id == hospital_id, Slot.session_id.in_(ids))
    slots = await db.execute(
        select(Slot.id, Slot.session_id).where(*in_them).order_by(Slot.id).with_for_update()
    )
    session_of = {slot.id: slot.session_id for slot in slots}
    kept = {session.id for session in sessions if session.state is SessionState.SUSPENDED}
    kept |= {session_of[slot_id] for slot_id in await _touched(db, hospital_id, list(session_of))}
    gone = [id_ for id_ in ids if id_ not in kept]
    gone_slots = [slot_id for slot_id, session_id in session_of.items() if session_id not in kept]
    await delete_sessions(db, hospital_id=hospital_id, session_ids=gone, slot_ids=gone_slots)
    return [id_ for id_ in ids if id_ in kept]


async def delete_sessions(
    db: AsyncSession, *, hospital_id: int, session_ids: Sequence[UUID], slot_ids: Sequence[UUID]
) -> None:
    """Delete locked sessions with their slots, in which nobody ever had a place."""
    for statement in (
        delete(Suspension).where(
            Suspension.hospital_id == hospital_id, Suspension.session_id.in_(session_ids)
        ),
        delete(PlaceLog).where(PlaceLog.hospital_id == hospital_id, PlaceLog.slot_id.in_(slot_ids)),
        delete(Slot).where(Slot.hospital_id == hospital_id, Slot.id.in_(slot_ids)),
        delete(ClinicSession).where(
            ClinicSession.hospital_id == hospital_id, ClinicSession.id.in_(session_ids)
        ),
    ):
        await db.execute(statement.execution_options(synchronize_session=False))


async def _touched(db: AsyncSession, hospital_id: int, slot_ids: list[UUID]) -> list[UUID]:
    """The slots whose log tells of a move that somebody made; read after the rows were locked."""
    rows = await db.scalars(
        select(PlaceLog.slot_id)
        .where(PlaceLog.hospital_id == hospital_id, PlaceLog.slot_id.in_(slot_ids))
        .where(PlaceLog.reason.not_in(MADE_BY_US))
        .distinct()
    )
    return list(rows)
