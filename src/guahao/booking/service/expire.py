"""A hold that nobody paid ends by itself."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.events import AppointmentExpired
from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.confirm import confirm
from guahao.booking.service.rows import end, facts_under_lock, must_move
from guahao.kernel.db import is_exactly
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.giving_back import given_back

BATCH = 50


async def expire_holds(db: AsyncSession) -> int:
    """End up to 50 holds whose time is over by the database's clock; answers how many were due.

    The order is closed first: if its money came in meanwhile, the appointment is confirmed instead.
    Several workers share the work, none waits for another.
    """
    due = (
        await db.scalars(
            select(Appointment)
            .where(is_exactly(Appointment.state, AppointmentState.HELD))
            .where(Appointment.hold_expires_at <= func.clock_timestamp())
            .order_by(Appointment.hold_expires_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        )
    ).all()
    slots = await facts_under_lock(db, due)
    moves = []
    for appointment in due:
        if not await payment.close(db, order_id=appointment.order_id):
            await confirm(db, appointment_id=appointment.id)
            continue
        await _expire(db, appointment)
        moves.append(
            await given_back(
                db,
                slot=slots[appointment.slot_id],
                source=Bucket.HELD,
                cools_until=None,
                reason="expire",
                appointment_id=appointment.id,
            )
        )
    await must_move(db, *moves)
    return len(due)


async def _expire(db: AsyncSession, appointment: Appointment) -> None:
    await end(db, appointment, AppointmentState.EXPIRED)
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
