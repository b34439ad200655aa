"""Routes on which staff find and read appointments."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import CompoundSelect, Select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.api_patient.schemas import AppointmentOut, NamedPart
from guahao.booking.api_staff.access import Viewer, own_doctor
from guahao.booking.api_staff.sought import opened
from guahao.booking.models import Appointment, AppointmentState, Channel
from guahao.booking.queries import bookings, lists
from guahao.booking.queries.screen import views
from guahao.booking.service.check_in import appointment_id_of
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.identity.queries.people import people_sought, person_of
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Unavailable
from guahao.kernel.export import Form, Sheet, Shown, local_time, yuan
from guahao.kernel.http import CountedPage, Db, Keys, Listed, Now, download, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown, page_of, parts_of
from guahao.kernel.value.fields import Id
from guahao.payment.queries import OrderState

router = APIRouter()

_Day = Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2100, 1, 1))]


class BookingSearch(Listed):
    """What to look for; every part but the hospital may be left open. Days are local, both included.

    `number` is an appointment's id, or the number of a visit on `date`, by default today; `sought` is what a
    search of people answered: the bookings of all whom it found.
    """

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    date: _Day | None = None
    from_: Annotated[_Day | None, Field(alias="from")] = None
    to: _Day | None = None
    department_id: Id | None = None
    doctor_id: Id | None = None
    session_id: Id | None = None
    patient_id: Id | None = None
    person_id: Id | None = None
    sought: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    state: Annotated[list[AppointmentState], Field(max_length=7, default_factory=list)]
    channel: Channel | None = None
    number: Annotated[str | None, Field(min_length=1, max_length=64)] = None


class BookingOut(BaseModel):
    """One line of the list; the patient's name is masked."""

    id: str
    number: int | None
    state: AppointmentState
    channel: Channel
    date: dt.date
    starts_at: datetime
    ends_at: datetime
    patient: NamedPart
    person_id: str
    department: NamedPart
    doctor: NamedPart
    session_id: str
    order_id: str
    order_state: OrderState
    fee_fen: int
    created_at: datetime

    @classmethod
    def of(cls, booking: bookings.Booking) -> BookingOut:
        """Show a booking."""
        row = booking.appointment
        return cls(
            id=str(row.id),
            number=row.number,
            state=row.state,
            channel=row.channel,
            date=row.date,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            patient=NamedPart(id=str(row.patient_id), name=booking.patient_name),
            person_id=str(row.person_id),
            department=NamedPart(id=str(row.department_id), name=booking.department_name),
            doctor=NamedPart(id=str(row.doctor_id), name=booking.doctor_name),
            session_id=str(row.session_id),
            order_id=str(row.order_id),
            order_state=booking.order.state,
            fee_fen=booking.order.amount_fen,
            created_at=row.created_at,
        )


_PROBLEMS = problems(NotLoggedIn, PermissionMissing, NotFound)


@router.get(
    "/appointments",
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid),
)
async def list_appointments(
    search: Annotated[BookingSearch, Query()], db: Db, keys: Keys, who: Viewer, now: Now
) -> CountedPage[BookingOut]:
    """A hospital's appointments, sorted by `starts_at` or `created_at`, the latest first."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys, doctor_id=own_doctor(who), now=now)
    read = await page_of(db, wanted, listing=bookings.BOOKINGS, asked=search.asked)
    shown = (await bookings.bookings_read(db, read.rows)).shown(keys)
    return CountedPage(
        items=[BookingOut.of(one) for one in shown], next_cursor=read.next_cursor, total=read.total
    )


@router.get(
    "/appointments.{form}",
    response_class=Response,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, ExportTooLarge, Unavailable),
)
async def export_appointments(
    form: Form, search: Annotated[BookingSearch, Query()], db: Db, keys: Keys, who: Viewer, now: Now
) -> Response:
    """The same list as a file; names are masked in it too."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys, doctor_id=own_doctor(who), now=now)
    parts = parts_of(db, wanted, listing=bookings.BOOKINGS, sort=search.sort)
    sheets = (partial(_sheet, await bookings.bookings_read(db, rows), keys) async for rows in parts)
    file = Wanted(name="appointments", form=form, filters=search.filters)
    return download(await export(db, sheets, wanted=file, by=who, hospital_id=search.hospital_id))


async def _wanted(
    db: AsyncSession, search: BookingSearch, keys: KeyRing, *, doctor_id: UUID | None, now: datetime
) -> Select[Appointment]:
    person_id = _id(search.person_id)
    if search.patient_id is not None:
        person_id = await person_of(db, patient_id=parse_id(search.patient_id))
    appointment_id, number = _number(search.number)
    day = search.date if number is None else search.date or local_date(now)
    return await bookings.bookings_wanted(
        db,
        bookings.BookingFilter(
            hospital_id=search.hospital_id,
            since=day or search.from_,
            until=day or search.to,
            department_id=_id(search.department_id),
            doctor_id=_id(search.doctor_id),
            only_doctor_id=doctor_id,
            session_id=_id(search.session_id),
            person_id=person_id,
            people=_people(search, keys),
            appointment_id=appointment_id,
            number=number,
            states=search.state,
            channel=search.channel,
        ),
    )


def _people(search: BookingSearch, keys: KeyRing) -> CompoundSelect[UUID] | None:
    if search.sought is None:
        return None
    text = opened(search.sought, hospital_id=search.hospital_id, keys=keys)
    return people_sought(text, hospital_id=search.hospital_id, key_ring=keys)


def _id(text_: str | None) -> UUID | None:
    return None if text_ is None else parse_id(text_)


def _number(written: str | None) -> tuple[UUID | None, int | None]:
    """Read what was typed as a number: an appointment's id, or a visit's number on a day."""
    if written is None:
        return None, None
    if written.isascii() and written.isdigit() and len(written) <= 6:
        return None, int(written)
    return parse_id(written), None


_COLUMNS = ("number", "date", "time", "patient", "department", "doctor", "state", "channel", "fee", "made")


def _sheet(read: bookings.BookingsRead, keys: KeyRing) -> Sheet:
    return Sheet(
        title=text("bookings-file.title"),
        headings=[text(f"bookings-file.{name}") for name in _COLUMNS],
        rows=[_line(one) for one in read.shown(keys)],
    )


def _line(one: bookings.Booking) -> list[Shown]:
    row = one.appointment
    return [
        row.number,
        row.date,
        local_time(row.starts_at),
        one.patient_name,
        one.department_name,
        one.doctor_name,
        text(f"appointment-state.{row.state.value}"),
        text(f"channel.{row.channel.value}"),
        yuan(one.order.amount_fen),
        local_time(row.created_at),
    ]


@router.get("/appointments/{appointment_id}", responses=_PROBLEMS)
async def read_appointment(appointment_id: str, db: Db, keys: Keys, who: Viewer) -> AppointmentOut:
    """One appointment of your hospital."""
    row = await lists.appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id, doctor_id=own_doctor(who)
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])


@router.get("/check-in-codes/{code}", responses=_PROBLEMS)
async def read_check_in_code(code: str, db: Db, keys: Keys, who: Viewer) -> AppointmentOut:
    """The appointment of your hospital whose check-in code a person shows, whatever became of it since."""
    row = await lists.appointment_of_hospital(
        db,
        appointment_id=appointment_id_of(code, keys=keys),
        hospital_id=who.hospital_id,
        doctor_id=own_doctor(who),
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])
