"""A held place becomes the person's once its order is paid."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.events import AppointmentConfirmed, AppointmentSuspended
from guahao.booking.models import Appointment, AppointmentState, EventReason
from guahao.booking.service.expire import end_hold
from guahao.booking.service.locks import lock_appointment_of_order, lock_sessions_of
from guahao.booking.service.suspension import decide_by
from guahao.booking.service.transition import Transition, transition
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import Bucket, SessionState
from guahao.scheduling.service.places import Move, move_known
from guahao.scheduling.service.sessions import next_number

_HAVE_THEIR_MONEY = (AppointmentState.BOOKED, AppointmentState.SUSPENDED)


async def confirm(db: AsyncSession, *, order_id: UUID) -> None:
    """Turn the held appointment, whose order is paid, into a booked one with its number.

    Repeating changes nothing. If the appointment or the session ended before the money was known, the
    money goes back in full. If the session was suspended meanwhile, the person gets the choice of a
    suspension. Raises `NotFound` for an order that is for no appointment.
    """
    appointment = await lock_appointment_of_order(db, order_id)
    if appointment.state in _HAVE_THEIR_MONEY:
        await payment.keep(db, order_id=order_id)
        return
    if appointment.state is not AppointmentState.HELD:
        await payment.refund(db, order_id=order_id, reason=RefundReason.LATE)
        return
    slot = (await lock_sessions_of(db, [appointment]))[appointment.slot_id]
    if slot.session_ends_at <= slot.now:  # the provider was silent for hours
        await payment.refund(db, order_id=order_id, reason=RefundReason.LATE)
        await end_hold(db, order_id=order_id, reason=EventReason.SESSION_OVER)
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
    place = Move(
        hospital_id=appointment.hospital_id,
        slot_id=appointment.slot_id,
        source=Bucket.HELD,
        target=Bucket.BOOKED,
        reason="confirm",
        appointment_id=appointment.id,
    )
    await move_known(db, [place])


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
