"""Sessions as planners see them, and whose time is taken; read for many at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import doctors_by_ids
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.change import DoctorSeen
from guahao.scheduling.policy.sight import Look, Neighbour, SeenSession

_TAKING_TIME = (SessionState.DRAFT, SessionState.PUBLISHED)
_PEOPLE = (
    select(func.coalesce(func.sum(Slot.held + Slot.booked), 0).cast(Integer))
    .where(Slot.hospital_id == ClinicSession.hospital_id, Slot.session_id == ClinicSession.id)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sessions of a hospital: of these days, both included, and of what else is named."""

    since: dt.date
    until: dt.date
    department_id: UUID | None = None
    doctor_ids: tuple[UUID, ...] | None = None
    session_ids: tuple[UUID, ...] | None = None

    def where(self, hospital_id: int) -> list[ColumnElement[bool]]:
        """The conditions of a statement on sessions."""
        found = [
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date.between(self.since, self.until),
        ]
        if self.department_id is not None:
            found.append(ClinicSession.department_id == self.department_id)
        if self.doctor_ids is not None:
            found.append(ClinicSession.doctor_id.in_(self.doctor_ids))
        if self.session_ids is not None:
            found.append(ClinicSession.id.in_(self.session_ids))
        return found


async def seen_sessions(db: AsyncSession, *where: ColumnElement[bool], most: int) -> list[SeenSession]:
    """Sessions in order of time, by one statement, at most `most`."""
    in_order = Slot.starts_at
    statement = (
        select(
            *(getattr(ClinicSession, name) for name in _COLUMNS),
            ClinicSession.id,
            ClinicSession.version,
            func.array_agg(aggregate_order_by(Slot.capacity, in_order)).label("capacities"),
            func.array_agg(aggregate_order_by(Slot.capacity - Slot.free, in_order)).label("kept"),
            func.min(Slot.ends_at).label("first_ends"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(*where)
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
        .order_by(ClinicSession.starts_at, ClinicSession.id)
        .limit(most)
    )
    return [_seen(row) for row in await db.execute(statement)]


_COLUMNS = (
    "doctor_id",
    "department_id",
    "campus_id",
    "date",
    "period",
    "starts_at",
    "ends_at",
    "room",
    "level",
    "own_level",
    "release_at",
    "state",
)


def _seen(row: Row[*tuple[Any, ...]]) -> SeenSession:
    look = Look(
        **{name: getattr(row, name) for name in _COLUMNS},
        slot_min=(row.first_ends - row.starts_at) // timedelta(minutes=1),
        capacities=tuple(row.capacities),
    )
    # All places of a draft are frozen, which keeps none of them from being taken away again.
    least = [1 if look.state is SessionState.DRAFT else kept for kept in row.kept]
    return SeenSession(id=row.id, version=row.version, look=look, least=tuple(least))


async def neighbours(
    db: AsyncSession, *, hospital_id: int, since: dt.date, until: dt.date
) -> list[Neighbour]:
    """Every session of a hospital that takes time on these days, both included."""
    statement = select(
        ClinicSession.id,
        ClinicSession.doctor_id,
        ClinicSession.campus_id,
        ClinicSession.room,
        ClinicSession.starts_at,
        ClinicSession.ends_at,
        _PEOPLE.label("people"),
    ).where(
        ClinicSession.hospital_id == hospital_id,
        ClinicSession.date.between(since, until),
        ClinicSession.state.in_(_TAKING_TIME),
    )
    return [Neighbour(**row._asdict()) for row in await db.execute(statement)]


async def neighbour_in_the_way(db: AsyncSession, wanted: Neighbour, *, hospital_id: int) -> Neighbour | None:
    """The first session that takes the doctor's or the room's time where another is wanted."""
    statement = (
        select(
            ClinicSession.id,
            ClinicSession.doctor_id,
            ClinicSession.campus_id,
            ClinicSession.room,
            ClinicSession.starts_at,
            ClinicSession.ends_at,
            _PEOPLE.label("people"),
        )
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.id != wanted.id,
            func.tstzrange(ClinicSession.starts_at, ClinicSession.ends_at).op("&&")(
                func.tstzrange(wanted.starts_at, wanted.ends_at)
            ),
            (ClinicSession.doctor_id == wanted.doctor_id)
            | ((ClinicSession.campus_id == wanted.campus_id) & (ClinicSession.room == wanted.room)),
            ClinicSession.state.in_(_TAKING_TIME),
        )
        .order_by((ClinicSession.doctor_id == wanted.doctor_id).desc(), ClinicSession.starts_at)
        .limit(1)
    )
    row = (await db.execute(statement)).first()
    return None if row is None else Neighbour(**row._asdict())


async def doctors_seen(db: AsyncSession, ids: Collection[UUID]) -> Mapping[UUID, DoctorSeen]:
    """Doctors' names, by id."""
    found = await doctors_by_ids(db, ids) if ids else {}
    return {id_: DoctorSeen(name=one.name) for id_, one in found.items()}
