"""What an edit of the catalogue or of templates does to coming sessions and the people in them: told first.

The edit is made, what it did is counted under its locks, and without the confirmation of exactly that it is
taken back. So what is told is what happens, and nobody can book in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Integer, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.ports import EditTouchesSessions
from guahao.catalog.queries import hospital_exists
from guahao.catalog.service.edit import lock_hospital
from guahao.kernel.clock import local_date
from guahao.kernel.errors import Extra
from guahao.kernel.i18n import text
from guahao.kernel.sex import Sex
from guahao.kernel.value.numbers import AGE_YEARS
from guahao.scheduling.models import (
    RESERVES,
    ClinicSession,
    ClosedBy,
    HolidayRule,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.plan import plan
from guahao.scheduling.policy.workdays import is_special
from guahao.scheduling.queries.templates import exceptions_of, templates_of
from guahao.scheduling.service.missing import missing_sessions, why_not_made
from guahao.scheduling.service.templates import plan_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A session to come: `places` nobody has yet, `people` who booked or are paying, in slots not begun."""

    id: UUID
    date: dt.date
    template_id: UUID | None
    campus_id: UUID
    department_id: UUID
    doctor_id: UUID
    closed_by: ClosedBy | None
    sex_limit: Sex | None
    min_age_years: int | None
    max_age_years: int | None
    places: int
    people: int

    def sees_all_of(self, before: Coming) -> bool:
        """Whether everybody may book it who could before, by sex and age."""
        return (
            self.sex_limit in (None, before.sex_limit)
            and (self.min_age_years or 0) <= (before.min_age_years or 0)
            and (self.max_age_years or AGE_YEARS[1]) >= (before.max_age_years or AGE_YEARS[1])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A hospital's coming sessions and what its templates and exceptions said, before an edit."""

    hospital_id: int
    sessions: Mapping[UUID, Coming]
    templates: Mapping[UUID, tuple[object, ...]]
    on_holidays: Mapping[UUID, HolidayRule]
    exceptions: Sequence[ScheduleException]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What an edit did: sessions it closed, took away for good, and people's that do not follow it.

    `narrowed` are those with people that new people of some sex or age cannot book any more.
    """

    closed: tuple[Coming, ...]
    withdrawn: tuple[Coming, ...]
    kept: tuple[Coming, ...]
    narrowed: tuple[Coming, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.sessions)

    @property
    def sessions(self) -> tuple[Coming, ...]:
        """All of them."""
        return (*self.closed, *self.withdrawn, *self.kept, *self.narrowed)

    @property
    def people(self) -> int:
        """Everybody who has a place in them."""
        return sum(session.people for session in self.sessions)

    @property
    def places(self) -> int:
        """Places that nobody can have any more."""
        return sum(session.places for session in (*self.closed, *self.withdrawn))

    @property
    def token(self) -> str:
        """Names exactly these sessions and how many people are in each; free places may come and go."""
        told = [
            f"{kind}{session.id}:{session.people}"
            for kind, sessions in (
                ("c", self.closed),
                ("w", self.withdrawn),
                ("k", self.kept),
                ("n", self.narrowed),
            )
            for session in sorted(sessions, key=lambda session: session.id)
        ]
        return sha256("\n".join(told).encode()).hexdigest()[:32]

    @property
    def consequences(self) -> list[str]:
        """What becomes of sessions, places and people, in sentences."""
        said: list[str] = []
        if self.closed:
            people = sum(session.people for session in self.closed)
            said.append(_say("closed", self.closed))
            said.append(text(f"touched.{'people' if people else 'nobody'}", people=people))
        if self.withdrawn:
            said.append(_say("withdrawn", self.withdrawn))
        if self.kept:
            said.append(_say("kept", self.kept))
        if self.narrowed:
            said.append(_say("narrowed", self.narrowed))
        return said

    @property
    def extra(self) -> dict[str, Extra]:
        """What a refusal tells."""
        days = sorted(session.date for session in self.sessions)
        return {
            "sessions": len(days),
            "people": self.people,
            "places": self.places,
            "first_day": days[0].isoformat(),
            "last_day": days[-1].isoformat(),
            "department_id": _only({session.department_id for session in self.sessions}),
            "doctor_id": _only({session.doctor_id for session in self.sessions}),
            "consequences": self.consequences,
            "confirm": self.token,
        }


KINDS = tuple(kind.name for kind in fields(Touched))
"""What may become of sessions, by the names of `Touched`."""


@asynccontextmanager
async def watching_sessions(
    db: AsyncSession, *, hospital_id: int, confirm: str | None, by: str, now: datetime
) -> AsyncGenerator[None]:
    """Watch an edit made within it; what it did to sessions is kept in the audit trail.

    Raises `EditTouchesSessions`, upon which the caller's transaction must be rolled back.
    """
    before = await coming_sessions(db, hospital_id=hospital_id, now=now)
    yield
    touched = await touched_since(db, before, now=now)
    if touched and touched.token != confirm:
        raise EditTouchesSessions(**touched.extra)
    await record_touched(db, touched, hospital_id=hospital_id, by=by)


async def record_touched(db: AsyncSession, touched: Touched, *, hospital_id: int, by: str) -> None:
    """Keep in the audit trail what somebody was told and confirmed; nothing where nothing is touched."""
    if not touched:
        return
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=by,
            action="schedule.touch",
            subject=f"hospital:{hospital_id}",
            data={
                "closed": len(touched.closed),
                "withdrawn": len(touched.withdrawn),
                "kept": len(touched.kept),
                "narrowed": len(touched.narrowed),
                "people": touched.people,
                "places": touched.places,
            },
        ),
    )


async def coming_sessions(db: AsyncSession, *, hospital_id: int, now: datetime) -> Before:
    """Read a hospital's coming sessions before an edit; plan and catalogue stand still until it commits.

    The clock of the plan comes before the hospital's row, as for whoever makes sessions. Of a hospital that
    does not exist there are none.
    """
    if not await hospital_exists(db, hospital_id):
        return Before(hospital_id=hospital_id, sessions={}, templates={}, on_holidays={}, exceptions=())
    await plan_again(db, hospital_id=hospital_id)
    await lock_hospital(db, hospital_id)
    return Before(
        hospital_id=hospital_id,
        sessions=await _sessions(db, hospital_id, now=now),
        templates=await _templates(db, hospital_id),
        on_holidays=await _on_holidays(db, hospital_id),
        exceptions=await _exceptions(db, hospital_id, now=now),
    )


async def touched_since(db: AsyncSession, before: Before, *, now: datetime) -> Touched:
    """Compare with what there was before an edit that the same transaction has made and flushed."""
    sessions = await _sessions(db, before.hospital_id, now=now)
    templates = await _templates(db, before.hospital_id)
    changed = {id_ for id_, shape in before.templates.items() if templates.get(id_) != shape}
    on_holidays = await _on_holidays(db, before.hospital_id)
    resting = {id_ for id_, rule in before.on_holidays.items() if on_holidays.get(id_) is not rule}
    gone = [session for id_, session in before.sessions.items() if id_ not in sessions]
    was_open = [
        session
        for id_, session in sessions.items()
        if id_ in before.sessions and before.sessions[id_].closed_by is None
    ]
    closed = tuple(session for session in was_open if session.closed_by is not None)
    people_stay = [session for session in was_open if session.closed_by is None and session.people]
    replanned = await _replanned(db, before, now=now)
    kept = tuple(
        session
        for session in people_stay
        if session.template_id in changed
        or (session.template_id, session.date) in replanned
        or (session.template_id in resting and is_special(session.date))
    )
    narrowed = tuple(
        session
        for session in people_stay
        if session not in kept and not session.sees_all_of(before.sessions[session.id])
    )
    withdrawn = await _not_replanned(db, before.hospital_id, gone)
    return Touched(closed=closed, withdrawn=withdrawn, kept=kept, narrowed=narrowed)


def joined(touched: Iterable[Touched]) -> Touched:
    """What was done to the sessions of several hospitals."""
    every = list(touched)
    return Touched(
        **{kind: tuple(session for one in every for session in getattr(one, kind)) for kind in KINDS}
    )


async def _sessions(db: AsyncSession, hospital_id: int, *, now: datetime) -> dict[UUID, Coming]:
    nobody_has = sum((getattr(Slot, reserve.value) for reserve in RESERVES), Slot.free + Slot.cooling)
    rows = await db.execute(
        select(
            ClinicSession.id,
            ClinicSession.date,
            ClinicSession.template_id,
            ClinicSession.campus_id,
            ClinicSession.department_id,
            ClinicSession.doctor_id,
            func.max(Slot.closed_by).label("closed_by"),
            ClinicSession.sex_limit,
            ClinicSession.min_age_years,
            ClinicSession.max_age_years,
            func.sum(nobody_has).cast(Integer).label("places"),
            func.sum(Slot.held + Slot.booked).cast(Integer).label("people"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date >= local_date(now),
            ClinicSession.state.in_((SessionState.DRAFT, SessionState.PUBLISHED)),
            Slot.starts_at > now,
        )
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
    )
    return {
        row.id: Coming(**row._asdict() | {"closed_by": row.closed_by and ClosedBy(row.closed_by)})
        for row in rows
    }


async def _templates(db: AsyncSession, hospital_id: int) -> dict[UUID, tuple[object, ...]]:
    """What sessions take over of each template."""
    rows = await db.execute(
        select(
            ScheduleTemplate.id,
            ScheduleTemplate.doctor_id,
            ScheduleTemplate.department_id,
            ScheduleTemplate.campus_id,
            ScheduleTemplate.weekday,
            ScheduleTemplate.starts,
            ScheduleTemplate.ends,
            ScheduleTemplate.slot_min,
            ScheduleTemplate.capacity_per_slot,
            ScheduleTemplate.room,
            ScheduleTemplate.level,
        ).where(ScheduleTemplate.hospital_id == hospital_id)
    )
    return {row.id: tuple(row[1:]) for row in rows}


async def _on_holidays(db: AsyncSession, hospital_id: int) -> dict[UUID, HolidayRule]:
    """What each template does on public holidays and the days that make up for them."""
    rows = await db.execute(
        select(ScheduleTemplate.id, ScheduleTemplate.on_holidays).where(
            ScheduleTemplate.hospital_id == hospital_id
        )
    )
    return {row.id: row.on_holidays for row in rows}


async def _exceptions(db: AsyncSession, hospital_id: int, *, now: datetime) -> list[ScheduleException]:
    return await exceptions_of(db, hospital_id=hospital_id, since=local_date(now), until=dt.date.max)


async def _replanned(db: AsyncSession, before: Before, *, now: datetime) -> set[tuple[UUID | None, dt.date]]:
    """Whose sessions on which days other exceptions plan otherwise than those before."""
    after = await _exceptions(db, before.hospital_id, now=now)
    days = sorted({one.date for one in {*before.exceptions} ^ {*after}})
    if not days:
        return set()
    templates = await templates_of(db, hospital_id=before.hospital_id)
    differing = {*plan(templates, before.exceptions, days)} ^ {*plan(templates, after, days)}
    return {(one.template_id, one.date) for one in differing}


async def _not_replanned(db: AsyncSession, hospital_id: int, gone: list[Coming]) -> tuple[Coming, ...]:
    """Leave out those that the planner, as the plan is now, makes again."""
    if not gone:
        return ()
    days = sorted({session.date for session in gone})
    missing = await missing_sessions(db, days, hospital_id=hospital_id)
    planned = [one.planned for one in missing if one.closed_by is None]
    refused = await why_not_made(db, planned, hospital_id=hospital_id)
    again = {(one.template_id, one.date) for one, by in zip(planned, refused, strict=True) if by is None}
    return tuple(session for session in gone if (session.template_id, session.date) not in again)


def _only(ids: set[UUID]) -> str | None:
    """The one that all are of, None when they are of several."""
    return str(min(ids)) if len(ids) == 1 else None


def _say(kind: str, sessions: tuple[Coming, ...]) -> str:
    days = sorted(session.date for session in sessions)
    return text(
        f"touched.{kind}",
        days=_day_range(days[0], days[-1]),
        sessions=len(days),
        places=sum(session.places for session in sessions),
        people=sum(session.people for session in sessions),
    )


def _day_range(first: dt.date, last: dt.date) -> str:
    day, until = (text("touched.day", month=date.month, day=date.day) for date in (first, last))
    return day if first == last else text("touched.days", first=day, last=until)
