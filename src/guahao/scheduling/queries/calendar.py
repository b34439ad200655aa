"""The calendar of those who plan: doctors by days, each session with how full it is."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import (
    DoctorFacts,
    DoctorLevel,
    departments_by_ids,
    doctors_by_ids,
    doctors_of_department,
)
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, ClosedBy, Period, Slot
from guahao.scheduling.policy.shown import ShownState, shown_state
from guahao.scheduling.policy.workdays import holiday_name, is_made_up
from guahao.scheduling.queries.board import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """A day; `holiday` is the name of the public holiday it is off for, `made_up` a weekend day worked."""

    date: dt.date
    weekday: int
    holiday: str | None
    made_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarCell:
    """A session: `capacity` with add-ons, `taken` held or booked, `free` on open sale; the rest is kept."""

    session_id: UUID
    department_id: UUID
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    release_at: datetime
    room: str
    level: DoctorLevel
    state: ShownState
    capacity: int
    taken: int
    free: int
    version: int
    from_template: bool
    closed_by: ClosedBy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """A doctor with the sessions of these days, by time."""

    doctor_id: UUID
    name: str
    title: str
    level: DoctorLevel
    is_active: bool
    cells: list[CalendarCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days, doctors, and the names of the departments in which they sit."""

    days: list[CalendarDay]
    departments: list[Named]
    rows: list[CalendarRow]


async def calendar(
    db: AsyncSession,
    *,
    hospital_id: int,
    since: dt.date,
    until: dt.date,
    department_id: UUID | None = None,
    doctor_id: UUID | None = None,
    now: datetime,
) -> Calendar:
    """A hospital's sessions of these days, both included, in any state, by doctor.

    Of a department all its active doctors, also those without a session; else those who have one.
    """
    statement = _sessions(hospital_id, since=since, until=until)
    if department_id is not None:
        statement = statement.where(ClinicSession.department_id == department_id)
    if doctor_id is not None:
        statement = statement.where(ClinicSession.doctor_id == doctor_id)
    found = (await db.execute(statement)).all()
    wanted = {row.doctor_id for row in found}
    doctors = await doctors_by_ids(db, wanted) if wanted else {}
    if department_id is not None and doctor_id is None and hospital_of(department_id) == hospital_id:
        doctors |= {one.id: one for one in await doctors_of_department(db, department_id)}
    departments = await departments_by_ids(db, {row.department_id for row in found}) if found else {}
    return Calendar(
        days=_days(since, until),
        departments=[
            Named(id=one.id, name=one.name) for one in sorted(departments.values(), key=lambda one: one.name)
        ],
        rows=_rows(found, doctors, now=now),
    )


def _sessions(hospital_id: int, *, since: dt.date, until: dt.date) -> Select[*tuple[Any, ...]]:
    return (
        select(
            ClinicSession.id,
            ClinicSession.doctor_id,
            ClinicSession.department_id,
            ClinicSession.date,
            ClinicSession.period,
            ClinicSession.starts_at,
            ClinicSession.ends_at,
            ClinicSession.release_at,
            ClinicSession.room,
            ClinicSession.level,
            ClinicSession.state,
            ClinicSession.version,
            ClinicSession.template_id.is_not(None).label("from_template"),
            func.sum(Slot.capacity + Slot.addons).cast(Integer).label("capacity"),
            func.sum(Slot.held + Slot.booked).cast(Integer).label("taken"),
            func.sum(Slot.free).cast(Integer).label("free"),
            func.max(Slot.closed_by).label("closed_by"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(ClinicSession.hospital_id == hospital_id, ClinicSession.date.between(since, until))
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
        .order_by(ClinicSession.starts_at, ClinicSession.id)
    )


def _rows(
    found: Sequence[Row[*tuple[Any, ...]]], doctors: Mapping[UUID, DoctorFacts], *, now: datetime
) -> list[CalendarRow]:
    cells: dict[UUID, list[CalendarCell]] = defaultdict(list)
    for row in found:
        cells[row.doctor_id].append(_cell(row, now=now))
    rank = {level: -number for number, level in enumerate(DoctorLevel)}
    ordered = sorted(doctors.values(), key=lambda one: (rank[one.level], one.name, one.code))
    return [
        CalendarRow(
            doctor_id=one.id,
            name=one.name,
            title=one.title,
            level=one.level,
            is_active=one.is_active,
            cells=cells[one.id],
        )
        for one in ordered
    ]


def _cell(row: Row[*tuple[Any, ...]], *, now: datetime) -> CalendarCell:
    return CalendarCell(
        session_id=row.id,
        department_id=row.department_id,
        date=row.date,
        period=row.period,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        release_at=row.release_at,
        room=row.room,
        level=row.level,
        state=shown_state(row.state, release_at=row.release_at, ends_at=row.ends_at, now=now),
        capacity=row.capacity,
        taken=row.taken,
        free=row.free,
        version=row.version,
        from_template=row.from_template,
        closed_by=row.closed_by and ClosedBy(row.closed_by),
    )


def _days(since: dt.date, until: dt.date) -> list[CalendarDay]:
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return [
        CalendarDay(date=day, weekday=day.weekday(), holiday=holiday_name(day), made_up=is_made_up(day))
        for day in days
    ]
