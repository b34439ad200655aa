"""Routes on which staff find and read appointments."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from guahao.booking.api_patient.schemas import AppointmentOut
from guahao.booking.api_staff.access import Id, Viewer
from guahao.booking.models import AppointmentState
from guahao.booking.queries import lists
from guahao.booking.queries.screen import views
from guahao.booking.service.check_in import appointment_id_of
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, Keys, Page, problems
from guahao.kernel.ids import parse_id

router = APIRouter()


class StaffSearch(BaseModel):
    """What to look for; every part but the hospital may be left open."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    date: dt.date | None = None
    session_id: Id | None = None
    doctor_id: Id | None = None
    patient_id: Id | None = None
    state: AppointmentState | None = None
    cursor: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("/appointments", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_appointments(
    search: Annotated[StaffSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Page[AppointmentOut]:
    """A hospital's appointments, newest first."""
    who.require(search.hospital_id)
    wanted = lists.StaffFilter(
        hospital_id=search.hospital_id,
        date=search.date,
        session_id=parse_id(search.session_id) if search.session_id else None,
        doctor_id=parse_id(search.doctor_id) if search.doctor_id else None,
        patient_id=parse_id(search.patient_id) if search.patient_id else None,
        state=search.state,
    )
    before = parse_id(search.cursor) if search.cursor else None
    rows = await lists.appointments_of_hospital(db, wanted=wanted, before=before, limit=search.limit)
    shown = await views(db, rows, key_ring=keys)
    return Page(
        items=[AppointmentOut.of(view) for view in shown],
        next_cursor=str(rows[-1].id) if len(rows) == search.limit else None,
    )


@router.get("/appointments/{appointment_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_appointment(appointment_id: str, db: Db, keys: Keys, who: Viewer) -> AppointmentOut:
    """One appointment of your hospital."""
    row = await lists.appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])


@router.get("/check-in-codes/{code}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_check_in_code(code: str, db: Db, keys: Keys, who: Viewer) -> AppointmentOut:
    """The appointment of your hospital whose check-in code a person shows, whatever became of it since."""
    row = await lists.appointment_of_hospital(
        db, appointment_id=appointment_id_of(code, keys=keys), hospital_id=who.hospital_id
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])
