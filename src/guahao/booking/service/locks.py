"""Row locks of booking, taken in one order by everybody: person, appointment, session, slots.

Whatever a decision depends on is read after its lock: by the locking statement itself, or by a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.queries.facts import SlotFacts, slot_facts
from guahao.scheduling.service.locks import lock_sessions


async def lock_appointment(db: AsyncSession, appointment_id: UUID) -> Appointment:
    """Read an appointment and keep others from changing it until the transaction ends.

    Raises `NotFound`.
    """
    row = await db.scalar(
        _for_change(
            select(Appointment).where(
                Appointment.hospital_id == hospital_of(appointment_id), Appointment.id == appointment_id
            )
        )
    )
    if row is None:
        raise NotFound
    return row


async def lock_appointment_of_order(db: AsyncSession, order_id: UUID) -> Appointment:
    """Lock the appointment that an order pays for now. Raises `NotFound` if it pays for none.

    An order moves along when its appointment is rescheduled, also while its lock is waited for.
    """
    statement = appointment_of_order(order_id)
    while await db.scalar(statement.with_only_columns(Appointment.id)) is not None:
        row = await db.scalar(_for_change(statement))
        if row is not None:
            return row
    raise NotFound


def appointment_of_order(order_id: UUID) -> Select[Appointment]:
    """The one appointment of an order that did not give its place up for another."""
    return select(Appointment).where(
        Appointment.hospital_id == hospital_of(order_id),
        Appointment.order_id == order_id,
        Appointment.state != AppointmentState.RESCHEDULED,
    )


def _for_change(statement: Select[Appointment]) -> Select[Appointment]:
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


async def lock_sessions_of(db: AsyncSession, appointments: Sequence[Appointment]) -> dict[UUID, SlotFacts]:
    """Lock the sessions of locked appointments, then read the facts of their slots, by slot id."""
    if not appointments:
        return {}
    await lock_sessions(db, {(row.hospital_id, row.session_id) for row in appointments})
    return await slot_facts(db, {row.slot_id for row in appointments})
