"""How full the coming days are, and what is released next."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Row, Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import departments_by_ids, doctors_by_ids
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


SessionRow = Row[*tuple[Any, ...]]


async def outlook(db: AsyncSession, *, hospital_id: int, now: datetime) -> Outlook:
    """A hospital's published sessions of the next days; one read of their slots."""
    rows = (await db.execute(_sessions(hospital_id, now=now))).all()
    departments = await departments_by_ids(db, {row.department_id for row in rows})
    fill = _fill(rows, {id_: one.name for id_, one in departments.items()})
    low = [row for row in rows if _is_low(row, now=now)][:MOST]
    doctors = await doctors_by_ids(db, {row.doctor_id for row in low})
    return Outlook(
        fill=fill,
        without_places=tuple(one for one in fill if one.places and not one.free),
        nearly_full=tuple(
            LowSession(
                session_id=row.id,
                department=departments[row.department_id].name,
                doctor=doctors[row.doctor_id].name,
                date=row.date,
                period=row.period,
                places=row.places,
                free=row.free,
            )
            for row in low
        ),
    )


def _sessions(hospital_id: int, *, now: datetime) -> Select[*tuple[Any, ...]]:
    today = local_date(now)
    can_be_booked = (Slot.released_at <= now) & (Slot.starts_at > now)
    return (
        select(
            *(ClinicSession.id, ClinicSession.department_id, ClinicSession.doctor_id),
            *(ClinicSession.date, ClinicSession.period, ClinicSession.starts_at, ClinicSession.release_at),
            func.sum(Slot.capacity + Slot.addons - Slot.frozen).cast(Integer).label("places"),
            func.sum(Slot.held + Slot.booked).cast(Integer).label("taken"),
            func.sum(case((can_be_booked, Slot.free), else_=0)).cast(Integer).label("free"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date.between(today, today + timedelta(days=DAYS - 1)),
            ClinicSession.state == SessionState.PUBLISHED,
        )
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
        .order_by(ClinicSession.starts_at, ClinicSession.id)
    )


def _fill(rows: Iterable[SessionRow], names: dict[UUID, str]) -> tuple[Fill, ...]:
    """Each department's sum, the fullest first."""
    sums: dict[UUID, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        found = sums[row.department_id]
        sums[row.department_id] = [found[0] + row.places, found[1] + row.taken, found[2] + row.free]
    fill = [
        Fill(department_id=id_, name=names[id_], places=places, taken=taken, free=free)
        for id_, (places, taken, free) in sums.items()
    ]
    return tuple(sorted(fill, key=lambda one: (-one.taken / max(one.places, 1), one.name)))


def _is_low(row: SessionRow, *, now: datetime) -> bool:
    is_soon = row.date < local_date(now) + timedelta(days=SOON_DAYS)
    is_on_sale = row.release_at <= now < row.starts_at
    return bool(is_soon and is_on_sale and 0 < row.free <= max(1, row.places * NEARLY_FULL))


async def next_release(db: AsyncSession, *, hospital_id: int, now: datetime) -> Release | None:
    """What of a hospital goes on sale next; None when nothing is planned."""
    is_coming = (
        ClinicSession.hospital_id == hospital_id,
        ClinicSession.date >= local_date(now),
        ClinicSession.state == SessionState.PUBLISHED,
        ClinicSession.release_at > now,
    )
    at: datetime | None = await db.scalar(select(func.min(ClinicSession.release_at)).where(*is_coming))
    if at is None:
        return None
    rows = await db.execute(
        select(
            func.count(ClinicSession.id.distinct()),
            func.coalesce(func.sum(Slot.free), 0).cast(Integer),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
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
