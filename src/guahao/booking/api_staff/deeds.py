"""Routes on which staff change appointments for people."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from guahao.booking.api_patient.schemas import AppointmentOut
from guahao.booking.api_staff.access import Booker
from guahao.booking.queries.screen import views
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.rows import AppointmentEnded
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Keys, Once, problems
from guahao.kernel.ids import hospital_of, parse_id

router = APIRouter()


class StaffCancelIn(Body):
    """Why staff cancel: at the person's wish, excused, or because the hospital cannot keep it."""

    reason: Literal["patient", "excused", "hospital"]


@router.post(
    "/appointments/{appointment_id}/cancel",
    response_model=AppointmentOut,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, AppointmentEnded, AppointmentBeingConfirmed),
)
async def cancel_for_a_person(
    appointment_id: str, body: StaffCancelIn, db: Db, keys: Keys, who: Booker, once: Once
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
