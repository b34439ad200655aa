"""What happened to an appointment, in sentences: booked by whom, paid, moved, cancelled, refunded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from guahao.booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentState,
    EventChannel,
    EventReason,
)
from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.queries import Channel, Order, RefundReason
from guahao.payment.queries.progress import RefundProgress, Stage, stage_text


class MomentKind(StrEnum):
    """What sort of thing happened."""

    HELD = "held"
    PAID = "paid"
    BOOKED = "booked"
    MOVED_HERE = "moved_here"
    """The appointment took the place of an earlier one."""
    RESCHEDULED = "rescheduled"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUND_REQUESTED = "refund_requested"
    REFUND_SUBMITTED = "refund_submitted"
    REFUND_ARRIVED = "refund_arrived"
    REFUND_ATTENTION = "refund_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened."""

    at: datetime
    kind: MomentKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentHistory:
    """What is known about an appointment's past; `events` are its own, in order."""

    appointment: Appointment
    events: Sequence[AppointmentEvent]
    order: Order
    paid_by: Channel | None
    refunds: Sequence[RefundProgress]


def timeline_of(history: AppointmentHistory) -> list[Moment]:
    """Everything that happened, oldest first; money that goes back is told where the order is now."""
    moments = [moment for event in history.events for moment in _of_event(history.appointment, event)]
    moments = sorted([*moments, *_payment(history)], key=lambda moment: moment.at)
    if history.appointment.state is AppointmentState.RESCHEDULED:
        return moments
    for refund in history.refunds:
        moments += _refund(refund, not_before=_not_before(history, refund))
    return sorted(moments, key=lambda moment: moment.at)


_END = (RefundReason.CANCELLED, RefundReason.HOSPITAL, RefundReason.LATE)
"""Refunds that come with the end of an appointment; asked for in its transaction, told after it."""


def _not_before(history: AppointmentHistory, refund: RefundProgress) -> datetime | None:
    """The event that a refund came with; both are of one transaction, whose begin is the refund's time."""
    if refund.reason in _END:
        return history.events[-1].occurred_at
    first = history.events[0]
    if refund.reason is RefundReason.DIFFERENCE and refund.requested_at >= history.appointment.created_at:
        return first.occurred_at
    return None


def _of_event(row: Appointment, event: AppointmentEvent) -> Iterator[Moment]:
    number = event.data.get("number", row.number)
    match event.reason:
        case EventReason.HELD:
            until = f"{row.hold_expires_at.astimezone(CHINA):%H:%M}" if row.hold_expires_at else ""
            yield _moment(event, MomentKind.HELD, until=until)
        case EventReason.BOOKED:
            yield _moment(
                event, MomentKind.BOOKED, "booked-desk" if _is_by_staff(event) else None, number=number
            )
        case EventReason.PAID | EventReason.PAID_LATE:
            yield _moment(event, MomentKind.BOOKED, number=number)
            if event.to_state is AppointmentState.SUSPENDED:
                yield _moment(event, MomentKind.SUSPENDED)
        case EventReason.MOVED_HERE:
            yield _moment(event, MomentKind.MOVED_HERE, number=number)
        case EventReason.NOTICES_RESENT:
            return
        case _:
            kind, key = _ended_or_suspended(event)
            yield _moment(event, kind, key)


def _ended_or_suspended(event: AppointmentEvent) -> tuple[MomentKind, str | None]:
    match event.to_state:
        case AppointmentState.BOOKED:
            return MomentKind.RESUMED, None
        case AppointmentState.SUSPENDED:
            return MomentKind.SUSPENDED, None
        case AppointmentState.EXPIRED:
            is_over = event.reason is EventReason.SESSION_OVER
            return MomentKind.EXPIRED, "session-over" if is_over else None
        case AppointmentState.RESCHEDULED:
            return MomentKind.RESCHEDULED, None
        case AppointmentState.CANCELLED_BY_PATIENT | AppointmentState.CANCELLED_BY_HOSPITAL:
            return MomentKind.CANCELLED, _cancelled(event)
        case AppointmentState.HELD:
            raise ValueError(event.reason)
        case _:
            assert_never(event.to_state)


def _cancelled(event: AppointmentEvent) -> str:
    if event.channel is EventChannel.SYSTEM:
        return "cancelled-suspended"
    is_patients = event.to_state is AppointmentState.CANCELLED_BY_PATIENT
    return f"cancelled-{'patient' if is_patients else 'hospital'}-{'desk' if _is_by_staff(event) else 'self'}"


def _is_by_staff(event: AppointmentEvent) -> bool:
    return event.channel in (EventChannel.DESK, EventChannel.PHONE)


def _payment(history: AppointmentHistory) -> Iterator[Moment]:
    if history.paid_by is not None and history.order.paid_at is not None:
        values = {
            "amount": yuan_text(history.order.payable_fen),
            "provider": text(f"provider.{history.paid_by.provider.value}"),
        }
        yield Moment(at=history.order.paid_at, kind=MomentKind.PAID, text=text("timeline.paid", **values))


def _refund(refund: RefundProgress, *, not_before: datetime | None) -> Iterator[Moment]:
    """The stages of a refund, one after the other though providers' clocks are not ours."""
    steps = [
        (Stage.REQUESTED, refund.requested_at),
        (Stage.SUBMITTED, refund.submitted_at),
        (Stage.ARRIVED, refund.arrived_at),
        (Stage.ATTENTION, refund.requested_at if refund.stage is Stage.ATTENTION else None),
    ]
    earliest = not_before or refund.requested_at
    for stage, at in steps:
        if at is not None:
            earliest = max(at, earliest)
            amount = yuan_text(refund.amount_fen)
            sentence = text("timeline.refund", amount=amount, stage=stage_text(refund.way, stage))
            yield Moment(at=earliest, kind=MomentKind(f"refund_{stage.value}"), text=sentence)


def _moment(event: AppointmentEvent, kind: MomentKind, key: str | None = None, **values: object) -> Moment:
    return Moment(at=event.occurred_at, kind=kind, text=text(f"timeline.{key or kind.value}", **values))
