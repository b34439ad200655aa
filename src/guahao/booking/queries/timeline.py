"""What happened to an appointment, in sentences: booked by whom, paid, moved, cancelled, refunded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from guahao.audit.queries import Deed
from guahao.booking.models import Appointment, AppointmentState
from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.queries import Channel, Order, RefundReason
from guahao.payment.queries.progress import RefundProgress, Stage


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
class Past:
    """What is known about an appointment's past; `deeds` are those to it and to its session."""

    appointment: Appointment
    deeds: Sequence[Deed]
    order: Order
    paid_by: Channel | None
    refunds: Sequence[RefundProgress]


def timeline_of(past: Past) -> list[Moment]:
    """Everything that happened, oldest first; money that goes back is told where the order is now."""
    found = sorted([*_of_deeds(past), *_of_row(past), *_payment(past)], key=lambda moment: moment.at)
    if past.appointment.state is AppointmentState.RESCHEDULED:
        return found
    for refund in past.refunds:
        found += _refund(refund, not_before=found[-1].at if refund.reason in _END else None)
    return sorted(found, key=lambda moment: moment.at)


_END = (RefundReason.CANCELLED, RefundReason.HOSPITAL, RefundReason.LATE)
"""Refunds that come with the end of an appointment; asked for in its transaction, told after it."""


def _of_deeds(past: Past) -> Iterator[Moment]:
    row = past.appointment
    for deed in past.deeds:
        tell = _TELLERS.get(deed.action)
        if tell is not None:
            yield tell(row, deed)
        elif deed.action in _OF_SESSION and row.created_at <= deed.at <= (row.ended_at or deed.at):
            yield _moment(deed.at, _OF_SESSION[deed.action])


def _of_row(past: Past) -> Iterator[Moment]:
    """What no deed of its own tells: the arrival from another slot, and the end by a suspension."""
    row = past.appointment
    if row.rescheduled_from is not None:
        yield _moment(row.created_at, MomentKind.MOVED_HERE, number=row.number)
    is_by_hospital = row.state is AppointmentState.CANCELLED_BY_HOSPITAL
    if is_by_hospital and row.ended_at and not any(deed.action == _CANCEL for deed in past.deeds):
        yield _moment(row.ended_at, MomentKind.CANCELLED, "cancelled-suspended")


def _held(row: Appointment, deed: Deed) -> Moment:
    until = f"{row.hold_expires_at.astimezone(CHINA):%H:%M}" if row.hold_expires_at else ""
    return _moment(deed.at, MomentKind.HELD, until=until)


def _booked(row: Appointment, deed: Deed) -> Moment:
    key = "booked-desk" if _is_by_staff(deed) else "booked"
    return _moment(deed.at, MomentKind.BOOKED, key, number=deed.data.get("number", row.number))


def _expired(_row: Appointment, deed: Deed) -> Moment:
    return _moment(deed.at, MomentKind.EXPIRED)


def _rescheduled(_row: Appointment, deed: Deed) -> Moment:
    return _moment(deed.at, MomentKind.RESCHEDULED)


def _cancelled(row: Appointment, deed: Deed) -> Moment:
    whose = "hospital" if row.state is AppointmentState.CANCELLED_BY_HOSPITAL else "patient"
    by = "desk" if _is_by_staff(deed) else "self"
    return _moment(deed.at, MomentKind.CANCELLED, f"cancelled-{whose}-{by}")


def _is_by_staff(deed: Deed) -> bool:
    return deed.actor.startswith("staff:")


_CANCEL = "appointment.cancel"
_TELLERS: dict[str, Callable[[Appointment, Deed], Moment]] = {
    "appointment.hold": _held,
    "appointment.book": _booked,
    "appointment.confirm": _booked,
    "appointment.rebook": _booked,
    "appointment.expire": _expired,
    "appointment.reschedule": _rescheduled,
    _CANCEL: _cancelled,
}
_OF_SESSION = {"session.suspended": MomentKind.SUSPENDED, "session.resumed": MomentKind.RESUMED}


def _payment(past: Past) -> Iterator[Moment]:
    if past.paid_by is not None and past.order.paid_at is not None:
        yield _moment(
            past.order.paid_at,
            MomentKind.PAID,
            amount=yuan_text(past.order.payable_fen),
            provider=text(f"provider.{past.paid_by.provider.value}"),
        )


def _refund(refund: RefundProgress, *, not_before: datetime | None) -> Iterator[Moment]:
    """The stages of a refund, one after the other though providers' clocks are not ours."""
    steps = [
        (MomentKind.REFUND_REQUESTED, refund.requested_at),
        (MomentKind.REFUND_SUBMITTED, refund.submitted_at),
        (MomentKind.REFUND_ARRIVED, refund.arrived_at),
        (MomentKind.REFUND_ATTENTION, refund.requested_at if refund.stage is Stage.ATTENTION else None),
    ]
    earliest = not_before or refund.requested_at
    for kind, at in steps:
        if at is not None:
            earliest = max(at, earliest)
            yield _moment(earliest, kind, amount=yuan_text(refund.amount_fen))


def _moment(at: datetime, kind: MomentKind, key: str | None = None, **values: object) -> Moment:
    return Moment(at=at, kind=kind, text=text(f"timeline.{key or kind.value}", **values))
