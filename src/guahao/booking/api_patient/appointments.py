"""Routes on which patients look at, cancel and move their appointments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from guahao.booking import policy
from guahao.booking.api_patient.hold import request_of
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import AppointmentOut, HeldOut, RescheduleIn
from guahao.booking.queries import lists
from guahao.booking.queries.screen import views
from guahao.booking.service import reschedule
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.rows import AppointmentEnded
from guahao.identity.access import CurrentAccount, NotLoggedIn
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, Keys, Once, Page, problems
from guahao.kernel.idempotency import RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.payment.queries import orders_by_ids

router = APIRouter(tags=["booking"])


@router.get("/api/v1/appointments", responses=problems(NotLoggedIn))
async def list_appointments(
    db: Db,
    keys: Keys,
    account: CurrentAccount,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Page[AppointmentOut]:
    """Your appointments, newest first."""
    before = parse_id(cursor) if cursor else None
    rows = await lists.appointments_of_account(db, account_id=account.id, before=before, limit=limit)
    shown = await views(db, rows, key_ring=keys)
    return Page(
        items=[AppointmentOut.of(view) for view in shown],
        next_cursor=str(rows[-1].id) if len(rows) == limit else None,
    )


@router.get("/api/v1/appointments/{appointment_id}", responses=problems(NotLoggedIn, NotFound))
async def read_appointment(
    appointment_id: str, db: Db, keys: Keys, account: CurrentAccount
) -> AppointmentOut:
    """One of your appointments."""
    row = await lists.appointment_of_account(
        db, appointment_id=parse_id(appointment_id), account_id=account.id
    )
    return AppointmentOut.of((await views(db, [row], key_ring=keys))[0])


@router.post(
    "/api/v1/appointments/{appointment_id}/cancel",
    response_model=AppointmentOut,
    responses=problems(
        NotLoggedIn,
        NotFound,
        policy.CancelTooLate,
        AppointmentEnded,
        AppointmentBeingConfirmed,
        RequestInProgress,
    ),
)
async def cancel_appointment(
    appointment_id: str, db: Db, keys: Keys, account: CurrentAccount, once: Once
) -> Response:
    """Give the place back; a paid fee is refunded in full. Repeating changes nothing."""
    claim = await once.claim(db, owner=str(account.id))
    by = Canceller(actor=f"account:{account.id}", account_id=account.id)
    row = await cancel(db, appointment_id=parse_id(appointment_id), by=by)
    view = (await views(db, [row], key_ring=keys))[0]
    return await claim.answer(AppointmentOut.of(view))


@router.post(
    "/api/v1/appointments/{appointment_id}/reschedule",
    status_code=201,
    response_model=HeldOut,
    responses=problems(
        *BOOKING_PROBLEMS,
        AppointmentEnded,
        policy.CancelTooLate,
        reschedule.AppointmentNotPaid,
        reschedule.RescheduleSameSlot,
        reschedule.RescheduleFeeDiffers,
        reschedule.RescheduleOtherHospital,
    ),
)
async def reschedule_appointment(
    appointment_id: str, body: RescheduleIn, db: Db, account: CurrentAccount, once: Once
) -> Response:
    """Move to another slot of the hospital; if that fails the old place stays yours.

    Answers the new appointment; the old one ends as `rescheduled`. If the new slot costs less, the
    difference goes back to the payer; one that costs more is refused.
    """
    claim = await once.claim(db, owner=str(account.id))
    old = await lists.appointment_of_account(
        db, appointment_id=parse_id(appointment_id), account_id=account.id
    )
    request = request_of(account.id, body.slot_id, str(old.patient_id))
    plan = await reschedule.reschedule(db, appointment_id=old.id, request=request)
    order = (await orders_by_ids(db, [plan.order_id]))[plan.order_id]
    return await claim.answer(HeldOut.of(plan, order=order), status=201)
