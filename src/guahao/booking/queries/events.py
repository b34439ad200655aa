"""What happened to appointments, in order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentEvent


async def events_of(db: AsyncSession, row: Appointment) -> Sequence[AppointmentEvent]:
    """Every event of an appointment, the first one first."""
    events = await db.scalars(
        select(AppointmentEvent)
        .where(AppointmentEvent.hospital_id == row.hospital_id, AppointmentEvent.appointment_id == row.id)
        .order_by(AppointmentEvent.seq)
    )
    return events.all()
