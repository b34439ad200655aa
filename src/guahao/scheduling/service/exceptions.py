"""Exceptions to the weekly templates on one date."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.clock import local_date
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    ClinicSession,
    ExceptionKind,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
)
from guahao.scheduling.service.templates import busy_problem, plan_again
from guahao.scheduling.service.withdraw import withdraw_untouched


class SessionTouched(Problem):
    """Sessions of this date have places taken; suspend them first. `session_ids` names them."""

    code = "session-touched"
    status = 409


class SessionChangedByHand(Problem):
    """Somebody changed sessions of this date by hand, which stays; `session_ids` names them."""

    code = "session-changed-by-hand"
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

    Raises `SessionTouched` (nothing is changed: those sessions need `suspend`, which tells their
    patients), `SessionChangedByHand`, `ExceptionExists`, and `NotFound` for a template or doctor of
    another hospital.
    """
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
    if touched:
        raise SessionTouched(count=len(touched), session_ids=[str(id_) for id_ in touched])
    by_hand = await _changed_by_hand(db, exception, now=now)
    if by_hand:
        raise SessionChangedByHand(count=len(by_hand), session_ids=[str(id_) for id_ in by_hand])
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


async def _withdraw(db: AsyncSession, exception: ScheduleException, *, now: datetime) -> list[UUID]:
    """Withdraw what still follows its template; answers what must stay because somebody has a place."""
    follows = and_(_scope(exception), ClinicSession.version == 1)
    return await withdraw_untouched(db, follows, hospital_id=exception.hospital_id, now=now)


async def _changed_by_hand(db: AsyncSession, exception: ScheduleException, *, now: datetime) -> list[UUID]:
    rows = await db.scalars(
        select(ClinicSession.id)
        .where(
            ClinicSession.hospital_id == exception.hospital_id,
            ClinicSession.date > local_date(now),
            ClinicSession.version > 1,
            ClinicSession.state.in_((SessionState.DRAFT, SessionState.PUBLISHED)),
            _scope(exception),
        )
        .order_by(ClinicSession.id)
    )
    return list(rows)


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
