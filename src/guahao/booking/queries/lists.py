"""Lists of appointments: newest first, or for an account what lies ahead, soonest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, BookingBlock
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of


async def appointment_of_account(db: AsyncSession, *, appointment_id: UUID, account_id: UUID) -> Appointment:
    """Read one appointment of this account. Raises `NotFound`, also for somebody else's."""
    row = await db.get(Appointment, (hospital_of(appointment_id), appointment_id))
    if row is None or row.account_id != account_id:
        raise NotFound
    return row


async def appointment_of_hospital(
    db: AsyncSession, *, appointment_id: UUID, hospital_id: int | None, doctor_id: UUID | None = None
) -> Appointment:
    """Read one appointment as staff of a hospital (None: of the platform), or as one of its doctors.

    Raises `NotFound`, also for one of another doctor when `doctor_id` is given.
    """
    row = await db.get(Appointment, (hospital_of(appointment_id), appointment_id))
    if row is None or hospital_id not in (None, row.hospital_id) or doctor_id not in (None, row.doctor_id):
        raise NotFound
    return row


async def appointments_of_account(
    db: AsyncSession, *, account_id: UUID, before: UUID | None, limit: int
) -> Sequence[Appointment]:
    """The account's appointments made before the one named, newest first."""
    statement = select(Appointment).where(Appointment.account_id == account_id)
    return await _page(db, statement, before, limit)


async def upcoming_of_account(
    db: AsyncSession, *, account_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Appointment]:
    """The account's appointments that stand and are not over, soonest first.

    Goes on after the one with this start and id. `appointment_account_idx` narrows the read to what
    one account ever booked.
    """
    place = tuple_(Appointment.starts_at, Appointment.id)
    statement = select(Appointment).where(
        Appointment.account_id == account_id,
        Appointment.ended_at.is_(None),
        Appointment.ends_at > func.now(),
    )
    if after is not None:
        statement = statement.where(place > after)
    return (await db.scalars(statement.order_by(*place.clauses).limit(limit))).all()


async def _page(
    db: AsyncSession, statement: Select[Appointment], before: UUID | None, limit: int
) -> Sequence[Appointment]:
    if before is not None:
        statement = statement.where(Appointment.id < before)
    return (await db.scalars(statement.order_by(Appointment.id.desc()).limit(limit))).all()


async def blocks_of_hospital(
    db: AsyncSession, *, hospital_id: int, doctor_id: UUID | None, before: UUID | None, limit: int
) -> Sequence[BookingBlock]:
    """A hospital's booking blocks, newest first; of one doctor's patients when `doctor_id` is given."""
    statement = select(BookingBlock).where(BookingBlock.hospital_id == hospital_id)
    if doctor_id is not None:
        patients = select(Appointment.person_id).where(
            Appointment.hospital_id == hospital_id, Appointment.doctor_id == doctor_id
        )
        statement = statement.where(BookingBlock.person_id.in_(patients))
    if before is not None:
        statement = statement.where(BookingBlock.id < before)
    return (await db.scalars(statement.order_by(BookingBlock.id.desc()).limit(limit))).all()
