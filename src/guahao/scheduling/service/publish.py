"""Extra sessions that no template gives, drafts, and publishing them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.queries import campuses_by_ids, departments_by_ids, doctors_by_ids, fees_of, rules_of
from guahao.catalog.service import keep_catalog
from guahao.kernel.clock import at_local
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import DIRECTORY, hospital_of, new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import Bucket, ClinicSession, Period, SessionState
from guahao.scheduling.policy.plan import PlannedSession
from guahao.scheduling.policy.refusals import CLOSED, RoomBusy, SessionInPast, misfit
from guahao.scheduling.policy.sight import Neighbour
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.service.busy import busy_naming
from guahao.scheduling.service.create import Terms, create_sessions, pool_moves, pool_shares
from guahao.scheduling.service.locks import lock_session, lock_slots
from guahao.scheduling.service.missing import missing_sessions, why_not_made
from guahao.scheduling.service.places import move_known


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraSession:
    """A session outside the weekly templates; times are local."""

    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    date: dt.date
    period: Period
    starts: dt.time
    ends: EndTime
    slot_min: int
    capacity_per_slot: int
    room: str
    level: str
    own_level: bool = False


async def add_session(
    db: AsyncSession, wanted: ExtraSession, *, hospital_id: int, is_draft: bool, by: str, now: datetime
) -> ClinicSession:
    """Make a session that no template gives, on sale or as a draft.

    Raises `NotFound` for a doctor, department or campus of another hospital, `SessionInPast`,
    `FeeMissing`, `DoctorBusy`, `RoomBusy`, and the problems of `CLOSED` where the catalogue is closed.
    """
    planned = _planned(wanted, hospital_id)
    if planned.starts_at <= now:
        raise SessionInPast
    terms = await _terms(db, planned, now=now)
    await keep_catalog(db, hospital_id=hospital_id)
    await _refuse_closed(db, planned)
    await _refuse_what_is_in_the_way(db, planned, now=now)
    state = SessionState.DRAFT if is_draft else SessionState.PUBLISHED
    made = await create_sessions(db, [planned], terms=terms, state=state)
    if not made:
        raise await _busy(db, planned)
    await _record(db, hospital_id, "session.add", made[0].id, by)
    return await lock_session(db, made[0].id, state)


async def publish_session(db: AsyncSession, session_id: UUID, *, by: str, now: datetime) -> ClinicSession:
    """Put a draft on sale: its places leave the freezer for open sale and the pools.

    Publishing a published session changes nothing. Raises `NotFound`, `SessionStateConflict`,
    `SessionInPast`, and the problems of `CLOSED` where the catalogue is closed.
    """
    await keep_catalog(db, hospital_id=hospital_of(session_id))
    session = await lock_session(db, session_id, SessionState.DRAFT, SessionState.PUBLISHED)
    if session.state is SessionState.PUBLISHED:
        return session
    if session.starts_at <= now:
        raise SessionInPast
    await _refuse_closed(db, session)
    rules = (await rules_of(db, hospital_id=session.hospital_id, now=now)).rules
    session.lifecycle = SessionState.PUBLISHED
    await _record(db, session.hospital_id, "session.publish", session.id, by)
    await db.flush()
    slots = {slot.id: slot.capacity for slot in await lock_slots(db, session)}
    await move_known(
        db,
        pool_moves(
            slots,
            hospital_id=session.hospital_id,
            shares=pool_shares(rules, session.level),
            source=Bucket.FROZEN,
        ),
    )
    return session


async def _refuse_closed(db: AsyncSession, place: PlannedSession | ClinicSession) -> None:
    """Raise the problem by which the catalogue, which the caller keeps still, closes a session."""
    (by,) = await closed_by(db, [place], hospital_id=place.hospital_id)
    if by is not None:
        raise CLOSED[by]


async def _refuse_what_is_in_the_way(db: AsyncSession, planned: PlannedSession, *, now: datetime) -> None:
    """Raise what keeps the session from being made; a weekly clinic that is yet to be made goes first."""
    missing = await missing_sessions(db, [planned.date], hospital_id=planned.hospital_id)
    first = [one.planned for one in missing if one.closed_by is None and one.planned.starts_at > now]
    *_, refused = await why_not_made(db, [*first, planned], hospital_id=planned.hospital_id)
    if refused is not None:
        raise refused


def _planned(wanted: ExtraSession, hospital_id: int) -> PlannedSession:
    return PlannedSession(
        hospital_id=hospital_id,
        doctor_id=wanted.doctor_id,
        department_id=wanted.department_id,
        campus_id=wanted.campus_id,
        template_id=None,
        room=wanted.room,
        level=wanted.level,
        own_level=wanted.own_level,
        date=wanted.date,
        period=wanted.period,
        starts_at=at_local(wanted.date, wanted.starts),
        ends_at=wanted.ends.on(wanted.date),
        slot_min=wanted.slot_min,
        capacity_per_slot=wanted.capacity_per_slot,
    )


async def _terms(db: AsyncSession, planned: PlannedSession, *, now: datetime) -> Terms:
    departments = await departments_by_ids(db, [planned.department_id])
    doctors = await doctors_by_ids(db, [planned.doctor_id])
    campuses = await campuses_by_ids(db, [planned.campus_id])
    if not (departments and doctors and campuses):
        raise NotFound
    refused = misfit(
        doctors[planned.doctor_id],
        planned.department_id,
        planned.level,
        is_own_level=planned.own_level,
    )
    wanted = (planned.department_id, planned.doctor_id, planned.campus_id)
    if {hospital_of(id_) for id_ in wanted} != {planned.hospital_id}:
        raise NotFound
    if refused is not None:
        raise refused
    return Terms(
        rules=(await rules_of(db, hospital_id=planned.hospital_id, now=now)).rules,
        fees=await fees_of(db, hospital_id=planned.hospital_id),
        departments=departments,
    )


async def _busy(db: AsyncSession, planned: PlannedSession) -> Problem:
    wanted = Neighbour(
        id=new_id(DIRECTORY),
        doctor_id=planned.doctor_id,
        campus_id=planned.campus_id,
        room=planned.room,
        starts_at=planned.starts_at,
        ends_at=planned.ends_at,
    )
    return await busy_naming(db, wanted, hospital_id=planned.hospital_id) or RoomBusy()


async def _record(db: AsyncSession, hospital_id: int, action: str, session_id: UUID, by: str) -> None:
    subject = f"session:{session_id}"
    await record(db, AuditEntry(hospital_id=hospital_id, actor=by, action=action, subject=subject))
