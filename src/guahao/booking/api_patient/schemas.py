"""What patients send and see of appointments."""

from __future__ import annotations

import dataclasses
import datetime as dt
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from guahao.booking.models import AppointmentState, Channel
from guahao.booking.queries.page import AppointmentPage
from guahao.booking.queries.screen import AppointmentView
from guahao.booking.queries.timeline import MomentKind
from guahao.booking.service.plan import HoldPlan
from guahao.catalog.queries import CampusFacts
from guahao.kernel.http import Body
from guahao.kernel.value.fields import Id
from guahao.payment.queries import Order, OrderState
from guahao.scheduling.queries.states import Period


class HoldIn(Body):
    """Which slot for which patient of yours."""

    slot_id: Id
    patient_id: Id


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
    def of(cls, plan: HoldPlan, *, order: Order | None = None) -> HeldOut:
        """Show what was planned and is being written; `order` is the one that a moved appointment keeps."""
        slot = plan.slot
        return cls(
            id=str(plan.appointment_id),
            state=plan.state,
            hold_expires_at=plan.hold_expires_at,
            number=plan.number,
            order=OrderPart(
                id=str(plan.order_id),
                amount_fen=slot.fee_fen if order is None else order.amount_fen,
                state=_first_state(slot.fee_fen) if order is None else order.state,
            ),
            slot_id=str(slot.slot_id),
            patient_id=str(plan.request.patient_id),
            date=slot.date,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            room=slot.room,
        )


def _first_state(fee_fen: int) -> OrderState:
    return OrderState.CREATED if fee_fen else OrderState.PAID


class NamedPart(BaseModel):
    """Something with a name."""

    id: str
    name: str


class HospitalPart(NamedPart):
    """Whom to call."""

    phones: list[str]


class MapPointPart(BaseModel):
    """A place on the map, in GCJ-02 as WeChat shows it."""

    latitude: float
    longitude: float

    @classmethod
    def of(cls, campus: CampusFacts) -> MapPointPart | None:
        """The point of a campus that has one."""
        if campus.latitude is None or campus.longitude is None:
            return None
        return cls(latitude=campus.latitude, longitude=campus.longitude)


class PlacePart(NamedPart):
    """Where to go."""

    address: str
    phone: str
    room: str
    map_point: MapPointPart | None


class DoctorPart(NamedPart):
    """Who will see the patient."""

    title: str


class AllowedPart(BaseModel):
    """What can be done with the appointment now; `cancel_text` is to be shown before cancelling.

    `difference_text` tells how the difference comes back when it moves to a cheaper place; null while
    nothing was paid.
    """

    pay: bool
    cancel: bool
    reschedule: bool
    cancel_counts: bool
    cancel_text: str | None
    difference_text: str | None


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
    hospital: HospitalPart
    department: NamedPart
    doctor: DoctorPart
    place: PlacePart
    fee_fen: int
    order: OrderPart
    allowed: AllowedPart
    rescheduled_from: str | None
    created_at: datetime
    booked_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, view: AppointmentView) -> AppointmentOut:
        """Show a view."""
        return cls(**_members(view))


def _members(view: AppointmentView) -> dict[str, Any]:
    row = view.appointment
    return {
        "id": str(row.id),
        "state": row.state,
        "channel": row.channel,
        "number": row.number,
        "hold_expires_at": row.hold_expires_at,
        "decide_by": row.decide_by,
        "date": row.date,
        "period": view.slot.period,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "slot_id": str(row.slot_id),
        "patient": NamedPart(id=str(row.patient_id), name=view.patient_name),
        "hospital": HospitalPart(
            id=str(view.hospital.id), name=view.hospital.name, phones=list(view.hospital.phones)
        ),
        "department": NamedPart(id=str(view.department.id), name=view.department.name),
        "doctor": DoctorPart(id=str(view.doctor.id), name=view.doctor.name, title=view.doctor.title),
        "place": _place(view),
        "fee_fen": view.slot.fee_fen,
        "order": OrderPart(id=str(view.order.id), amount_fen=view.order.amount_fen, state=view.order.state),
        "allowed": AllowedPart(**dataclasses.asdict(view.allowed)),
        "rescheduled_from": str(row.rescheduled_from) if row.rescheduled_from else None,
        "created_at": row.created_at,
        "booked_at": row.booked_at,
        "ended_at": row.ended_at,
    }


def _place(view: AppointmentView) -> PlacePart:
    return PlacePart(
        id=str(view.campus.id),
        name=view.campus.name,
        address=view.campus.address,
        phone=view.campus.phone,
        room=view.slot.room,
        map_point=MapPointPart.of(view.campus),
    )


class MomentPart(BaseModel):
    """One thing that happened, with the sentence to show."""

    at: datetime
    kind: MomentKind
    text: str


class AppointmentPageOut(AppointmentOut):
    """An appointment with its history, oldest first, and what to bring while it stands."""

    timeline: list[MomentPart]
    bring: list[str]

    @classmethod
    def with_page(cls, view: AppointmentView, page: AppointmentPage) -> AppointmentPageOut:
        """Show a view with what only its own page shows."""
        moments = [MomentPart(at=one.at, kind=one.kind, text=one.text) for one in page.timeline]
        return cls(**_members(view), timeline=moments, bring=list(page.bring))


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


class RescheduleIn(Body):
    """Where to."""

    slot_id: Id
