"""How full the coming days are, and what is released next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Integer, and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import RuleSet, departments_by_ids, doctors_by_ids, rules_of
from guahao.kernel.clock import local_date
from guahao.scheduling.models import ClinicSession, Period, SessionState, Slot

DAYS = 7
"""How far the outlook goes, today included."""
SOON_DAYS = 3
"""Sessions that are nearly full are named so many days ahead, today included."""
MOST = 10
"""At most so many sessions and departments are named."""
NEARLY_FULL = 0.1
_TOGETHER = timedelta(minutes=10)
"""Places that go on sale within this time are one release: rules spread it by so much at most."""

_OF_SESSION = (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id)
_PLACES = func.sum(Slot.capacity + Slot.addons - Slot.frozen).cast(Integer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A department's places of the outlook; `free` can be booked now, `taken` are held or booked."""

    department_id: UUID
    name: str
    places: int
    taken: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LowSession:
    """A released session that is nearly full."""

    session_id: UUID
    department: str
    doctor: str
    date: dt.date
    period: Period
    places: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The next days: how full each department is, which have nothing to book, sessions nearly full."""

    fill: tuple[Fill, ...]
    without_places: tuple[Fill, ...]
    nearly_full: tuple[LowSession, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What goes on sale next."""

    at: datetime
    sessions: int
    places: int


async def outlook(db: AsyncSession, *, hospital_id: int, now: datetime) -> Outlook:
    """A hospital's published sessions of the next days: two reads of their slots."""
    free = _free(await rules_of(db, hospital_id=hospital_id, now=now), now=now)
    fill = await _fill(db, hospital_id, free, now=now)
    return Outlook(
        fill=fill,
        without_places=tuple(one for one in fill if one.places and not one.free),
        nearly_full=await _nearly_full(db, hospital_id, free, now=now),
    )


async def _fill(
    db: AsyncSession, hospital_id: int, free: ColumnElement[int], *, now: datetime
) -> tuple[Fill, ...]:
    """Each department's sum, the fullest first."""
    rows = (
        await db.execute(
            select(
                ClinicSession.department_id,
                _PLACES.label("places"),
                func.sum(Slot.held + Slot.booked).cast(Integer).label("taken"),
                free.label("free"),
            )
            .join(Slot, _OF_SESSION)
            .where(*_published(hospital_id, now=now, days=DAYS))
            .group_by(ClinicSession.department_id)
        )
    ).all()
    departments = await departments_by_ids(db, {row.department_id for row in rows})
    fill = [
        Fill(
            department_id=row.department_id,
            name=departments[row.department_id].name,
            places=row.places,
            taken=row.taken,
            free=row.free,
        )
        for row in rows
    ]
    return tuple(sorted(fill, key=lambda one: (-one.taken / max(one.places, 1), one.name)))


async def _nearly_full(
    db: AsyncSession, hospital_id: int, free: ColumnElement[int], *, now: datetime
) -> tuple[LowSession, ...]:
    found = (
        select(
            *(ClinicSession.id, ClinicSession.department_id, ClinicSession.doctor_id),
            *(ClinicSession.date, ClinicSession.period, _PLACES.label("places"), free.label("free")),
        )
        .join(Slot, _OF_SESSION)
        .where(
            *_published(hospital_id, now=now, days=SOON_DAYS),
            ClinicSession.release_at <= now,
            ClinicSession.starts_at > now,
        )
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
        .having((free > 0) & (free <= func.greatest(1, _PLACES * NEARLY_FULL)))
        .order_by(ClinicSession.starts_at, ClinicSession.id)
        .limit(MOST)
    )
    rows = (await db.execute(found)).all()
    departments = await departments_by_ids(db, {row.department_id for row in rows})
    doctors = await doctors_by_ids(db, {row.doctor_id for row in rows})
    return tuple(
        LowSession(
            session_id=row.id,
            department=departments[row.department_id].name,
            doctor=doctors[row.doctor_id].name,
            date=row.date,
            period=row.period,
            places=row.places,
            free=row.free,
        )
        for row in rows
    )


def _free(rule_set: RuleSet, *, now: datetime) -> ColumnElement[int]:
    """Places that can be booked now, or once today's quiet hours are over."""
    last_day = local_date(now) + timedelta(days=rule_set.rules.booking_window_days)
    can_be_booked = and_(
        Slot.released_at <= now,
        Slot.starts_at > now,
        Slot.closed_by.is_(None),
        ClinicSession.date <= last_day,
    )
    return func.sum(case((can_be_booked, Slot.free), else_=0)).cast(Integer)


def _published(hospital_id: int, *, now: datetime, days: int) -> list[ColumnElement[bool]]:
    today = local_date(now)
    return [
        ClinicSession.hospital_id == hospital_id,
        ClinicSession.date.between(today, today + timedelta(days=days - 1)),
        ClinicSession.state == SessionState.PUBLISHED,
    ]


async def next_release(db: AsyncSession, *, hospital_id: int, now: datetime) -> Release | None:
    """What of a hospital goes on sale next; None when nothing is planned."""
    is_coming = (
        ClinicSession.hospital_id == hospital_id,
        ClinicSession.date >= local_date(now),
        ClinicSession.state == SessionState.PUBLISHED,
        ClinicSession.release_at > now,
        Slot.closed_by.is_(None),
    )
    at: datetime | None = await db.scalar(
        select(func.min(ClinicSession.release_at)).join(Slot, _OF_SESSION).where(*is_coming)
    )
    if at is None:
        return None
    rows = await db.execute(
        select(
            func.count(ClinicSession.id.distinct()),
            func.coalesce(func.sum(Slot.free), 0).cast(Integer),
        )
        .join(Slot, _OF_SESSION)
        .where(*is_coming, ClinicSession.release_at <= at + _TOGETHER)
    )
    sessions, places = rows.one()
    return Release(at=at, sessions=sessions, places=places)


async def last_releases(db: AsyncSession, hospital_ids: Collection[int]) -> dict[int, datetime]:
    """Hospital -> when its published session furthest ahead goes or went on sale; none is left out."""
    wanted = select(func.unnest(literal(list(hospital_ids), ARRAY(Integer))).label("hospital_id")).subquery(
        "wanted"
    )
    last = (
        select(ClinicSession.release_at)
        .where(
            ClinicSession.hospital_id == wanted.c.hospital_id,
            ClinicSession.state == SessionState.PUBLISHED,
        )
        .order_by(ClinicSession.date.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await db.execute(select(wanted.c.hospital_id, last))
    return {hospital_id: at for hospital_id, at in rows if at is not None}
