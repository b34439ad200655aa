"""Which doctors of a department can be booked on which day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import DoctorLevel, Rules, doctors_of_department
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.bookable import is_outside_window, window_opens_at
from guahao.scheduling.policy.shown import ShownState, shown_state


class DayState(StrEnum):
    """A doctor's day in one word, the best news first: 有号, 即将放号, 约满, 停诊, 已结束."""

    AVAILABLE = "available"
    UPCOMING = "upcoming"
    FULL = "full"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day of a doctor: the best state of its sessions, the lowest fee, free places that can be booked."""

    date: dt.date
    state: DayState
    fee_fen: int
    free: int
    release_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorDays:
    """A doctor of the department with the days of sessions there."""

    id: UUID
    name: str
    title: str
    level: DoctorLevel
    skills: str
    days: list[DayView]


SessionRow = Row[*tuple[Any, ...]]
"""A session with what is free in it now."""

_RANK = {state: number for number, state in enumerate(DayState)}


async def doctors_with_days(
    db: AsyncSession, department_id: UUID, *, since: dt.date, until: dt.date, rules: Rules, now: datetime
) -> list[DoctorDays]:
    """The department's active doctors and their days from `since` to `until`, both included; two reads."""
    doctors = await doctors_of_department(db, department_id)
    by_day: dict[tuple[UUID, dt.date], list[SessionRow]] = defaultdict(list)
    for row in await db.execute(_sessions(department_id, since=since, until=until, now=now)):
        by_day[row.doctor_id, row.date].append(row)
    days: dict[UUID, list[DayView]] = defaultdict(list)
    for (doctor_id, day), rows in sorted(by_day.items(), key=lambda entry: entry[0][1]):
        days[doctor_id].append(_day_view(day, rows, rules=rules, now=now))
    return [
        DoctorDays(
            id=doctor.id,
            name=doctor.name,
            title=doctor.title,
            level=doctor.level,
            skills=doctor.skills,
            days=days[doctor.id],
        )
        for doctor in doctors
    ]


def _sessions(
    department_id: UUID, *, since: dt.date, until: dt.date, now: datetime
) -> Select[*tuple[Any, ...]]:
    sellable = (Slot.released_at <= now) & (Slot.starts_at > now)
    return (
        select(
            ClinicSession.doctor_id,
            ClinicSession.date,
            ClinicSession.state,
            ClinicSession.release_at,
            ClinicSession.ends_at,
            ClinicSession.fee_fen,
            func.coalesce(func.sum(Slot.free).filter(sellable), 0).cast(Integer).label("free"),
            func.max(Slot.closed_by).label("closed_by"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(
            ClinicSession.hospital_id == hospital_of(department_id),
            ClinicSession.department_id == department_id,
            ClinicSession.date.between(since, until),
            ClinicSession.state != SessionState.DRAFT,
        )
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
    )


def _day_view(day: dt.date, rows: Sequence[SessionRow], *, rules: Rules, now: datetime) -> DayView:
    states = [day_state(row, rules, now=now) for row in rows]
    best = min(states, key=_RANK.__getitem__)
    telling = [row for row, state in zip(rows, states, strict=True) if state is best]
    return DayView(
        date=day,
        state=best,
        fee_fen=min(row.fee_fen for row in telling),
        free=sum(row.free for row in telling) if best is DayState.AVAILABLE else 0,
        release_at=max(min(row.release_at for row in telling), window_opens_at(rules, day)),
    )


_OF_SHOWN = {
    ShownState.PUBLISHED: DayState.UPCOMING,
    ShownState.SUSPENDED: DayState.SUSPENDED,
    ShownState.CLOSED: DayState.CLOSED,
    ShownState.DRAFT: DayState.CLOSED,
}


def day_state(row: SessionRow, rules: Rules, *, now: datetime) -> DayState:
    """The word for one session, of a row with `state`, `date`, `release_at`, `ends_at`, `free`, `closed_by`.

    Quiet hours do not change the word: what is free is free again when they are over.
    """
    shown = shown_state(row.state, release_at=row.release_at, ends_at=row.ends_at, now=now)
    if shown is not ShownState.SUSPENDED and row.closed_by is not None:
        return DayState.CLOSED
    if shown is not ShownState.RELEASED:
        return _OF_SHOWN[shown]
    if is_outside_window(rules, row.date, now=now):
        return DayState.UPCOMING
    if not row.free:
        return DayState.FULL
    return DayState.CLOSED if rules.is_too_late_for(row.date, now=now) else DayState.AVAILABLE
