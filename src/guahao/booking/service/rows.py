"""Reading appointments under their row locks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.queries.facts import SlotFacts, slot_facts
from guahao.scheduling.queries.states import Bucket, SessionState
from guahao.scheduling.service.places import Move, move
from guahao.scheduling.service.sessions import lock_sessions


class PlaceLost(Exception):
    """A slot's counters do not know a place that an appointment stands for: a defect, never expected."""


async def locked(db: AsyncSession, appointment_id: UUID) -> Appointment:
    """Read an appointment and keep others from changing it until the transaction ends.

    Raises `NotFound`.
    """
    row = await db.scalar(
        select(Appointment)
        .where(Appointment.hospital_id == hospital_of(appointment_id), Appointment.id == appointment_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


async def facts_under_lock(db: AsyncSession, appointments: Sequence[Appointment]) -> dict[UUID, SlotFacts]:
    """Lock the appointments' sessions, then read the facts of their slots, by slot id.

    Everybody locks in one order: appointments, sessions, slots.
    """
    if not appointments:
        return {}
    await lock_sessions(db, {(row.hospital_id, row.session_id) for row in appointments})
    return await slot_facts(db, {row.slot_id for row in appointments})


def bucket_of(appointment: Appointment) -> Bucket:
    """The bucket in which the appointment's place is counted."""
    return Bucket.HELD if appointment.state is AppointmentState.HELD else Bucket.BOOKED


def is_suspended(state: AppointmentState, slot: SlotFacts) -> bool:
    """Whether a booked appointment's session does not take place, be it told already or not."""
    return state is AppointmentState.SUSPENDED or (
        state is AppointmentState.BOOKED and slot.state is SessionState.SUSPENDED
    )


async def must_move(db: AsyncSession, *moves: Move) -> None:
    """Move places that are known to be there."""
    if not await move(db, moves):
        raise PlaceLost(moves)
