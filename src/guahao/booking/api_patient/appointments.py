"""Routes on which patients look at, cancel and move their appointments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.api_patient.hold import request_of
from guahao.booking.api_patient.problems import BOOKING_PROBLEMS
from guahao.booking.api_patient.schemas import (
    AppointmentOut,
    AppointmentPageOut,
    HeldOut,
    RescheduleIn,
)
from guahao.booking.models import Appointment
from guahao.booking.queries import lists
from guahao.booking.queries.page import page_of
from guahao.booking.queries.screen import views
from guahao.booking.service import reschedule
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.check_in import check_in_code
from guahao.booking.service.transition import AppointmentEnded
from guahao.identity.access import CurrentAccount, NotLoggedIn, booking_limit
from guahao.kernel.errors import NotFound, TooManyRequests
from guahao.kernel.http import Db, Keys, Once, Page, problems
from guahao.kernel.idempotency import RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, decode_cursor, encode_cursor, split_page
from guahao.kernel.qr import qr_image
from guahao.payment.queries import orders_by_ids

router = APIRouter(tags=["booking"])


class OwnSearch(BaseModel):
    """Which of your appointments: all, or with `upcoming` what stands and is not over."""

    upcoming: bool = False
    cursor: Annotated[str | None, Field(max_length=400)] = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20


@router.get("/api/v1/appointments", responses=problems(NotLoggedIn, CursorInvalid, NotFound))
async def list_appointments(
    search: Annotated[OwnSearch, Query()], db: Db, keys: Keys, account: CurrentAccount
) -> Page[AppointmentOut]:
    """Your appointments, newest first, or those ahead of you, soonest first."""
    rows, last = split_page(await _found(db, search, account_id=account.id), search.limit)
    return Page(
        items=[AppointmentOut.of(view) for view in await views(db, rows, key_ring=keys)],
        next_cursor=_cursor(last, search) if last else None,
    )


async def _found(db: AsyncSession, search: OwnSearch, *, account_id: UUID) -> Sequence[Appointment]:
    cursor, limit = search.cursor, search.limit + 1
    if search.upcoming:
        after = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        return await lists.upcoming_of_account(db, account_id=account_id, after=after, limit=limit)
    before = parse_id(cursor) if cursor else None
    return await lists.appointments_of_account(db, account_id=account_id, before=before, limit=limit)


def _cursor(last: Appointment, search: OwnSearch) -> str:
    return encode_cursor((last.starts_at, last.id)) if search.upcoming else str(last.id)


@router.get("/api/v1/appointments/{appointment_id}", responses=problems(NotLoggedIn, NotFound))
async def read_appointment(
    appointment_id: str, db: Db, keys: Keys, account: CurrentAccount
) -> AppointmentPageOut:
    """One of your appointments, with everything that happened to it and what to bring."""
    row = await lists.appointment_of_account(
        db, appointment_id=parse_id(appointment_id), account_id=account.id
    )
    view = (await views(db, [row], key_ring=keys))[0]
    return AppointmentPageOut.with_page(view, await page_of(db, view))


class CheckInCodeOut(BaseModel):
    """What to show on arrival: the code, and a PNG of its QR code as a `data:` URI."""

    code: str
    image: str


@router.get(
    "/api/v1/appointments/{appointment_id}/check-in-code",
    responses=problems(
        NotLoggedIn, NotFound, reschedule.AppointmentNotPaid, policy.SessionSuspended, AppointmentEnded
    ),
)
async def read_check_in_code(
    appointment_id: str, db: Db, keys: Keys, account: CurrentAccount
) -> CheckInCodeOut:
    """The code of a booked appointment, to be read at the desk; it is the same each time."""
    row = await lists.appointment_of_account(
        db, appointment_id=parse_id(appointment_id), account_id=account.id
    )
    code = check_in_code(row, keys=keys)
    return CheckInCodeOut(code=code, image=qr_image(code))


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
        TooManyRequests,
    ),
    dependencies=[Depends(booking_limit)],
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
        policy.MovesLimit,
        reschedule.AppointmentNotPaid,
        reschedule.RescheduleSameSlot,
        reschedule.RescheduleFeeDiffers,
        reschedule.RescheduleOtherHospital,
    ),
    dependencies=[Depends(booking_limit)],
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
