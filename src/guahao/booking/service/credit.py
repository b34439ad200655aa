"""What counts against a person, and the pause that follows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.models import Appointment, BookingBlock, CreditEvent, CreditKind
from guahao.catalog.queries import Rules, rules_of_version
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of, new_id


async def rules_at_booking(db: AsyncSession, appointment: Appointment) -> Rules:
    """The rules that were in force when the appointment was booked; they say what is late."""
    booked_under = await rules_of_version(
        db, hospital_id=appointment.hospital_id, version=appointment.rule_version
    )
    return booked_under.rules


async def count_cancellation(
    db: AsyncSession, appointment: Appointment, *, rules: Rules, kind: CreditKind
) -> None:
    """Count a cancellation by the person; enough of them within the window pause online booking.

    One after the other for each person, so that cancelling several at once is not seen as one.
    """
    one_at_a_time = func.hashtextextended(f"credit:{appointment.person_id}", 0)
    await db.execute(select(func.pg_advisory_xact_lock(one_at_a_time)))
    await db.execute(
        insert(CreditEvent).values(
            hospital_id=appointment.hospital_id,
            appointment_id=appointment.id,
            person_id=appointment.person_id,
            kind=kind,
        )
    )
    window = func.now() - timedelta(days=rules.cancel_pause_window_days)
    count = await db.scalar(
        select(func.count())
        .select_from(CreditEvent)
        .where(
            CreditEvent.hospital_id == appointment.hospital_id,
            CreditEvent.person_id == appointment.person_id,
            CreditEvent.occurred_at > window,
        )
    )
    if (count or 0) >= rules.cancel_pause_count:
        await _block(db, appointment, days=rules.cancel_pause_days)


async def _block(db: AsyncSession, appointment: Appointment, *, days: int) -> None:
    block_id = new_id(appointment.hospital_id)
    await db.execute(
        insert(BookingBlock).values(
            hospital_id=appointment.hospital_id,
            id=block_id,
            person_id=appointment.person_id,
            reason="cancellations",
            starts_at=func.now(),
            ends_at=func.now() + timedelta(days=days),
        )
    )
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor="system",
            action="block.start",
            subject=f"block:{block_id}",
            data={"days": days},
        ),
    )


async def lift_block(db: AsyncSession, *, block_id: UUID, hospital_id: int | None, actor: str) -> None:
    """End a block early, by staff of the hospital; repeating changes nothing. Raises `NotFound`."""
    owner = hospital_of(block_id)
    if hospital_id not in (None, owner):
        raise NotFound
    lifted = await db.scalar(
        update(BookingBlock)
        .where(BookingBlock.hospital_id == owner, BookingBlock.id == block_id)
        .values(lifted_at=func.coalesce(BookingBlock.lifted_at, func.now()))
        .returning(BookingBlock.id)
    )
    if lifted is None:
        raise NotFound
    await record(
        db, AuditEntry(hospital_id=owner, actor=actor, action="block.lift", subject=f"block:{block_id}")
    )
