"""What staff may do with an appointment now, and what each deed costs, told before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from guahao.booking import policy
from guahao.booking.models import Appointment, AppointmentState, CreditEvent, CreditKind
from guahao.catalog.queries import Rules
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.queries import Order, OrderState
from guahao.payment.queries.way_back import KeptPayment, money_back_text

_STANDING = (AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.SUSPENDED)
_UNPAID = (OrderState.CREATED, OrderState.PAYING)


class DeedName(StrEnum):
    """What staff can do with an appointment."""

    CANCEL_PATIENT = "cancel_patient"
    """At the person's wish."""
    CANCEL_EXCUSED = "cancel_excused"
    CANCEL_HOSPITAL = "cancel_hospital"
    RESCHEDULE = "reschedule"
    EXCUSE = "excuse"
    RESEND = "resend"
    PAY = "pay"
    PRINT = "print"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffDeed:
    """One deed; `text` says what it means for money and person, or why it cannot be done."""

    name: DeedName
    is_allowed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the deeds depend on; `rules` are those of the booking."""

    appointment: Appointment
    order: Order
    kept: KeptPayment | None
    credit: CreditEvent | None
    rules: Rules
    now: datetime


def staff_deeds(of: Standing) -> list[StaffDeed]:
    """Every deed in the order of the page."""
    return [
        _pay(of),
        _print(of),
        _reschedule(of),
        _cancel(of, DeedName.CANCEL_PATIENT),
        _cancel(of, DeedName.CANCEL_EXCUSED),
        _cancel(of, DeedName.CANCEL_HOSPITAL),
        _excuse(of),
        _resend(of),
    ]


def _deed(name: DeedName, key: str, *, is_allowed: bool, **values: object) -> StaffDeed:
    return StaffDeed(name=name, is_allowed=is_allowed, text=text(f"staff-deed.{key}", **values))


def _pay(of: Standing) -> StaffDeed:
    is_due = of.order.state in _UNPAID and of.appointment.state in _STANDING
    key = "pay" if is_due else "pay-not"
    return _deed(DeedName.PAY, key, is_allowed=is_due, amount=yuan_text(of.order.payable_fen))


def _print(of: Standing) -> StaffDeed:
    can = of.appointment.state is AppointmentState.BOOKED
    return _deed(DeedName.PRINT, "print" if can else "print-not", is_allowed=can)


def _reschedule(of: Standing) -> StaffDeed:
    state = of.appointment.state
    if state is AppointmentState.SUSPENDED:
        return _deed(DeedName.RESCHEDULE, "reschedule-suspended", is_allowed=True)
    if state is not AppointmentState.BOOKED or of.appointment.starts_at <= of.now:
        return _deed(DeedName.RESCHEDULE, "reschedule-not", is_allowed=False)
    is_late = policy.is_late_cancel(of.rules, date=of.appointment.date, now=of.now)
    return _deed(DeedName.RESCHEDULE, "reschedule-late" if is_late else "reschedule", is_allowed=True)


def _cancel(of: Standing, name: DeedName) -> StaffDeed:
    state = of.appointment.state
    if state not in _STANDING:
        return _deed(name, "cancel-not", is_allowed=False)
    terms = policy.cancel_terms(
        of.rules,
        state=state,
        date=of.appointment.date,
        now=of.now,
        is_hospital_fault=name is DeedName.CANCEL_HOSPITAL or state is AppointmentState.SUSPENDED,
        is_excused=name is DeedName.CANCEL_EXCUSED,
    )
    counts = {
        None: "counts-not",
        CreditKind.CANCELLED: "counts",
        CreditKind.CANCELLED_LATE: "counts-late",
        CreditKind.UNPAID: "counts-unpaid",
    }
    return _deed(
        name,
        "cancel",
        is_allowed=True,
        money=money_back_text(of.kept),
        counts=text(f"staff-deed.{counts[terms.credit]}"),
    )


def _excuse(of: Standing) -> StaffDeed:
    can = of.credit is not None and of.credit.voided_at is None
    if not can or of.credit is None:
        return _deed(DeedName.EXCUSE, "excuse-not", is_allowed=False)
    return _deed(DeedName.EXCUSE, "excuse", is_allowed=True, what=text(f"credit.{of.credit.kind.value}"))


def _resend(of: Standing) -> StaffDeed:
    state = of.appointment.state
    is_over = state is AppointmentState.BOOKED and of.appointment.ends_at <= of.now
    can = state not in (AppointmentState.HELD, AppointmentState.RESCHEDULED) and not is_over
    return _deed(DeedName.RESEND, "resend" if can else "resend-not", is_allowed=can)
