"""The place law across tables: each slot's counters against the appointments that stand in it."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import ENDED, Appointment, AppointmentState
from guahao.kernel.log import logger
from guahao.scheduling.queries.counters import slot_counters


async def broken_slots(db: AsyncSession) -> int:
    """Count the slots of future days whose held and booked counters differ from the appointments.

    One statement, so that both sides are seen at one moment; each difference is logged as an error,
    since somebody must look. The right answer is 0.
    """
    counters = slot_counters()
    rows = select(
        Appointment.hospital_id,
        Appointment.slot_id,
        func.count().filter(Appointment.state == AppointmentState.HELD).label("held"),
        func.count().filter(Appointment.state != AppointmentState.HELD).label("booked"),
    )
    standing = (
        rows.where(Appointment.state.not_in(ENDED), Appointment.ends_at > func.now())
        .group_by(Appointment.hospital_id, Appointment.slot_id)
        .subquery("standing")
    )
    same_slot = (standing.c.hospital_id == counters.c.hospital_id) & (
        standing.c.slot_id == counters.c.slot_id
    )
    differences = await db.execute(
        select(counters.c.hospital_id, counters.c.slot_id)
        .join_from(counters, standing, same_slot, isouter=True)
        .where(
            or_(
                counters.c.held != func.coalesce(standing.c.held, 0),
                counters.c.booked != func.coalesce(standing.c.booked, 0),
            )
        )
    )
    broken = differences.all()
    for row in broken:
        logger().error("place-law-broken", hospital_id=row.hospital_id, slot_id=str(row.slot_id))
    return len(broken)


async def check_places(db: AsyncSession) -> int:
    """The job around `broken_slots`: it never has more to do at once."""
    await broken_slots(db)
    return 0
