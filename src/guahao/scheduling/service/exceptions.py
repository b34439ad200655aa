"""Exceptions to the weekly templates on one date."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, not_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.queries import doctors_by_ids
from guahao.kernel.clock import local_date
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    ClinicSession,
    ClosedBy,
    ExceptionKind,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
)
from guahao.scheduling.policy.plan import PlannedSession, plan
from guahao.scheduling.policy.refusals import CLOSED, DoctorInactive, SubstituteLevelDiffers
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.queries.templates import exceptions_of, templates_of
from guahao.scheduling.service.missing import missing_sessions, why_not_made
from guahao.scheduling.service.templates import busy_problem, plan_again
from guahao.scheduling.service.withdraw import withdraw_untouched


class SessionTouched(Problem):
    """Sessions of this date, named by `session_ids`, have places taken or are suspended and would change."""

    code = "session-touched"
    status = 409


class SessionChangedByHand(Problem):
    """Sessions of this date, named by `session_ids`, were changed or added by hand, and stay as they are."""

    code = "session-changed-by-hand"
    status = 409


class ExceptionTooLate(Problem):
    """The date has come: today's sessions are suspended one by one, as people may be on their way."""

    code = "exception-too-late"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRow:
    """What is different on one date: for a template, else for a doctor, else for the whole hospital."""

    hospital_id: int
    date: dt.date
    kind: ExceptionKind
    reason: str
    template_id: UUID | None = None
    doctor_id: UUID | None = None
    substitute_id: UUID | None = None
    weekday: int | None = None
    starts: dt.time | None = None
    ends: EndTime | None = None
    capacity_per_slot: int | None = None
    room: str | None = None


async def add_exception(db: AsyncSession, row: ExceptionRow, *, by: str, now: datetime) -> ScheduleException:
    """Add an exception and withdraw that date's untouched sessions in its scope, to be made anew.

    Nothing stays on sale in silence and nothing vanishes in silence. Raises `ExceptionTooLate` from the date
    on, `SessionTouched` (those sessions need `suspend`, which tells their patients), `SessionChangedByHand`,
    `ExceptionExists`, `NotFound` for a template or doctor of another hospital, and what keeps a changed
    session or a substitute's from being made: the problems of `CLOSED`, `SubstituteLevelDiffers`,
    `FeeMissing`, `DoctorBusy` and `RoomBusy`.
    """
    if row.date <= local_date(now):
        raise ExceptionTooLate
    exception = ScheduleException(id=new_id(row.hospital_id), created_by=by, created_at=now, **asdict(row))
    await plan_again(db, hospital_id=row.hospital_id)
    try:
        async with db.begin_nested():
            db.add(exception)
    except IntegrityError as error:
        problem = busy_problem(error)
        if problem is None:
            raise
        raise problem from error
    touched = await _withdraw(db, exception, now=now)
    if exception.kind is ExceptionKind.CANCELLED:
        off = await _suspended(db, exception)
        touched = [id_ for id_ in touched if id_ not in off]
    if touched:
        raise SessionTouched(count=len(touched), session_ids=[str(id_) for id_ in touched])
    by_hand = await _changed_by_hand(db, exception, now=now)
    if by_hand:
        raise SessionChangedByHand(count=len(by_hand), session_ids=[str(id_) for id_ in by_hand])
    await _refuse_what_cannot_be_made(db, exception)
    await _record(db, exception, action="schedule-exception.add", by=by)
    return exception


async def remove_exception(db: AsyncSession, exception_id: UUID, *, by: str, now: datetime) -> None:
    """Take an exception back; that date's untouched sessions in its scope are made anew.

    Sessions with places taken or changed by hand stay as they are. Raises `NotFound`.
    """
    exception = await db.get(ScheduleException, (hospital_of(exception_id), exception_id))
    if exception is None:
        raise NotFound
    await plan_again(db, hospital_id=exception.hospital_id)
    await db.delete(exception)
    await db.flush()
    await _withdraw(db, exception, now=now)
    kept = await _changed_by_hand(db, exception, now=now)
    await _record(db, exception, action="schedule-exception.remove", by=by, kept_by_hand=len(kept))


async def sessions_changed(db: AsyncSession, exception: ScheduleException) -> int:
    """How many sessions of its day an exception makes different from what they were without it.

    None when nothing is planned there on that day, or when a narrower exception is in force.
    """
    hospital_id, day = exception.hospital_id, exception.date
    templates = await templates_of(db, hospital_id=hospital_id)
    every = await exceptions_of(db, hospital_id=hospital_id, since=day, until=day + dt.timedelta(days=1))
    others = [one for one in every if one.id != exception.id]
    differing = list(set(plan(templates, every, [day])) ^ set(plan(templates, others, [day])))
    judged = await closed_by(db, differing, hospital_id=hospital_id)
    return len({one.template_id for one, by in zip(differing, judged, strict=True) if by is None})


async def _withdraw(db: AsyncSession, exception: ScheduleException, *, now: datetime) -> list[UUID]:
    """Withdraw what still follows its template; answers what must stay because somebody has a place."""
    follows = and_(_scope(exception), ClinicSession.version == 1)
    return await withdraw_untouched(db, follows, hospital_id=exception.hospital_id, now=now)


async def _suspended(db: AsyncSession, exception: ScheduleException) -> set[UUID]:
    """Those that do not take place already."""
    rows = await db.scalars(
        select(ClinicSession.id).where(
            ClinicSession.hospital_id == exception.hospital_id,
            ClinicSession.state == SessionState.SUSPENDED,
            _scope(exception),
        )
    )
    return set(rows)


async def _changed_by_hand(db: AsyncSession, exception: ScheduleException, *, now: datetime) -> list[UUID]:
    rows = await db.scalars(
        select(ClinicSession.id)
        .where(
            ClinicSession.hospital_id == exception.hospital_id,
            ClinicSession.date > local_date(now),
            ClinicSession.state.in_((SessionState.DRAFT, SessionState.PUBLISHED)),
            or_(and_(ClinicSession.version > 1, _scope(exception)), _outside_templates(exception)),
        )
        .order_by(ClinicSession.id)
    )
    return list(rows)


async def _refuse_what_cannot_be_made(db: AsyncSession, exception: ScheduleException) -> None:
    """Raise why a session would not be made as the exception says, which takes the old one away."""
    if exception.kind not in (ExceptionKind.CHANGED, ExceptionKind.SUBSTITUTE):
        return
    hospital_id, own = exception.hospital_id, await _templates_in_scope(db, exception)
    missing = await missing_sessions(db, [exception.date], hospital_id=hospital_id)
    mine = [one for one in missing if one.planned.template_id in own]
    for one in mine:
        if one.closed_by is not None:
            raise await _closed(db, one.planned, one.closed_by)
    # what earlier exceptions asked for and the planner has yet to make goes first
    first = [one for one in missing if one not in mine and one.closed_by is None]
    planned = [one.planned for one in (*first, *mine)]
    for refused in (await why_not_made(db, planned, hospital_id=hospital_id))[len(first) :]:
        if refused is not None:
            raise refused


async def _templates_in_scope(db: AsyncSession, exception: ScheduleException) -> set[UUID]:
    return {
        template.id
        for template in await templates_of(db, hospital_id=exception.hospital_id)
        if template.id == exception.template_id or template.doctor_id == exception.doctor_id
    }


async def _closed(db: AsyncSession, session: PlannedSession, by: ClosedBy) -> Problem:
    """The refusal that names the doctor where it is the doctor who does not fit."""
    doctor = (await doctors_by_ids(db, [session.doctor_id]))[session.doctor_id]
    match by:
        case ClosedBy.LEVEL:
            return SubstituteLevelDiffers(doctor=doctor.name, level=doctor.level.value)
        case ClosedBy.DOCTOR:
            return DoctorInactive(doctor=doctor.name)
        case _:
            return CLOSED[by]()


async def _record(
    db: AsyncSession, exception: ScheduleException, *, action: str, by: str, kept_by_hand: int = 0
) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=exception.hospital_id,
            actor=by,
            action=action,
            subject=f"schedule-exception:{exception.id}",
            data={
                "date": exception.date.isoformat(),
                "kind": exception.kind.value,
                **({"kept_by_hand": kept_by_hand} if kept_by_hand else {}),
            },
        ),
    )


def _outside_templates(exception: ScheduleException) -> ColumnElement[bool]:
    """Sessions of a day off that no template in its scope gives: added by hand, or held for somebody else."""
    is_whole = exception.template_id is None and exception.kind in (
        ExceptionKind.CANCELLED,
        ExceptionKind.SUBSTITUTE,
    )
    if not is_whole:
        return false()
    day = ClinicSession.date == exception.date
    if exception.doctor_id is None:
        return and_(day, ClinicSession.template_id.is_(None))
    return and_(day, ClinicSession.doctor_id == exception.doctor_id, not_(_scope(exception)))


def _scope(exception: ScheduleException) -> ColumnElement[bool]:
    day = and_(ClinicSession.date == exception.date, ClinicSession.template_id.is_not(None))
    if exception.template_id is not None:
        return and_(day, ClinicSession.template_id == exception.template_id)
    if exception.doctor_id is not None:
        theirs = select(ScheduleTemplate.id).where(
            ScheduleTemplate.hospital_id == exception.hospital_id,
            ScheduleTemplate.doctor_id == exception.doctor_id,
        )
        return and_(day, ClinicSession.template_id.in_(theirs))
    return day
