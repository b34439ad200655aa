"""Suspending a session (停诊) and resuming it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Integer, delete, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.events import publish
from guahao.kernel.ids import new_id
from guahao.scheduling.events import SessionResumed, SessionSuspended
from guahao.scheduling.models import (
    RESERVES,
    Bucket,
    ClinicSession,
    CoolingPlace,
    PlaceLog,
    SessionState,
    Slot,
    Suspension,
)
from guahao.scheduling.policy.refusals import SessionStateConflict
from guahao.scheduling.policy.sight import Neighbour
from guahao.scheduling.service.busy import busy_naming
from guahao.scheduling.service.locks import lock_session, lock_slots
from guahao.scheduling.service.places import Move, move_known
from guahao.scheduling.service.templates import busy_problem

SUSPENDED = "suspended"
"""Reason in the place log: frozen because the session was suspended."""
RESUMED = "resumed"
"""Reason in the place log: back in its pool because the session was resumed."""


async def suspend(db: AsyncSession, session_id: UUID, *, reason: str, by: str) -> ClinicSession:
    """Take a published session off sale: nothing in it can be booked from this commit on.

    Held and booked places stay as they are; what becomes of their patients is told by the event.
    Suspending a suspended session changes nothing. Raises `NotFound`, `SessionStateConflict` also for what is
    over: its patients were seen.
    """
    session = await lock_session(db, session_id, SessionState.PUBLISHED, SessionState.SUSPENDED)
    if session.state is SessionState.SUSPENDED:
        return session
    await _refuse_over(db, session)
    suspension = Suspension(
        hospital_id=session.hospital_id,
        id=new_id(session.hospital_id),
        session_id=session.id,
        reason=reason,
        suspended_by=by,
    )
    db.add(suspension)
    await db.flush()
    session.suspension_id, session.suspended_reason = suspension.id, reason
    await _tell(db, session, SessionSuspended(hospital_id=session.hospital_id, session_id=session.id), by)
    await db.flush()
    slots = await lock_slots(db, session)
    cooling = await _take_cooling(db, slots)
    moves = [
        _move(slot, bucket, Bucket.FROZEN, SUSPENDED, places)
        for slot in slots
        for bucket, places in _on_sale(slot, cooling[slot.id])
        if places
    ]
    await move_known(db, moves)
    return session


async def resume(db: AsyncSession, session_id: UUID, *, by: str) -> ClinicSession:
    """Put a suspended session back on sale; each frozen place goes back to the pool it came from.

    What was open, cooling or given back meanwhile becomes free. Resuming a published session changes
    nothing. Raises `NotFound`, `SessionStateConflict`, and `DoctorBusy` or `RoomBusy` when a substitute has
    taken doctor's time or the room.
    """
    session = await lock_session(db, session_id, SessionState.PUBLISHED, SessionState.SUSPENDED)
    if session.state is SessionState.PUBLISHED:
        return session
    await _refuse_over(db, session)
    busy = await busy_naming(db, _where_it_was(session), hospital_id=session.hospital_id)
    if busy is not None:
        raise busy
    suspension_id = session.suspension_id
    session.suspension_id = session.suspended_reason = None
    try:
        await db.flush()
    except IntegrityError as error:
        raise busy_problem(error) or error from error
    await db.execute(
        update(Suspension)
        .where(Suspension.hospital_id == session.hospital_id, Suspension.id == suspension_id)
        .values(lifted_at=func.statement_timestamp(), lifted_by=by)
    )
    await _tell(db, session, SessionResumed(hospital_id=session.hospital_id, session_id=session.id), by)
    slots = await lock_slots(db, session)
    kept = await _kept_for(db, slots, suspension_id)
    await move_known(db, [move for slot in slots for move in _thawed(slot, kept)])
    return session


async def _refuse_over(db: AsyncSession, session: ClinicSession) -> None:
    """By the clock: the job that finishes sessions may come later."""
    this = ClinicSession.hospital_id == session.hospital_id, ClinicSession.id == session.id
    if await db.scalar(select(ClinicSession.ends_at <= func.clock_timestamp()).where(*this)):
        raise SessionStateConflict(state=SessionState.FINISHED.value)


async def _kept_for(
    db: AsyncSession, slots: Sequence[Slot], suspension_id: UUID | None
) -> dict[tuple[UUID, Bucket | None], int]:
    """How many places of each slot the suspension took out of each pool, add-ons of the desk's included."""
    rows = await db.execute(
        select(PlaceLog.slot_id, PlaceLog.source, func.sum(PlaceLog.places).cast(Integer))
        .join(
            Suspension,
            (Suspension.hospital_id == PlaceLog.hospital_id) & (Suspension.id == suspension_id),
        )
        .where(tuple_(PlaceLog.hospital_id, PlaceLog.slot_id).in_([(s.hospital_id, s.id) for s in slots]))
        .where(PlaceLog.reason == SUSPENDED, PlaceLog.source.in_(RESERVES))
        .where(PlaceLog.at >= Suspension.suspended_at)
        .group_by(PlaceLog.slot_id, PlaceLog.source)
    )
    return {(slot_id, source): places for slot_id, source, places in rows}


def _thawed(slot: Slot, kept: Mapping[tuple[UUID, Bucket | None], int]) -> list[Move]:
    left, moves = slot.frozen, []
    for bucket in (*RESERVES, Bucket.FREE):
        places = left if bucket is Bucket.FREE else min(left, kept.get((slot.id, bucket), 0))
        if places:
            moves.append(_move(slot, Bucket.FROZEN, bucket, RESUMED, places))
            left -= places
    return moves


def _where_it_was(session: ClinicSession) -> Neighbour:
    return Neighbour(
        id=session.id,
        doctor_id=session.doctor_id,
        campus_id=session.campus_id,
        room=session.room,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
    )


async def _tell(
    db: AsyncSession, session: ClinicSession, event: SessionSuspended | SessionResumed, by: str
) -> None:
    await publish(db, event)
    await record(
        db,
        AuditEntry(
            hospital_id=session.hospital_id,
            actor=by,
            action=event.name.removeprefix("scheduling."),
            subject=f"session:{session.id}",
        ),
    )


def _on_sale(slot: Slot, cooling: int) -> list[tuple[Bucket, int]]:
    return [
        (Bucket.FREE, slot.free),
        *((reserve, getattr(slot, reserve.value)) for reserve in RESERVES),
        (Bucket.COOLING, cooling),
    ]


async def _take_cooling(db: AsyncSession, slots: Sequence[Slot]) -> Counter[UUID]:
    """Claim cooling places; those the release job holds at this instant stay its own: no deadlock."""
    keys = [(slot.hospital_id, slot.id) for slot in slots]
    mine = (
        select(CoolingPlace.hospital_id, CoolingPlace.id)
        .where(tuple_(CoolingPlace.hospital_id, CoolingPlace.slot_id).in_(keys))
        .with_for_update(skip_locked=True)
    )
    taken = await db.scalars(
        delete(CoolingPlace)
        .where(tuple_(CoolingPlace.hospital_id, CoolingPlace.id).in_(mine))
        .returning(CoolingPlace.slot_id)
        .execution_options(synchronize_session=False)
    )
    return Counter(taken)


def _move(slot: Slot, source: Bucket, target: Bucket, reason: str, places: int) -> Move:
    return Move(
        hospital_id=slot.hospital_id,
        slot_id=slot.id,
        source=source,
        target=target,
        reason=reason,
        places=places,
    )
