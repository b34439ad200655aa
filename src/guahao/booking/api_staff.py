"""Routes on which staff book for people at the desk or on the phone, and look after bookings."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import AppointmentOut, HeldOut
from guahao.booking.models import AppointmentState, BookingBlock, Channel
from guahao.booking.queries import lists
from guahao.booking.queries.screen import views
from guahao.booking.service import plan as planning
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.check_in import appointment_id_of
from guahao.booking.service.credit import lift_block
from guahao.booking.service.hold import write_hold
from guahao.booking.service.rows import AppointmentEnded
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Keys, Once, Page, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.scheduling.queries.states import Bucket

router = APIRouter(prefix="/api/v1/staff", tags=["booking: staff"])

_Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_APPOINTMENTS))]
_Booker = Annotated[StaffRef, Depends(staff(Permission.BOOK_FOR_PATIENT))]
_Id = Annotated[str, Field(max_length=64)]
_HospitalId = Annotated[int, Path(ge=1, le=16_777_215)]


class StaffHoldIn(Body):
    """A booking for a person at the desk or on the phone, paid on site.

    `pool` takes a place that is kept for the desk, the elderly or referrals. `overruling_reason`
    skips the limits of the person, never those of the slot; it is kept in the audit trail.
    """

    slot_id: _Id
    patient_id: _Id
    channel: Literal[Channel.DESK, Channel.PHONE] = Channel.DESK
    pool: Literal[Bucket.FREE, Bucket.DESK, Bucket.ELDERLY, Bucket.REFERRAL] = Bucket.FREE
    overruling_reason: Annotated[str | None, Field(min_length=4, max_length=200)] = None


@router.post(
    "/appointments",
    status_code=201,
    response_model=HeldOut,
    responses=problems(*BOOKING_PROBLEMS, PermissionMissing, planning.PoolEmpty),
)
async def book_for_a_person(body: StaffHoldIn, db: Db, who: _Booker, once: Once) -> Response:
    """Book for a patient enrolled at the desk; the fee is taken on site, so it is booked at once."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    slot_id = parse_id(body.slot_id)
    who.require(hospital_of(slot_id))
    request = planning.HoldRequest(
        slot_id=slot_id,
        patient_id=parse_id(body.patient_id),
        account_id=None,
        actor=f"staff:{who.id}",
        channel=body.channel,
        pool=body.pool,
        is_overruling=body.overruling_reason is not None,
        overruling_reason=body.overruling_reason,
    )
    plan = await planning.plan_hold(db, request)
    answer = claim.prepared(HeldOut.of(plan), status=201)
    await write_hold(db, plan, kept=answer.kept)
    return answer.response


class StaffSearch(BaseModel):
    """What to look for; every part but the hospital may be left open."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    date: dt.date | None = None
    session_id: _Id | None = None
    doctor_id: _Id | None = None
    patient_id: _Id | None = None
    state: AppointmentState | None = None
    cursor: _Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("/appointments", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_appointments(
    search: Annotated[StaffSearch, Query()], db: Db, keys: Keys, who: _Viewer
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
async def read_appointment(appointment_id: str, db: Db, keys: Keys, who: _Viewer) -> AppointmentOut:
    """One appointment of your hospital."""
    row = await lists.appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])


@router.get("/check-in-codes/{code}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_check_in_code(code: str, db: Db, keys: Keys, who: _Viewer) -> AppointmentOut:
    """The appointment of your hospital whose check-in code a person shows, whatever became of it since."""
    row = await lists.appointment_of_hospital(
        db, appointment_id=appointment_id_of(code, keys=keys), hospital_id=who.hospital_id
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])


class StaffCancelIn(Body):
    """Why staff cancel: at the person's wish, excused, or because the hospital cannot keep it."""

    reason: Literal["patient", "excused", "hospital"]


@router.post(
    "/appointments/{appointment_id}/cancel",
    response_model=AppointmentOut,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, AppointmentEnded, AppointmentBeingConfirmed),
)
async def cancel_for_a_person(
    appointment_id: str, body: StaffCancelIn, db: Db, keys: Keys, who: _Booker, once: Once
) -> Response:
    """Give a person's place back; only a cancellation at the person's own wish counts against them."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    id_ = parse_id(appointment_id)
    who.require(hospital_of(id_))
    by = Canceller(
        actor=f"staff:{who.id}",
        is_staff=True,
        is_excused=body.reason == "excused",
        is_hospital_fault=body.reason == "hospital",
    )
    row = await cancel(db, appointment_id=id_, by=by)
    view = (await views(db, [row], key_ring=keys))[0]
    return await claim.answer(AppointmentOut.of(view))


class BlockOut(BaseModel):
    """A pause of a person's online booking."""

    id: str
    person_id: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    lifted_at: datetime | None

    @classmethod
    def of(cls, row: BookingBlock) -> BlockOut:
        """Show a row."""
        return cls(
            id=str(row.id),
            person_id=str(row.person_id),
            reason=row.reason,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            lifted_at=row.lifted_at,
        )


@router.get("/hospitals/{hospital_id}/blocks", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_blocks(
    hospital_id: _HospitalId,
    db: Db,
    who: _Viewer,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[BlockOut]:
    """People who may not book online at this hospital for a while, newest first."""
    who.require(hospital_id)
    before = parse_id(cursor) if cursor else None
    rows = await lists.blocks_of_hospital(db, hospital_id=hospital_id, before=before, limit=limit)
    return Page(
        items=[BlockOut.of(row) for row in rows],
        next_cursor=str(rows[-1].id) if len(rows) == limit else None,
    )


@router.post(
    "/blocks/{block_id}/lift",
    status_code=204,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound),
)
async def lift(block_id: str, db: Db, who: _Booker) -> None:
    """Let a person book online again before the pause is over."""
    await lift_block(db, block_id=parse_id(block_id), hospital_id=who.hospital_id, actor=f"staff:{who.id}")
