"""What happened to an appointment, for staff: who did it, why, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from guahao.audit.queries import Deed
from guahao.booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentState,
    CreditEvent,
    EventReason,
)
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.queries.staff import OrderFile

REVEAL = "appointment.reveal"
"""What the trail calls a value of the patient that was shown in full: an access, known to the trail alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened; `actor` is an audit actor, it led from `before` to `after`."""

    at: datetime
    action: str
    actor: str
    text: str
    reason: str | None = None
    before: AppointmentState | None = None
    after: AppointmentState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffHistory:
    """What is known: the appointment's own events in order, its money, what counts, and who saw a value."""

    appointment: Appointment
    events: Sequence[AppointmentEvent]
    money: OrderFile
    credit: CreditEvent | None
    reveals: Sequence[Deed]


def steps_of(history: StaffHistory) -> list[Step]:
    """Everything that happened, oldest first."""
    steps = [
        *_changes(history),
        *_excused(history),
        *_reveals(history),
        *_paid(history),
        *_refunds(history),
    ]
    return sorted(steps, key=lambda step: step.at)


def actor_name(actor: str, names: Mapping[str, str]) -> str:
    """How to call whoever did it."""
    if actor.startswith("staff:"):
        return names.get(actor, text("staff-timeline.actor-staff"))
    is_patient = actor.startswith("account:")
    return text("staff-timeline.actor-patient" if is_patient else "staff-timeline.actor-system")


ACTIONS: dict[EventReason, str] = {
    EventReason.HELD: "appointment.hold",
    EventReason.BOOKED: "appointment.book",
    EventReason.MOVED_HERE: "moved-here",
    EventReason.PAID: "appointment.confirm",
    EventReason.PAID_LATE: "appointment.rebook",
    EventReason.UNPAID: "appointment.expire",
    EventReason.SESSION_OVER: "appointment.expire",
    EventReason.PATIENT_REQUEST: "appointment.cancel",
    EventReason.EXCUSED: "appointment.cancel",
    EventReason.HOSPITAL_REQUEST: "appointment.cancel",
    EventReason.SESSION_SUSPENDED: "session.suspended",
    EventReason.SESSION_RESUMED: "session.resumed",
    EventReason.REFUND_CHOSEN: "appointment.cancel",
    EventReason.CHOICE_LAPSED: "appointment.cancel",
    EventReason.RESCHEDULED: "appointment.reschedule",
    EventReason.NOTICES_RESENT: "appointment.resend",
}
"""How each change is called in the file; the words are part of the public contract."""

_SENTENCES: dict[EventReason, str] = {
    EventReason.SESSION_OVER: "session-over",
    EventReason.CHOICE_LAPSED: "choice-lapsed",
}
"""Changes that share an action and read differently."""


def _changes(history: StaffHistory) -> Iterator[Step]:
    row = history.appointment
    for event in history.events:
        is_change = event.from_state is not event.to_state
        yield _step(
            event.occurred_at,
            ACTIONS[event.reason],
            event.actor,
            key=_SENTENCES.get(event.reason),
            reason=event.data.get("note"),
            before=event.from_state if is_change else None,
            after=event.to_state if is_change else None,
            number=event.data.get("number", row.number),
            channel=text(f"channel.{row.channel.value}"),
        )


def _excused(history: StaffHistory) -> Iterator[Step]:
    credit = history.credit
    if credit is not None and credit.voided_at is not None:
        by = credit.voided_by or "system"
        yield _step(credit.voided_at, "appointment.excuse", by, reason=credit.void_reason)


def _reveals(history: StaffHistory) -> Iterator[Step]:
    for deed in history.reveals:
        field = text(f"personal.{deed.data.get('field', 'name')}")
        yield _step(deed.at, REVEAL, deed.actor, reason=deed.data.get("reason"), field=field)


def _paid(history: StaffHistory) -> Iterator[Step]:
    for payment in history.money.payments:
        if payment.captured_at is not None:
            yield _step(
                payment.captured_at,
                "paid",
                payment.taken_by or "system",
                amount=yuan_text(payment.captured_fen),
                way=text(f"pay-channel.{payment.channel.value}"),
            )


def _refunds(history: StaffHistory) -> Iterator[Step]:
    for refund in history.money.refunds:
        amount = yuan_text(refund.amount_fen)
        yield _step(
            refund.requested_at, "refund-requested", refund.requested_by, reason=refund.note, amount=amount
        )
        if refund.submitted_at is not None:
            yield _step(
                refund.submitted_at, "refund-submitted", refund.approved_by or "system", amount=amount
            )
        if refund.settled_at is not None:
            arrived = "refund-arrived" if refund.settled_by is None else "refund-handed"
            action = arrived if refund.state.value == "success" else "refund-ended"
            yield _step(refund.settled_at, action, refund.settled_by or "system", amount=amount)


def _step(
    at: datetime,
    action: str,
    actor: str,
    *,
    key: str | None = None,
    reason: str | None = None,
    before: AppointmentState | None = None,
    after: AppointmentState | None = None,
    **values: object,
) -> Step:
    sentence = text(f"staff-timeline.{key or action.replace('.', '-')}", **values)
    return Step(at=at, action=action, actor=actor, text=sentence, reason=reason, before=before, after=after)
