"""A held place becomes the person's once its order is paid."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.events import AppointmentConfirmed, AppointmentSuspended
from guahao.booking.models import Appointment, AppointmentState, EventReason
from guahao.booking.service.expire import end_hold
from guahao.booking.service.rows import facts_under_lock, locked, must_move
from guahao.booking.service.suspension import decide_by
from guahao.booking.service.transition import Transition, transition
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import Bucket, SessionState
from guahao.scheduling.service.places import Move
from guahao.scheduling.service.sessions import next_number

_HAVE_THEIR_MONEY = (AppointmentState.BOOKED, AppointmentState.SUSPENDED, AppointmentState.RESCHEDULED)


async def confirm(db: AsyncSession, *, appointment_id: UUID) -> None:
    """Turn a held appointment, whose order is paid, into a booked one with its number.

    Repeating changes nothing. If the appointment or the session ended before the money was known, the
    money goes back in full; if it was moved, its order moved along and pays for the new place. If the
    session was suspended meanwhile, the person gets the choice of a suspension.
    """
    appointment = await locked(db, appointment_id)
    if appointment.state in _HAVE_THEIR_MONEY:
        return
    if appointment.state is not AppointmentState.HELD:
        await payment.refund(db, order_id=appointment.order_id, reason=RefundReason.LATE)
        return
    slot = (await facts_under_lock(db, [appointment]))[appointment.slot_id]
    if slot.session_ends_at <= slot.now:  # the provider was silent for hours
        await payment.refund(db, order_id=appointment.order_id, reason=RefundReason.LATE)
        await end_hold(db, appointment_id=appointment_id, reason=EventReason.SESSION_OVER)
        return
    await _book(db, appointment, slot)
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor="system",
            action="appointment.confirm",
            subject=f"appointment:{appointment.id}",
            data={"order_id": str(appointment.order_id), "number": appointment.number},
        ),
    )
    await must_move(
        db,
        Move(
            hospital_id=appointment.hospital_id,
            slot_id=appointment.slot_id,
            source=Bucket.HELD,
            target=Bucket.BOOKED,
            reason="confirm",
            appointment_id=appointment.id,
        ),
    )


async def _book(db: AsyncSession, appointment: Appointment, slot: SlotFacts) -> None:
    number = await next_number(db, hospital_id=appointment.hospital_id, session_id=appointment.session_id)
    is_suspended = slot.state is SessionState.SUSPENDED
    await transition(
        db,
        Transition(
            appointment=appointment,
            to=AppointmentState.SUSPENDED if is_suspended else AppointmentState.BOOKED,
            reason=EventReason.PAID,
            number=number,
            decide_by=decide_by(starts_at=slot.starts_at, now=slot.now) if is_suspended else None,
            data={"number": number},
        ),
    )
    await publish(
        db, AppointmentConfirmed(hospital_id=appointment.hospital_id, appointment_id=appointment.id)
    )
    if is_suspended:
        await publish(
            db, AppointmentSuspended(hospital_id=appointment.hospital_id, appointment_id=appointment.id)
        )
