"""Move an appointment to another slot without ever being without a place."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking import policy
from guahao.booking.events import AppointmentRescheduled
from guahao.booking.models import Appointment, AppointmentState, CreditKind, EventChannel, EventReason
from guahao.booking.service.credit import count_cancellation, rules_at_booking
from guahao.booking.service.hold import APPOINTMENTS, appointment_params, clash, take
from guahao.booking.service.locks import lock_appointment
from guahao.booking.service.place_back import place_back
from guahao.booking.service.plan import HoldPlan, HoldRequest, not_taken, plan_move
from guahao.booking.service.suspension import is_suspended
from guahao.booking.service.transition import AppointmentEnded, Transition, transition
from guahao.identity.queries.patients import lock_patients
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import publish
from guahao.kernel.ids import hospital_of
from guahao.payment import service as payment
from guahao.payment.service.refund import RefundTooLarge
from guahao.scheduling.queries.facts import SlotFacts, slot_facts
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.locks import lock_sessions
from guahao.scheduling.service.places import move


class AppointmentNotPaid(Problem):
    """Only a booked appointment can be moved or checked in; this one still waits for its payment."""

    code = "appointment-not-paid"
    status = 409


class RescheduleSameSlot(Problem):
    """The new slot is the old one."""

    code = "reschedule-same-slot"
    status = 409


class RescheduleFeeDiffers(Problem):
    """The new slot costs more (`fee_fen`), or less but nothing was paid online; cancel and book anew."""

    code = "reschedule-fee-differs"
    status = 409


class RescheduleOtherHospital(Problem):
    """An appointment moves within its hospital only."""

    code = "reschedule-other-hospital"
    status = 409


async def reschedule(db: AsyncSession, *, appointment_id: UUID, request: HoldRequest) -> HoldPlan:
    """Book `request.slot_id` and end the old appointment in one transaction, keeping its paid order.

    What a cheaper slot costs less goes back to the payer. If the new place cannot be had, nothing
    changes. All booking rules hold for the new slot, the old appointment left aside; after the cancel
    deadline the move counts as a late cancellation. A suspended appointment moves without counting.
    Raises what `plan_hold` raises, `AppointmentEnded` and the problems of this module.
    """
    patients = await lock_patients(db, [(request.account_id, request.patient_id)])
    if not patients:
        raise NotFound
    old = await lock_appointment(db, appointment_id)
    slots = await _lock_slots(db, old, request)
    old_slot, slot = slots[old.slot_id], slots[request.slot_id]
    if old.state is AppointmentState.BOOKED and old_slot.starts_at <= old_slot.now:
        raise policy.CancelTooLate
    if slot.fee_fen > old_slot.fee_fen:
        raise RescheduleFeeDiffers(fee_fen=slot.fee_fen)
    plan = await plan_move(db, request, old=old, patients=patients, slots=slots)
    await _write(db, old, old_slot, plan)
    return plan


async def _lock_slots(db: AsyncSession, old: Appointment, request: HoldRequest) -> dict[UUID, SlotFacts]:
    """Lock the sessions of the old slot and the new one; answers both as they are then."""
    if old.state is AppointmentState.HELD:
        raise AppointmentNotPaid
    if old.state not in (AppointmentState.BOOKED, AppointmentState.SUSPENDED):
        raise AppointmentEnded(state=old.state.value)
    if old.slot_id == request.slot_id:
        raise RescheduleSameSlot
    slot = (await slot_facts(db, [request.slot_id])).get(request.slot_id)
    if slot is None:
        raise NotFound
    if hospital_of(request.slot_id) != old.hospital_id:
        raise RescheduleOtherHospital
    await lock_sessions(db, {(slot.hospital_id, slot.session_id), (old.hospital_id, old.session_id)})
    slots = await slot_facts(db, {slot.slot_id, old.slot_id})
    if slot.slot_id not in slots:  # withdrawn while its session's lock was waited for
        raise NotFound
    return slots


async def _write(db: AsyncSession, old: Appointment, old_slot: SlotFacts, plan: HoldPlan) -> None:
    before = old.state
    await _return_difference(db, old, old_slot, plan)
    await transition(
        db,
        Transition(
            appointment=old,
            to=AppointmentState.RESCHEDULED,
            reason=EventReason.RESCHEDULED,
            actor=plan.request.actor,
            channel=EventChannel(plan.request.channel),
            data={"moved_to": str(plan.appointment_id)},
        ),
    )
    try:
        await db.execute(APPOINTMENTS, appointment_params([plan]))
    except IntegrityError as error:
        raise clash(error) from error
    rules = plan.rule_set.rules
    if not is_suspended(before, old_slot) and policy.is_late_cancel(
        await rules_at_booking(db, old), date=old.date, now=plan.slot.now
    ):
        await count_cancellation(db, old, rules=rules, kind=CreditKind.CANCELLED_LATE)
    await _tell(db, old, plan)
    back = await place_back(db, old, old_slot, source=Bucket.BOOKED, reason="reschedule")
    if not await move(db, [take(plan), back]):
        raise await not_taken(db, plan)


async def _return_difference(db: AsyncSession, old: Appointment, old_slot: SlotFacts, plan: HoldPlan) -> None:
    """Promise back what a cheaper slot costs less; impossible where that much was not paid online."""
    less_fen = old_slot.fee_fen - plan.slot.fee_fen
    if not less_fen:
        return
    try:
        promised = await payment.refund_difference(
            db,
            order_id=old.order_id,
            amount_fen=less_fen,
            cause=f"reschedule:{plan.appointment_id}",
            by=plan.request.actor,
        )
    except RefundTooLarge:
        promised = None
    if promised is None:
        raise RescheduleFeeDiffers(fee_fen=plan.slot.fee_fen)


async def _tell(db: AsyncSession, old: Appointment, plan: HoldPlan) -> None:
    await payment.pass_on(db, order_id=old.order_id, subject=f"appointment:{plan.appointment_id}")
    await publish(
        db,
        AppointmentRescheduled(
            hospital_id=old.hospital_id, appointment_id=plan.appointment_id, old_appointment_id=old.id
        ),
    )
    await record(
        db,
        AuditEntry(
            hospital_id=old.hospital_id,
            actor=plan.request.actor,
            action="appointment.reschedule",
            subject=f"appointment:{old.id}",
            data={
                "new_appointment_id": str(plan.appointment_id),
                "slot_id": str(plan.slot.slot_id),
                "old_slot_id": str(old.slot_id),
            },
        ),
    )
