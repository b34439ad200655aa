"""Routes on which patients book, look at, cancel and move appointments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import AppointmentState, Channel
from guahao.booking.queries import lists
from guahao.booking.queries.screen import AppointmentView, views
from guahao.booking.service import hold, reschedule
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.rows import AppointmentEnded
from guahao.identity.access import CurrentAccount, NotLoggedIn, account_of
from guahao.kernel.db import transaction
from guahao.kernel.errors import Invalid, NotFound, Problem, TooManyRequests
from guahao.kernel.http import Body, Db, Keys, Once, OnceKey, Page, once_key, problems
from guahao.kernel.i18n import text
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.payment.queries import OrderState
from guahao.scheduling.queries.states import Period

router = APIRouter(tags=["booking"])

BOOKING_PROBLEMS: tuple[type[Problem], ...] = (
    NotLoggedIn,
    NotFound,
    Invalid,
    TooManyRequests,
    RequestInProgress,
    IdempotencyKeyReused,
    policy.SessionSuspended,
    policy.SlotOver,
    policy.SlotNotReleased,
    policy.SlotFull,
    hold.SlotSoldOut,
    policy.BookingClosedNow,
    policy.TooLateForTomorrow,
    policy.OutsideBookingWindow,
    policy.PatientNotVerified,
    policy.PatientConsentWithdrawn,
    policy.AlreadyBooked,
    policy.DepartmentDayLimit,
    policy.TimeConflict,
    policy.DailyLimit,
    policy.DailyDepartmentsLimit,
    policy.WeeklyLimit,
    policy.MonthlyLimit,
    policy.BookingBlocked,
    policy.DepartmentSexLimit,
    policy.DepartmentAgeLimit,
)


class HoldIn(Body):
    """Which slot for which patient of yours."""

    slot_id: Annotated[str, Field(max_length=64)]
    patient_id: Annotated[str, Field(max_length=64)]


class OrderPart(BaseModel):
    """What is owed for the appointment."""

    id: str
    amount_fen: int
    state: OrderState


class HeldOut(BaseModel):
    """A place that is now yours: to pay by `hold_expires_at`, or already booked."""

    id: str
    state: AppointmentState
    hold_expires_at: datetime | None
    number: int | None
    order: OrderPart
    slot_id: str
    patient_id: str
    date: dt.date
    starts_at: datetime
    ends_at: datetime
    room: str

    @classmethod
    def of(cls, plan: hold.HoldPlan) -> HeldOut:
        """Show what was planned and is being written."""
        slot = plan.slot
        is_settled = slot.fee_fen == 0 or plan.rescheduled_from is not None
        return cls(
            id=str(plan.appointment_id),
            state=plan.state,
            hold_expires_at=plan.hold_expires_at,
            number=plan.number,
            order=OrderPart(
                id=str(plan.order_id),
                amount_fen=slot.fee_fen,
                state=OrderState.PAID if is_settled else OrderState.CREATED,
            ),
            slot_id=str(slot.slot_id),
            patient_id=str(plan.request.patient_id),
            date=slot.date,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            room=slot.room,
        )


class NamedPart(BaseModel):
    """Something with a name."""

    id: str
    name: str


class PlacePart(NamedPart):
    """Where to go."""

    address: str
    phone: str
    room: str


class DoctorPart(NamedPart):
    """Who will see the patient."""

    title: str


class AllowedPart(BaseModel):
    """What can be done with the appointment now; `cancel_text` is to be shown before cancelling."""

    pay: bool
    cancel: bool
    reschedule: bool
    cancel_counts: bool
    cancel_text: str | None


class AppointmentOut(BaseModel):
    """An appointment with everything its page shows."""

    id: str
    state: AppointmentState
    channel: Channel
    number: int | None
    hold_expires_at: datetime | None
    decide_by: datetime | None
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    slot_id: str
    patient: NamedPart
    hospital: NamedPart
    department: NamedPart
    doctor: DoctorPart
    place: PlacePart
    order: OrderPart
    allowed: AllowedPart
    rescheduled_from: str | None
    created_at: datetime
    booked_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, view: AppointmentView) -> AppointmentOut:
        """Show a view."""
        row = view.appointment
        return cls(
            id=str(row.id),
            state=row.state,
            channel=row.channel,
            number=row.number,
            hold_expires_at=row.hold_expires_at,
            decide_by=row.decide_by,
            date=row.date,
            period=view.slot.period,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            slot_id=str(row.slot_id),
            patient=NamedPart(id=str(row.patient_id), name=view.patient_name),
            hospital=NamedPart(id=str(view.hospital.id), name=view.hospital.name),
            department=NamedPart(id=str(view.department.id), name=view.department.name),
            doctor=DoctorPart(id=str(view.doctor.id), name=view.doctor.name, title=view.doctor.title),
            place=PlacePart(
                id=str(view.campus.id),
                name=view.campus.name,
                address=view.campus.address,
                phone=view.campus.phone,
                room=view.slot.room,
            ),
            order=OrderPart(id=str(view.order.id), amount_fen=view.order.amount_fen, state=view.order.state),
            allowed=AllowedPart(
                pay=view.allowed.pay,
                cancel=view.allowed.cancel,
                reschedule=view.allowed.reschedule,
                cancel_counts=view.allowed.cancel_counts,
                cancel_text=view.allowed.cancel_text,
            ),
            rescheduled_from=str(row.rescheduled_from) if row.rescheduled_from else None,
            created_at=row.created_at,
            booked_at=row.booked_at,
            ended_at=row.ended_at,
        )


def _request(account_id: UUID, slot_id: str, patient_id: str) -> hold.HoldRequest:
    return hold.HoldRequest(
        slot_id=parse_id(slot_id),
        patient_id=parse_id(patient_id),
        account_id=account_id,
        actor=f"account:{account_id}",
    )


async def _hold(db: AsyncSession, account_id: UUID, once: OnceKey, wish: HoldIn | _Wish) -> Response:
    claim = await once.claim(db, owner=str(account_id))
    plan = await hold.plan_hold(db, _request(account_id, wish.slot_id, wish.patient_id))
    answer = claim.prepared(HeldOut.of(plan), status=201)
    await hold.write_hold(db, plan, kept=answer.kept)
    return answer.response


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a hold as it usually comes."""

    slot_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    patient_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]


_read_wish = msgspec.json.Decoder(_Wish).decode


class _HotRoute(APIRoute):
    """Reads the usual form of a request itself: solving its dependencies would cost as much as the booking.

    Anything unusual (no login, a body of another shape) goes the documented way and is refused there.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the documented handler."""
        documented = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                wish = _read_wish(await request.body())
            except (msgspec.DecodeError, UnicodeDecodeError):
                return await documented(request)
            account = await account_of(request)
            if account is None:
                return await documented(request)
            once = await once_key(request, request.headers.get("idempotency-key"))
            async with transaction(request.app.state.sessions) as db:
                return await _hold(db, account.id, once, wish)

        return handle


_hot = APIRouter(route_class=_HotRoute)


@_hot.post(
    "/api/v1/appointments", status_code=201, response_model=HeldOut, responses=problems(*BOOKING_PROBLEMS)
)
async def hold_a_place(body: HoldIn, db: Db, account: CurrentAccount, once: Once) -> Response:
    """Take a place for one of your patients.

    Answers `held` with the time by which to pay, or `booked` with a number when nothing is due.
    Send an Idempotency-Key: repeating the request with it answers the first answer again.
    """
    return await _hold(db, account.id, once, body)


router.include_router(_hot)


class CompatibleData(BaseModel):
    """What the original design answers of an appointment."""

    appointment_id: str
    state: AppointmentState
    number: int | None
    order_id: str
    amount_fen: int
    hold_expires_at: datetime | None


class CompatibleOut(BaseModel):
    """The original design's envelope; `code` is 200 on success."""

    code: Literal[200] = 200
    message: str
    data: CompatibleData


@router.post("/api/appointment", response_model=CompatibleOut, responses=problems(*BOOKING_PROBLEMS))
async def hold_a_place_compatibly(body: HoldIn, db: Db, account: CurrentAccount, once: Once) -> Response:
    """Take a place as above, on the route and in the envelope of the original design."""
    claim = await once.claim(db, owner=str(account.id))
    plan = await hold.plan_hold(db, _request(account.id, body.slot_id, body.patient_id))
    data = CompatibleData(
        appointment_id=str(plan.appointment_id),
        state=plan.state,
        number=plan.number,
        order_id=str(plan.order_id),
        amount_fen=plan.slot.fee_fen,
        hold_expires_at=plan.hold_expires_at,
    )
    answer = claim.prepared(CompatibleOut(message=text("compatible.ok"), data=data), status=200)
    await hold.write_hold(db, plan, kept=answer.kept)
    return answer.response


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


class RescheduleIn(Body):
    """Where to."""

    slot_id: Annotated[str, Field(max_length=64)]


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
    """Move to another slot of the hospital at the same fee; if that fails the old place stays yours.

    Answers the new appointment; the old one ends as `rescheduled`.
    """
    claim = await once.claim(db, owner=str(account.id))
    old = await lists.appointment_of_account(
        db, appointment_id=parse_id(appointment_id), account_id=account.id
    )
    request = _request(account.id, body.slot_id, str(old.patient_id))
    plan = await reschedule.reschedule(db, appointment_id=old.id, request=request)
    return await claim.answer(HeldOut.of(plan), status=201)
