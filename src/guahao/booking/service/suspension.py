"""What a suspended session means for those who booked it: choose anew, or get the fee back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from guahao.scheduling.queries.suspensions import Suspension, last_suspensions
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
    so does a session that was resumed before this was handled. When it is handled does not matter:
    a session stays suspended until somebody lifts it, its end included.
    """
    rows = await _of_session(db, hospital_id, session_id, AppointmentState.HELD, AppointmentState.BOOKED)
    slots = await lock_sessions_of(db, rows)
    rows = [row for row in rows if slots[row.slot_id].state is SessionState.SUSPENDED]
    suspensions = await last_suspensions(db, {(row.hospital_id, row.session_id) for row in rows})
    unpaid = [
        row
        for row in rows
        if row.state is AppointmentState.HELD and await payment.close(db, order_id=row.order_id)
    ]
    await _offer_choice(
        db, [row for row in rows if row.state is AppointmentState.BOOKED], slots=slots, causes=suspensions
    )
    moves = [
        await _end_for_hospital(
            db,
            row,
            slots[row.slot_id],
            reason=EventReason.SESSION_SUSPENDED,
            actor=suspensions[row.session_id].suspended_by,
        )
        for row in unpaid
    ]
    await move_known(db, moves)


async def _offer_choice(
    db: AsyncSession,
    rows: Sequence[Appointment],
    *,
    slots: Mapping[UUID, SlotFacts],
    causes: Mapping[UUID, Suspension],
) -> None:
    await transition(
        db,
        *(
            Transition(
                appointment=row,
                to=AppointmentState.SUSPENDED,
                reason=EventReason.SESSION_SUSPENDED,
                actor=causes[row.session_id].suspended_by,
                decide_by=decide_by(starts_at=slots[row.slot_id].starts_at, now=slots[row.slot_id].now),
                data={"note": causes[row.session_id].reason},
            )
            for row in rows
        ),
    )
    for row in rows:
        await publish(db, AppointmentSuspended(hospital_id=row.hospital_id, appointment_id=row.id))


async def resume_appointments(db: AsyncSession, *, hospital_id: int, session_id: UUID) -> None:
    """Give everybody who has not chosen otherwise their booked appointment back."""
    rows = await _of_session(db, hospital_id, session_id, AppointmentState.SUSPENDED)
    slots = await lock_sessions_of(db, rows)
    await _resume(db, [row for row in rows if slots[row.slot_id].state is not SessionState.SUSPENDED])


async def _resume(db: AsyncSession, rows: Sequence[Appointment]) -> None:
    suspensions = await last_suspensions(db, {(row.hospital_id, row.session_id) for row in rows})
    await transition(
        db,
        *(
            Transition(
                appointment=row,
                to=AppointmentState.BOOKED,
                reason=EventReason.SESSION_RESUMED,
                actor=suspensions[row.session_id].lifted_by or "system",
            )
            for row in rows
        ),
    )
    for row in rows:
        await publish(db, AppointmentResumed(hospital_id=row.hospital_id, appointment_id=row.id))


async def refund_undecided(db: AsyncSession) -> int:
    """Cancel for the hospital, with a full refund, up to 50 appointments whose time to choose is over.

    If the session takes place after all, which is about to be handled, they stand.
    """
    due = (
        await db.scalars(
            select(Appointment)
            .where(is_exactly(Appointment.state, AppointmentState.SUSPENDED))
            .where(Appointment.decide_by <= func.clock_timestamp())
            .order_by(Appointment.decide_by)
            .limit(BATCH)
            .with_for_update(skip_locked=True, key_share=True)
            .execution_options(populate_existing=True)
        )
    ).all()
    slots = await lock_sessions_of(db, due)
    off = [row for row in due if slots[row.slot_id].state is SessionState.SUSPENDED]
    await _resume(db, [row for row in due if row not in off])
    moves = []
    for row in off:
        await payment.refund(db, order_id=row.order_id, reason=RefundReason.HOSPITAL)
        moves.append(await _end_for_hospital(db, row, slots[row.slot_id], reason=EventReason.CHOICE_LAPSED))
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
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def _end_for_hospital(
    db: AsyncSession, row: Appointment, slot: SlotFacts, *, reason: EventReason, actor: str = "system"
) -> Move:
    source = bucket_of(row)
    await transition(
        db,
        Transition(appointment=row, to=AppointmentState.CANCELLED_BY_HOSPITAL, reason=reason, actor=actor),
    )
    await publish(
        db,
        AppointmentCancelled(hospital_id=row.hospital_id, appointment_id=row.id, is_by_hospital=True),
    )
    return await place_back(db, row, slot, source=source, reason="suspension")
