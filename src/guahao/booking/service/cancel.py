"""A person or the desk gives a place back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking import policy
from guahao.booking.events import AppointmentCancelled
from guahao.booking.models import Appointment, AppointmentState, EventChannel, EventReason
from guahao.booking.service.credit import count_cancellation, rules_at_booking
from guahao.booking.service.locks import lock_appointment, lock_sessions_of
from guahao.booking.service.place_back import place_back
from guahao.booking.service.suspension import is_suspended
from guahao.booking.service.transition import Transition, bucket_of, transition
from guahao.catalog.queries import rules_of
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import SessionState
from guahao.scheduling.service.places import move_known


class AppointmentBeingConfirmed(Problem):
    """The money has just come in; in a moment the appointment is booked and can be cancelled."""

    code = "appointment-being-confirmed"
    status = 409
    retry_after_s = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceller:
    """Who cancels: the owning account, or staff, who may excuse the person or blame the hospital."""

    actor: str
    account_id: UUID | None = None
    is_staff: bool = False
    is_hospital_fault: bool = False
    is_excused: bool = False


async def cancel(db: AsyncSession, *, appointment_id: UUID, by: Canceller) -> Appointment:
    """End an appointment at the person's wish: the place goes back, a paid fee is refunded in full.

    Repeating answers the cancelled appointment and changes nothing. After the rule set's deadline
    (the one in force when it was booked counts) it still works but counts against the person; so does
    giving up a hold unpaid. One of a suspended session never counts. Raises `NotFound` (also for somebody
    else's), `AppointmentEnded`, `CancelTooLate` once the slot has begun (staff may still cancel), and
    `AppointmentBeingConfirmed` while a payment is on its way to the appointment.
    """
    appointment = await lock_appointment(db, appointment_id)
    if not by.is_staff and appointment.account_id != by.account_id:
        raise NotFound
    if appointment.state in (AppointmentState.CANCELLED_BY_PATIENT, AppointmentState.CANCELLED_BY_HOSPITAL):
        return appointment
    slot = (await lock_sessions_of(db, [appointment]))[appointment.slot_id]
    if appointment.state is AppointmentState.BOOKED and slot.starts_at <= slot.now and not by.is_staff:
        raise policy.CancelTooLate
    await _cancel(db, appointment, slot, by)
    return appointment


async def _cancel(db: AsyncSession, appointment: Appointment, slot: SlotFacts, by: Canceller) -> None:
    before, source = appointment.state, bucket_of(appointment)
    rule_set = await rules_of(db, hospital_id=appointment.hospital_id, now=slot.now)
    is_hospital_fault = is_suspended(before, slot) or by.is_hospital_fault
    terms = policy.cancel_terms(
        await rules_at_booking(db, appointment),
        state=before,
        date=appointment.date,
        now=slot.now,
        is_hospital_fault=is_hospital_fault or slot.state is SessionState.SUSPENDED,
        is_excused=by.is_excused,
    )
    await transition(db, _ending(appointment, slot, by))
    await _give_money_back(db, appointment, terms, by=by.actor)
    if terms.credit is not None:
        await count_cancellation(db, appointment, rules=rule_set.rules, kind=terms.credit)
    await _tell(db, appointment, by, before=before, is_hospital_fault=is_hospital_fault)
    await move_known(db, [await place_back(db, appointment, slot, source=source, reason="cancel")])


def _ending(appointment: Appointment, slot: SlotFacts, by: Canceller) -> Transition:
    """How the appointment ends: by the hospital's fault or at the person's wish, and why."""
    to, reason = AppointmentState.CANCELLED_BY_PATIENT, EventReason.PATIENT_REQUEST
    if by.is_hospital_fault:
        to, reason = AppointmentState.CANCELLED_BY_HOSPITAL, EventReason.HOSPITAL_REQUEST
    elif is_suspended(appointment.state, slot):
        to, reason = AppointmentState.CANCELLED_BY_HOSPITAL, EventReason.REFUND_CHOSEN
    elif by.is_excused:
        reason = EventReason.EXCUSED
    return Transition(
        appointment=appointment,
        to=to,
        reason=reason,
        actor=by.actor,
        channel=EventChannel.DESK if by.is_staff else EventChannel.ONLINE,
    )


async def _give_money_back(
    db: AsyncSession, appointment: Appointment, terms: policy.CancelTerms, *, by: str
) -> None:
    if terms.refund is not None:
        await payment.refund(db, order_id=appointment.order_id, reason=terms.refund, by=by)
    elif not await payment.close(db, order_id=appointment.order_id):
        raise AppointmentBeingConfirmed


async def _tell(
    db: AsyncSession,
    appointment: Appointment,
    by: Canceller,
    *,
    before: AppointmentState,
    is_hospital_fault: bool,
) -> None:
    await publish(
        db,
        AppointmentCancelled(
            hospital_id=appointment.hospital_id,
            appointment_id=appointment.id,
            is_by_hospital=is_hospital_fault,
        ),
    )
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor=by.actor,
            action="appointment.cancel",
            subject=f"appointment:{appointment.id}",
            data={"before": before.value, "state": appointment.state.value, "excused": by.is_excused},
        ),
    )
