"""Taking a session and its slots for a change, in the one order that cannot deadlock: session, then slots."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.refusals import SessionStateConflict
from guahao.scheduling.service.places import Move, move


class PlacesMissing(Exception):
    """A defect, not a condition: locked slots lack places they were seen to have."""


async def lock_session(db: AsyncSession, session_id: UUID, *allowed: SessionState) -> ClinicSession:
    """Lock a session that is in one of the allowed states.

    Raises `NotFound` and `SessionStateConflict`.
    """
    statement = (
        select(ClinicSession)
        .where(ClinicSession.hospital_id == hospital_of(session_id), ClinicSession.id == session_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    session = await db.scalar(statement)
    if session is None:
        raise NotFound
    if session.state not in allowed:
        raise SessionStateConflict(state=session.state.value)
    return session


async def lock_slots(db: AsyncSession, session: ClinicSession) -> Sequence[Slot]:
    """Lock the session's slots in the order of their ids, as `places.move` does; answers fresh counters."""
    statement = (
        select(Slot)
        .where(Slot.hospital_id == session.hospital_id, Slot.session_id == session.id)
        .order_by(Slot.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).all()


async def move_all(db: AsyncSession, moves: Sequence[Move]) -> None:
    """Move places of slots that this transaction has locked; they must be there.

    Raises PlacesMissing, which rolls everything back: a counter disagrees with its rows.
    """
    if not await move(db, moves):
        raise PlacesMissing
