"""A hold that nobody paid ends by itself, but only once no money can come for it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.events import AppointmentExpired
from guahao.booking.models import Appointment, AppointmentState, EventReason
from guahao.booking.service.credit import count_unpaid
from guahao.booking.service.locks import lock_appointment_of_order, lock_sessions_of
from guahao.booking.service.place_back import place_back
from guahao.booking.service.transition import Transition, transition
from guahao.kernel.db import is_exactly
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.payment.service import Expiry
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import Bucket, SessionState
from guahao.scheduling.service.places import Move, move_known

BATCH = 50


async def expire_holds(db: AsyncSession) -> int:
    """Let up to 50 holds expire whose time is over by the database's clock; answers how many were due.

    A hold whose order is closed at once ends here. One for which money may still come stays held: the
    provider's answer becomes `OrderClosed`, which ends it, or `PaymentSucceeded`, which books it, so
    that a provider that does not answer holds up nobody else. Several workers share the work.
    """
    due = (
        await db.scalars(
            select(Appointment)
            .where(is_exactly(Appointment.state, AppointmentState.HELD))
            .where(Appointment.hold_expires_at <= func.clock_timestamp(), Appointment.expiring_at.is_(None))
            .order_by(Appointment.hold_expires_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        )
    ).all()
    slots = await lock_sessions_of(db, due)
    moves = []
    for appointment in due:
        slot = slots[appointment.slot_id]
        appointment.expiring_at = slot.now
        if await payment.let_expire(db, order_id=appointment.order_id) is Expiry.CLOSED:
            moves.append(await _expire(db, appointment, slot))
    await db.flush()
    await move_known(db, moves)
    return len(due)


async def end_hold(db: AsyncSession, *, order_id: UUID, reason: EventReason = EventReason.UNPAID) -> None:
    """End the hold of a closed order, and free its place; what is not held any more stays as it is."""
    appointment = await lock_appointment_of_order(db, order_id)
    if appointment.state is not AppointmentState.HELD:
        return
    slot = (await lock_sessions_of(db, [appointment]))[appointment.slot_id]
    await move_known(db, [await _expire(db, appointment, slot, reason)])


async def _expire(
    db: AsyncSession, appointment: Appointment, slot: SlotFacts, reason: EventReason = EventReason.UNPAID
) -> Move:
    await transition(db, Transition(appointment=appointment, to=AppointmentState.EXPIRED, reason=reason))
    await publish(db, AppointmentExpired(hospital_id=appointment.hospital_id, appointment_id=appointment.id))
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor="system",
            action="appointment.expire",
            subject=f"appointment:{appointment.id}",
        ),
    )
    if reason is EventReason.UNPAID and slot.state is not SessionState.SUSPENDED:
        await count_unpaid(db, appointment)
    return await place_back(db, appointment, slot, source=Bucket.HELD, reason="expire")
