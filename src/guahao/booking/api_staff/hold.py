"""The route on which staff book for a person at the desk or on the phone."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response

from guahao.booking import policy
from guahao.booking.api_patient.group_commit import answered
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import HeldOut
from guahao.booking.api_staff.access import Booker
from guahao.booking.models import Channel
from guahao.booking.service import plan as planning
from guahao.booking.service.book import BookingRequest, book
from guahao.identity.access import PermissionMissing
from guahao.identity.queries.people import require_enrolled
from guahao.kernel.http import Body, Db, Once, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.value.fields import Id, reason_text
from guahao.scheduling.queries.states import Bucket

router = APIRouter()


class StaffHoldIn(Body):
    """A booking for a person at the desk or on the phone, paid on site.

    `pool` takes a place that is kept for the desk, the elderly or referrals. `overruling_reason`
    skips the limits of the person, never those of the slot; it is kept in the audit trail.
    """

    slot_id: Id
    patient_id: Id
    channel: Literal[Channel.DESK, Channel.PHONE] = Channel.DESK
    pool: Literal[Bucket.FREE, Bucket.DESK, Bucket.ELDERLY, Bucket.REFERRAL] = Bucket.FREE
    overruling_reason: Annotated[str, reason_text(least=4)] | None = None


@router.post(
    "/appointments",
    status_code=201,
    response_model=HeldOut,
    responses=problems(*BOOKING_PROBLEMS, PermissionMissing, planning.PoolEmpty, policy.ElderlyPlaceOnly),
)
async def book_for_a_person(body: StaffHoldIn, db: Db, who: Booker, once: Once) -> Response:
    """Book for a patient enrolled at this desk; the fee is taken on site, so it is booked at once."""
    slot_id = parse_id(body.slot_id)
    who.require(hospital_of(slot_id))
    patient_id = parse_id(body.patient_id)
    await require_enrolled(db, patient_id=patient_id, hospital_id=hospital_of(slot_id))
    request = planning.HoldRequest(
        slot_id=slot_id,
        patient_id=patient_id,
        account_id=None,
        actor=f"staff:{who.id}",
        channel=body.channel,
        pool=body.pool,
        is_overruling=body.overruling_reason is not None,
        overruling_reason=body.overruling_reason,
    )
    booking = BookingRequest(
        hold=request,
        claim=once.of(f"staff:{who.id}"),
        answer_of=lambda plan: HeldOut.of(plan).model_dump_json(),
    )
    return answered(booking, await book(db, booking))
