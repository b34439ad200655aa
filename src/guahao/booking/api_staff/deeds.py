"""Routes on which staff change appointments for people."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response

from guahao.booking import policy
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import AppointmentOut, HeldOut
from guahao.booking.api_staff.access import Booker
from guahao.booking.models import Channel
from guahao.booking.queries.lists import appointment_of_hospital
from guahao.booking.queries.screen import views
from guahao.booking.service import plan as planning
from guahao.booking.service import reschedule
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.credit import NothingToExcuse, excuse
from guahao.booking.service.notices import NothingToResend, resend
from guahao.booking.service.transition import AppointmentEnded
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Keys, Now, Once, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.value.fields import Id, reason_text
from guahao.payment.queries import orders_by_ids
from guahao.scheduling.queries.states import Bucket

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


class StaffRescheduleIn(Body):
    """Where to; `pool` takes a place that is kept for the desk, the elderly or referrals."""

    slot_id: Id
    channel: Literal[Channel.DESK, Channel.PHONE] = Channel.DESK
    pool: Literal[Bucket.FREE, Bucket.DESK, Bucket.ELDERLY, Bucket.REFERRAL] = Bucket.FREE


@router.post(
    "/appointments/{appointment_id}/reschedule",
    status_code=201,
    response_model=HeldOut,
    responses=problems(
        *BOOKING_PROBLEMS,
        PermissionMissing,
        planning.PoolEmpty,
        policy.ElderlyPlaceOnly,
        AppointmentEnded,
        policy.CancelTooLate,
        reschedule.AppointmentNotPaid,
        reschedule.RescheduleSameSlot,
        reschedule.RescheduleFeeDiffers,
        reschedule.RescheduleOtherHospital,
    ),
)
async def reschedule_for_a_person(
    appointment_id: str, body: StaffRescheduleIn, db: Db, who: Booker, once: Once
) -> Response:
    """Move a person to another slot by the rules that hold for themself; what is paid stays paid."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    old = await appointment_of_hospital(
        db, appointment_id=parse_id(appointment_id), hospital_id=who.hospital_id
    )
    request = planning.HoldRequest(
        slot_id=parse_id(body.slot_id),
        patient_id=old.patient_id,
        account_id=old.account_id,
        actor=f"staff:{who.id}",
        channel=body.channel,
        pool=body.pool,
    )
    plan = await reschedule.reschedule(db, appointment_id=old.id, request=request)
    order = (await orders_by_ids(db, [plan.order_id]))[plan.order_id]
    return await claim.answer(HeldOut.of(plan, order=order), status=201)


class ExcuseIn(Body):
    """Why what the person did shall not count."""

    reason: Annotated[str, reason_text(least=4)]


@router.post(
    "/appointments/{appointment_id}/excuse",
    response_model=AppointmentOut,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, NothingToExcuse),
)
async def excuse_a_person(
    appointment_id: str, body: ExcuseIn, db: Db, keys: Keys, who: Booker, once: Once, now: Now
) -> Response:
    """Let a late cancellation or a missed visit count no longer; a pause it had caused ends."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    id_ = parse_id(appointment_id)
    who.require(hospital_of(id_))
    row = await excuse(db, appointment_id=id_, reason=body.reason, actor=f"staff:{who.id}", now=now)
    view = (await views(db, [row], key_ring=keys))[0]
    return await claim.answer(AppointmentOut.of(view))


@router.post(
    "/appointments/{appointment_id}/notices",
    response_model=AppointmentOut,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, NothingToResend),
)
async def resend_notices(
    appointment_id: str, db: Db, keys: Keys, who: Booker, once: Once, now: Now
) -> Response:
    """Plan the messages of an appointment anew; their channels deliver them later."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    id_ = parse_id(appointment_id)
    who.require(hospital_of(id_))
    row = await resend(db, id_, actor=f"staff:{who.id}", now=now)
    view = (await views(db, [row], key_ring=keys))[0]
    return await claim.answer(AppointmentOut.of(view))
