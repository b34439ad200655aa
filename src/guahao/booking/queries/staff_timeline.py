"""What happened to an appointment, for staff: who did it, why, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from guahao.audit.queries import Deed
from guahao.booking.models import Appointment, AppointmentState
from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.queries.staff import OrderFile

_SESSION = {"session.suspended", "session.resumed"}


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
class StaffPast:
    """What is known: deeds to the appointment and its session, to its payments, and the order's file.

    `moved_by` is who moved an earlier appointment here.
    """

    appointment: Appointment
    deeds: Sequence[Deed]
    payment_deeds: Sequence[Deed]
    money: OrderFile
    moved_by: str | None = None


def steps_of(past: StaffPast) -> list[Step]:
    """Everything that happened, oldest first."""
    return sorted([*_deeds(past), *_paid(past), *_refunds(past)], key=lambda step: step.at)


def actor_name(actor: str, names: Mapping[str, str]) -> str:
    """How to call whoever did it."""
    if actor.startswith("staff:"):
        return names.get(actor, text("staff-timeline.actor-staff"))
    is_patient = actor.startswith("account:")
    return text("staff-timeline.actor-patient" if is_patient else "staff-timeline.actor-system")


def _deeds(past: StaffPast) -> Iterator[Step]:
    row = past.appointment
    if row.rescheduled_from is not None:
        yield _step(
            row.created_at,
            "moved-here",
            past.moved_by or "system",
            after=AppointmentState.BOOKED,
            number=row.number,
        )
    for deed in past.deeds:
        if deed.action in _SESSION and not row.created_at <= deed.at <= (row.ended_at or deed.at):
            continue
        before, after = _change(deed)
        yield _step(
            deed.at,
            deed.action,
            deed.actor,
            reason=deed.data.get("reason") or deed.data.get("overruling_reason"),
            before=before,
            after=after,
            **_values(row, deed),
        )


def _change(deed: Deed) -> tuple[AppointmentState | None, AppointmentState | None]:
    if deed.action == "appointment.cancel":
        before, after = deed.data.get("before"), deed.data.get("state")
        return before and AppointmentState(before), after and AppointmentState(after)
    return _CHANGES.get(deed.action, (None, None))


_CHANGES: dict[str, tuple[AppointmentState | None, AppointmentState | None]] = {
    "appointment.hold": (None, AppointmentState.HELD),
    "appointment.book": (None, AppointmentState.BOOKED),
    "appointment.confirm": (AppointmentState.HELD, AppointmentState.BOOKED),
    "appointment.rebook": (AppointmentState.EXPIRED, AppointmentState.BOOKED),
    "appointment.expire": (AppointmentState.HELD, AppointmentState.EXPIRED),
    "appointment.reschedule": (AppointmentState.BOOKED, AppointmentState.RESCHEDULED),
    "session.suspended": (AppointmentState.BOOKED, AppointmentState.SUSPENDED),
    "session.resumed": (AppointmentState.SUSPENDED, AppointmentState.BOOKED),
}


def _values(row: Appointment, deed: Deed) -> dict[str, Any]:
    return {
        "number": deed.data.get("number", row.number),
        "channel": text(f"channel.{row.channel.value}"),
        "field": text(f"personal.{deed.data.get('field', 'name')}"),
    }


def _paid(past: StaffPast) -> Iterator[Step]:
    """Money that came; who took cash is known from the payment's own deeds."""
    takers = {
        deed.data.get("amount_fen"): deed.actor
        for deed in past.payment_deeds
        if deed.action == "payment.take_cash"
    }
    for payment in past.money.payments:
        if payment.captured_at is not None:
            yield _step(
                payment.captured_at,
                "paid",
                takers.get(payment.amount_fen, "system"),
                amount=yuan_text(payment.captured_fen),
                way=text(f"pay-channel.{payment.channel.value}"),
            )


def _refunds(past: StaffPast) -> Iterator[Step]:
    for refund in past.money.refunds:
        amount = yuan_text(refund.amount_fen)
        yield _step(
            refund.requested_at, "refund-requested", refund.requested_by, reason=refund.note, amount=amount
        )
        if refund.submitted_at is not None:
            yield _step(
                refund.submitted_at, "refund-submitted", refund.approved_by or "system", amount=amount
            )
        if refund.settled_at is not None:
            action = "refund-arrived" if refund.state.value == "success" else "refund-ended"
            yield _step(refund.settled_at, action, refund.settled_by or "system", amount=amount)


def _step(
    at: datetime,
    action: str,
    actor: str,
    *,
    reason: str | None = None,
    before: AppointmentState | None = None,
    after: AppointmentState | None = None,
    **values: object,
) -> Step:
    key = action if action in _TOLD else "other"
    sentence = text(f"staff-timeline.{key.replace('.', '-')}", action=action, **values)
    return Step(at=at, action=action, actor=actor, text=sentence, reason=reason, before=before, after=after)


_TOLD = frozenset(
    {
        *_CHANGES,
        "appointment.cancel",
        "appointment.resend",
        "appointment.excuse",
        "appointment.reveal",
        "moved-here",
        "paid",
        "refund-requested",
        "refund-submitted",
        "refund-arrived",
        "refund-ended",
    }
)
