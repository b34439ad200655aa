"""Reports of two persons who have one document, where one of the two was enrolled or booked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment
from guahao.identity.queries.duplicates import duplicates_of
from guahao.identity.queries.people import FoundPerson, people_by_ids
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.paging import Asked, Listing, Read, page_of_rows

Counted = Select[int, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """One of the two as this hospital knows them; `appointment_id` is their latest booking here."""

    person: FoundPerson
    appointment_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A report; of the two persons only those whom this hospital knows are shown."""

    id: UUID
    found_at: datetime
    people: Sequence[KnownPerson]
    checked_at: datetime | None
    staff_id: UUID | None
    note: str | None


async def duplicates_page(
    db: AsyncSession, *, hospital_id: int, is_checked: bool | None, asked: Asked, key_ring: KeyRing
) -> Read[Duplicate]:
    """A page of the reports that concern a hospital. Raises `SortUnknown` and `CursorInvalid`."""
    wanted, listing = _concerning(hospital_id)
    if is_checked is not None:
        wanted = wanted.where(wanted.selected_columns.checked_at.is_not(None) == is_checked)
    page = await page_of_rows(db, wanted, listing=listing, asked=asked)
    ids = {id_ for row in page.rows for id_ in (row.person_id, row.other_id)}
    people = await people_by_ids(db, ids, hospital_id=hospital_id, key_ring=key_ring)
    latest = await _latest_bookings(db, ids, hospital_id)
    rows = [_shown(row, people, latest) for row in page.rows]
    return Read(rows=rows, next_cursor=page.next_cursor, total=page.total)


async def require_duplicate(db: AsyncSession, *, duplicate_id: UUID, hospital_id: int) -> None:
    """Raise `NotFound` for a report that concerns nobody this hospital knows."""
    wanted, listing = _concerning(hospital_id)
    if (await db.execute(wanted.where(listing.id == duplicate_id))).first() is None:
        raise NotFound


def duplicates_unchecked(hospital_id: int) -> Counted:
    """How many reports wait for this hospital's desk, and since when."""
    wanted, _ = _concerning(hospital_id)
    waiting = wanted.where(wanted.selected_columns.checked_at.is_(None)).subquery("waiting")
    return select(func.count(), func.min(waiting.c.found_at))


def _concerning(hospital_id: int) -> tuple[Select[*tuple[Any, ...]], Listing]:
    """Reports are few: each is asked about by the index of its persons, not by all who ever booked."""
    report = duplicates_of(hospital_id)
    is_booked = exists().where(
        Appointment.hospital_id == hospital_id,
        or_(Appointment.person_id == report.c.person_id, Appointment.person_id == report.c.other_id),
    )
    listing = Listing(by={"found_at": report.c.found_at}, id=report.c.id, default="-found_at")
    return select(report).where(or_(report.c.is_enrolled, is_booked)), listing


async def _latest_bookings(db: AsyncSession, ids: set[UUID], hospital_id: int) -> dict[UUID, UUID]:
    rows = await db.execute(
        select(Appointment.person_id, Appointment.id)
        .where(Appointment.person_id.in_(ids), Appointment.hospital_id == hospital_id)
        .ext(distinct_on(Appointment.person_id))
        .order_by(Appointment.person_id, Appointment.starts_at.desc(), Appointment.id.desc())
    )
    return {row.person_id: row.id for row in rows}


def _shown(row: Row[Any], people: Mapping[UUID, FoundPerson], latest: Mapping[UUID, UUID]) -> Duplicate:
    both = [people[id_] for id_ in (row.person_id, row.other_id)]
    return Duplicate(
        id=row.id,
        found_at=row.found_at,
        people=[
            KnownPerson(person=person, appointment_id=latest.get(person.person_id))
            for person in both
            if person.patient_id is not None or person.person_id in latest
        ],
        checked_at=row.checked_at,
        staff_id=row.staff_id,
        note=row.note,
    )
