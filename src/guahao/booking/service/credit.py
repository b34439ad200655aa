"""What counts against a person, and the pause that follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.models import Appointment, BookingBlock, CreditEvent, CreditKind
from guahao.booking.service.locks import lock_appointment
from guahao.catalog.queries import Rules, rules_of, rules_of_version
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id

_CANCELLATIONS = "cancellations"


class NothingToExcuse(Problem):
    """Nothing counts against the person because of this appointment, or it is excused already."""

    code = "nothing-to-excuse"
    status = 409


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

    One after the other for each person, so that cancelling several at once is not seen as one. Holds given
    up unpaid have a limit of their own, of a day (`policy.judge`), and pause nothing.
    """
    if kind is CreditKind.UNPAID:
        await count_unpaid(db, appointment)
        return
    await _lock_credit(db, appointment)
    await _count(db, appointment, kind)
    window = _window(rules)
    if await _count_since(db, appointment, window) >= rules.cancel_pause_count:
        await _block(db, appointment, days=rules.cancel_pause_days)


async def count_unpaid(db: AsyncSession, appointment: Appointment) -> None:
    """Count a hold that ended unpaid against the person's limit of a day."""
    await _count(db, appointment, CreditKind.UNPAID)


async def forget_unpaid(db: AsyncSession, appointment: Appointment) -> None:
    """Let a hold that ended unpaid count no longer, since its money came after all."""
    await db.execute(
        delete(CreditEvent).where(
            CreditEvent.hospital_id == appointment.hospital_id,
            CreditEvent.appointment_id == appointment.id,
            CreditEvent.kind == CreditKind.UNPAID,
        )
    )


async def _count(db: AsyncSession, appointment: Appointment, kind: CreditKind) -> None:
    await db.execute(
        insert(CreditEvent).values(
            hospital_id=appointment.hospital_id,
            appointment_id=appointment.id,
            person_id=appointment.person_id,
            kind=kind,
        )
    )


def _window(rules: Rules) -> ColumnElement[datetime]:
    return func.now() - timedelta(days=rules.cancel_pause_window_days)


async def _lock_credit(db: AsyncSession, appointment: Appointment) -> None:
    one_at_a_time = func.hashtextextended(f"credit:{appointment.person_id}", 0)
    await db.execute(select(func.pg_advisory_xact_lock(one_at_a_time)))


async def _count_since(db: AsyncSession, appointment: Appointment, window: ColumnElement[datetime]) -> int:
    count = await db.scalar(
        select(func.count())
        .select_from(CreditEvent)
        .where(
            CreditEvent.hospital_id == appointment.hospital_id,
            CreditEvent.person_id == appointment.person_id,
            CreditEvent.occurred_at > window,
            CreditEvent.kind != CreditKind.UNPAID,
            CreditEvent.voided_at.is_(None),
        )
    )
    return count or 0


async def _block(db: AsyncSession, appointment: Appointment, *, days: int) -> None:
    block_id = new_id(appointment.hospital_id)
    await db.execute(
        insert(BookingBlock).values(
            hospital_id=appointment.hospital_id,
            id=block_id,
            person_id=appointment.person_id,
            reason=_CANCELLATIONS,
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


async def excuse(
    db: AsyncSession, *, appointment_id: UUID, reason: str, actor: str, now: datetime
) -> Appointment:
    """Let what a person did with an appointment count no longer, at the word of staff.

    A pause that it had caused ends when what is left would not cause one. Raises `NotFound` and
    `NothingToExcuse`.
    """
    appointment = await lock_appointment(db, appointment_id)
    await _lock_credit(db, appointment)
    voided = await db.scalar(
        update(CreditEvent)
        .where(
            CreditEvent.hospital_id == appointment.hospital_id,
            CreditEvent.appointment_id == appointment.id,
            CreditEvent.voided_at.is_(None),
        )
        .values(voided_at=func.now(), voided_by=actor, void_reason=reason)
        .returning(CreditEvent.kind)
    )
    if voided is None:
        raise NothingToExcuse
    rules = (await rules_of(db, hospital_id=appointment.hospital_id, now=now)).rules
    caused_pause = CreditKind(voided) is not CreditKind.UNPAID
    is_pause_over = (
        caused_pause and await _count_since(db, appointment, _window(rules)) < rules.cancel_pause_count
    )
    lifted = await _lift_pauses(db, appointment) if is_pause_over else []
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor=actor,
            action="appointment.excuse",
            subject=f"appointment:{appointment.id}",
            data={"kind": CreditKind(voided).value, "reason": reason, "lifted": [str(one) for one in lifted]},
        ),
    )
    return appointment


async def _lift_pauses(db: AsyncSession, appointment: Appointment) -> list[UUID]:
    lifted = await db.scalars(
        update(BookingBlock)
        .where(
            BookingBlock.hospital_id == appointment.hospital_id,
            BookingBlock.person_id == appointment.person_id,
            BookingBlock.reason == _CANCELLATIONS,
            BookingBlock.lifted_at.is_(None),
            BookingBlock.ends_at > func.now(),
        )
        .values(lifted_at=func.now())
        .returning(BookingBlock.id)
    )
    return list(lifted)


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
