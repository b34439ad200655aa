"""What a suspended session means for those who booked it: choose anew, or get the fee back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.events import AppointmentCancelled, AppointmentResumed, AppointmentSuspended
from guahao.booking.models import Appointment, AppointmentState, EventReason
from guahao.booking.service.locks import lock_sessions_of
from guahao.booking.service.place_back import place_back
from guahao.booking.service.transition import Transition, bucket_of, transition
from guahao.kernel.db import is_exactly
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import SessionState
from guahao.scheduling.service.places import Move, move_known

BATCH = 50


def decide_by(*, starts_at: datetime, now: datetime) -> datetime:
    """Until when a person may choose: a day before the visit, but never less than two hours."""
    return max(starts_at - timedelta(hours=24), now + timedelta(hours=2))


def is_suspended(state: AppointmentState, slot: SlotFacts) -> bool:
    """Whether a booked appointment's session does not take place, be it told already or not."""
    return state is AppointmentState.SUSPENDED or (
        state is AppointmentState.BOOKED and slot.state is SessionState.SUSPENDED
    )


async def suspend_appointments(db: AsyncSession, *, hospital_id: int, session_id: UUID) -> None:
    """Put a suspended session's booked appointments before a choice and end its unpaid holds.

    A hold whose money has just come in is left to its confirmation. Repeating changes nothing, and
    so does a session that was resumed before this was told.
    """
    rows = await _of_session(db, hospital_id, session_id, AppointmentState.HELD, AppointmentState.BOOKED)
    slots = await lock_sessions_of(db, rows)
    moves: list[Move] = []
    for row in rows:
        slot = slots[row.slot_id]
        if slot.state is not SessionState.SUSPENDED:
            continue
        if row.state is AppointmentState.BOOKED:
            await transition(
                db,
                Transition(
                    appointment=row,
                    to=AppointmentState.SUSPENDED,
                    reason=EventReason.SESSION_SUSPENDED,
                    decide_by=decide_by(starts_at=slot.starts_at, now=slot.now),
                ),
            )
            await publish(db, AppointmentSuspended(hospital_id=hospital_id, appointment_id=row.id))
        elif await payment.close(db, order_id=row.order_id):
            moves.append(await _end_for_hospital(db, row, slot, EventReason.SESSION_SUSPENDED))
    await move_known(db, moves)


async def resume_appointments(db: AsyncSession, *, hospital_id: int, session_id: UUID) -> None:
    """Give everybody who has not chosen otherwise their booked appointment back."""
    rows = await _of_session(db, hospital_id, session_id, AppointmentState.SUSPENDED)
    slots = await lock_sessions_of(db, rows)
    for row in rows:
        if slots[row.slot_id].state is SessionState.PUBLISHED:
            await _resume(db, row)


async def _resume(db: AsyncSession, row: Appointment) -> None:
    await transition(
        db, Transition(appointment=row, to=AppointmentState.BOOKED, reason=EventReason.SESSION_RESUMED)
    )
    await publish(db, AppointmentResumed(hospital_id=row.hospital_id, appointment_id=row.id))


async def refund_undecided(db: AsyncSession) -> int:
    """Cancel for the hospital, with a full refund, up to 50 appointments whose time to choose is over.

    If the session takes place after all, which is about to be told, they stand.
    """
    due = (
        await db.scalars(
            select(Appointment)
            .where(is_exactly(Appointment.state, AppointmentState.SUSPENDED))
            .where(Appointment.decide_by <= func.clock_timestamp())
            .order_by(Appointment.decide_by)
            .limit(BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        )
    ).all()
    slots = await lock_sessions_of(db, due)
    moves = []
    for row in due:
        if slots[row.slot_id].state is SessionState.PUBLISHED:
            await _resume(db, row)
            continue
        await payment.refund(db, order_id=row.order_id, reason=RefundReason.HOSPITAL)
        moves.append(await _end_for_hospital(db, row, slots[row.slot_id], EventReason.CHOICE_LAPSED))
    await move_known(db, moves)
    return len(due)


async def _of_session(
    db: AsyncSession, hospital_id: int, session_id: UUID, *states: AppointmentState
) -> Sequence[Appointment]:
    rows = await db.scalars(
        select(Appointment)
        .where(Appointment.hospital_id == hospital_id, Appointment.session_id == session_id)
        .where(Appointment.state.in_(states))
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
    )
    return rows.all()


async def _end_for_hospital(db: AsyncSession, row: Appointment, slot: SlotFacts, reason: EventReason) -> Move:
    source = bucket_of(row)
    await transition(
        db, Transition(appointment=row, to=AppointmentState.CANCELLED_BY_HOSPITAL, reason=reason)
    )
    await publish(
        db,
        AppointmentCancelled(hospital_id=row.hospital_id, appointment_id=row.id, is_by_hospital=True),
    )
    return await place_back(db, row, slot, source=source, reason="suspension")
