"""A hospital's bookings as staff look for them: filtered, sorted, in pages, masked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, exists, literal_column, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState, Channel
from guahao.catalog.queries import DepartmentFacts, DoctorFacts, departments_by_ids, doctors_by_ids
from guahao.identity.queries.names import SealedNames, sealed_names
from guahao.identity.queries.people import (
    FoundPeople,
    enrolled_at,
    enrolled_people,
    people_numbered,
    people_shown,
    people_sought,
    person_of,
)
from guahao.kernel.clock import at_local
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.paging import Listing
from guahao.payment.queries import Order, orders_by_ids
from guahao.scheduling.queries.lists import session_with_slots

BOOKINGS = Listing(
    # ids are made in the order of time: sorting by them needs no index of its own
    by={"starts_at": Appointment.starts_at, "created_at": Appointment.id},
    id=Appointment.id,
    default="-starts_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingFilter:
    """What staff look for; days are local, both included; every part but the hospital may be left open."""

    hospital_id: int
    since: dt.date | None = None
    until: dt.date | None = None
    department_id: UUID | None = None
    only_doctor_id: UUID | None = None
    doctor_id: UUID | None = None
    session_id: UUID | None = None
    person_id: UUID | None = None
    people: CompoundSelect[UUID] | None = None
    appointment_id: UUID | None = None
    number: int | None = None
    states: Sequence[AppointmentState] = ()
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One line of the list; the name is masked."""

    appointment: Appointment
    order: Order
    patient_name: str
    department_name: str
    doctor_name: str


async def bookings_wanted(db: AsyncSession, wanted: BookingFilter) -> Select[Appointment]:
    """The statement that `kernel.paging` reads in pages. Raises `NotFound` for an unknown session."""
    statement = select(Appointment).where(Appointment.hospital_id == wanted.hospital_id, *_equal(wanted))
    if wanted.people is not None:
        statement = statement.where(Appointment.person_id.in_(wanted.people))
    if wanted.states:
        # in the statement's text: servers plan without looking at values, and states are not equally common
        states: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in wanted.states]
        statement = statement.where(Appointment.state.in_(states))
    if wanted.since is not None:
        statement = statement.where(Appointment.starts_at >= at_local(wanted.since, time()))
    if wanted.until is not None:
        statement = statement.where(
            Appointment.starts_at < at_local(wanted.until + timedelta(days=1), time())
        )
    if wanted.session_id is not None:
        statement = statement.where(*await _of_session(db, wanted.session_id))
    return statement


def _equal(wanted: BookingFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (Appointment.id, wanted.appointment_id),
        (Appointment.department_id, wanted.department_id),
        (Appointment.doctor_id, wanted.doctor_id),
        (Appointment.doctor_id, wanted.only_doctor_id),
        (Appointment.person_id, wanted.person_id),
        (Appointment.number, wanted.number),
        (Appointment.channel, wanted.channel),
    )
    return [column == value for column, value in pairs if value is not None]


async def _of_session(db: AsyncSession, session_id: UUID) -> list[ColumnElement[bool]]:
    """The session, and its hours by which the index finds it."""
    session, _ = await session_with_slots(db, session_id)
    return [
        Appointment.session_id == session_id,
        Appointment.starts_at >= session.starts_at,
        Appointment.starts_at < session.ends_at,
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingsRead:
    """Appointments and all that their lines show, names still sealed; it needs no database any more."""

    rows: Sequence[Appointment]
    orders: Mapping[UUID, Order]
    departments: Mapping[UUID, DepartmentFacts]
    doctors: Mapping[UUID, DoctorFacts]
    names: SealedNames

    def shown(self, key_ring: KeyRing) -> list[Booking]:
        """The lines, in the order given."""
        names = self.names.masked(key_ring)
        return [
            Booking(
                appointment=row,
                order=self.orders[row.order_id],
                patient_name=names[row.patient_id],
                department_name=self.departments[row.department_id].name,
                doctor_name=self.doctors[row.doctor_id].name,
            )
            for row in self.rows
        ]


async def bookings_read(db: AsyncSession, rows: Sequence[Appointment]) -> BookingsRead:
    """Read what stands beside appointments; one query for each kind of thing, however many they are."""
    return BookingsRead(
        rows=rows,
        orders=await orders_by_ids(db, {row.order_id for row in rows}),
        departments=await departments_by_ids(db, {row.department_id for row in rows}),
        doctors=await doctors_by_ids(db, {row.doctor_id for row in rows}),
        names=await sealed_names(db, {row.patient_id for row in rows}),
    )


async def people_who_booked(
    db: AsyncSession, *, hospital_id: int, doctor_id: UUID | None, text: str, key_ring: KeyRing
) -> FoundPeople:
    """The people with this very name, document number or phone who ever booked here, or with one doctor."""
    booked = select(Appointment.person_id).where(
        Appointment.hospital_id == hospital_id,
        Appointment.person_id.in_(people_sought(text, hospital_id=hospital_id, key_ring=key_ring)),
        *([] if doctor_id is None else [Appointment.doctor_id == doctor_id]),
    )
    return await people_shown(db, booked, hospital_id=hospital_id, key_ring=key_ring)


async def people_known_here(
    db: AsyncSession, *, hospital_id: int, text: str, key_ring: KeyRing
) -> FoundPeople:
    """The people with this very document number or phone who were enrolled at the desk or booked here."""
    numbered = people_numbered(text, hospital_id=hospital_id, key_ring=key_ring)
    booked = select(Appointment.person_id).where(
        Appointment.hospital_id == hospital_id, Appointment.person_id.in_(numbered)
    )
    enrolled = enrolled_people(hospital_id=hospital_id, among=numbered)
    return await people_shown(db, union(booked, enrolled), hospital_id=hospital_id, key_ring=key_ring)


async def person_of_house(db: AsyncSession, *, patient_id: UUID, hospital_id: int) -> UUID:
    """The person behind a patient, when they were enrolled at the hospital's desk or ever booked there.

    Raises `NotFound`.
    """
    person_id = await person_of(db, patient_id=patient_id)
    if hospital_id in await enrolled_at(db, person_id=person_id):
        return person_id
    booked = exists().where(Appointment.hospital_id == hospital_id, Appointment.person_id == person_id)
    if not await db.scalar(select(booked)):
        raise NotFound
    return person_id
