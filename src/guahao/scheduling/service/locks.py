"""Row locks of scheduling, in the one order that cannot deadlock: sessions, then slots, each by their ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.refusals import SessionStateConflict


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


async def lock_sessions(db: AsyncSession, sessions: Collection[tuple[int, UUID]]) -> None:
    """Keep sessions (hospital, id) from being suspended or resumed until the transaction ends.

    Sessions are locked in one order. Whoever gives places back does this first, and reads the
    sessions' state in a later statement, so that no place goes on sale in a suspended session.
    """
    wanted = tuple_(ClinicSession.hospital_id, ClinicSession.id).in_(sorted(sessions))
    ordered = select(ClinicSession.id).where(wanted).order_by(ClinicSession.hospital_id, ClinicSession.id)
    await db.execute(ordered.with_for_update(key_share=True))


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


class LockedSessions:
    """Sessions and their slots that this transaction holds, so that no booking moves under it."""

    def __init__(self, sessions: Sequence[ClinicSession], slots: Mapping[UUID, list[Slot]]) -> None:
        """Take the rows; slots by session, in order of time."""
        self.sessions = {session.id: session for session in sessions}
        self.slots = slots

    def version_of(self, session_id: UUID | None) -> int | None:
        """The version that a session has now."""
        return self.sessions[session_id].version if session_id else None

    def slot_ids(self) -> list[UUID]:
        """Every slot."""
        return [slot.id for slots in self.slots.values() for slot in slots]


async def lock_whole_sessions(
    db: AsyncSession, *, hospital_id: int, session_ids: Collection[UUID]
) -> LockedSessions:
    """Lock sessions, then their slots, each in the order of ids; those that are gone are left out."""
    sessions = await db.scalars(
        select(ClinicSession)
        .where(ClinicSession.hospital_id == hospital_id, ClinicSession.id.in_(session_ids))
        .order_by(ClinicSession.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found = sessions.all()
    slots = await db.scalars(
        select(Slot)
        .where(Slot.hospital_id == hospital_id, Slot.session_id.in_([one.id for one in found]))
        .order_by(Slot.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_session: dict[UUID, list[Slot]] = defaultdict(list)
    for slot in sorted(slots, key=lambda one: one.starts_at):
        by_session[slot.session_id].append(slot)
    return LockedSessions(found, by_session)
