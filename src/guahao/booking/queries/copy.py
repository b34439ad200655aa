"""What was booked, paid and noted through an account, for a copy that its holder takes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.queries import entries_of_account
from guahao.booking.models import Appointment, AppointmentEvent, BookingBlock, CreditEvent
from guahao.kernel.copy import rows_copy
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Base, Json, in_parts
from guahao.kernel.ids import DIRECTORY
from guahao.notification.queries import notices_about
from guahao.payment.queries.copy import copy_of_orders


async def copy_of_bookings(db: AsyncSession, *, account_id: UUID, key_ring: KeyRing) -> dict[str, list[Json]]:
    """Read the account's appointments and all that hangs on them, and its entries of the trail.

    Only what this account did: the same persons' visits through another account are not its holder's to see.
    """
    booked = select(Appointment).where(Appointment.account_id == account_id).order_by(Appointment.id)
    appointments = (await db.scalars(booked)).all()
    hospital_ids = {row.hospital_id for row in appointments}
    subjects = [f"appointment:{row.id}" for row in appointments]
    tables: dict[str, Sequence[Base]] = {
        "appointment": appointments,
        "appointment_event": await _of_appointments(db, AppointmentEvent, appointments),
        "credit_event": await _of_appointments(db, CreditEvent, appointments),
        "booking_block": await _blocks(db, appointments),
        "notice": await notices_about(db, hospital_ids=hospital_ids, subjects=subjects),
        "audit_entry": await entries_of_account(
            db,
            hospital_ids=hospital_ids | {DIRECTORY},
            subjects=[f"account:{account_id}", *subjects],
            actor=f"account:{account_id}",
        ),
    }
    orders = await copy_of_orders(db, {row.order_id for row in appointments}, key_ring=key_ring)
    return {name: rows_copy(rows, key_ring) for name, rows in tables.items()} | orders


async def _of_appointments(
    db: AsyncSession, kind: type[AppointmentEvent | CreditEvent], appointments: Sequence[Appointment]
) -> Sequence[Base]:
    found: list[Base] = []
    for part in in_parts([(row.hospital_id, row.id) for row in appointments]):
        wanted = select(kind).where(tuple_(kind.hospital_id, kind.appointment_id).in_(part))
        found += await db.scalars(wanted)
    return found


async def _blocks(db: AsyncSession, appointments: Sequence[Appointment]) -> Sequence[Base]:
    """The pauses of persons at hospitals where the account booked for them."""
    found: list[Base] = []
    for part in in_parts({(row.hospital_id, row.person_id) for row in appointments}):
        wanted = select(BookingBlock).where(
            tuple_(BookingBlock.hospital_id, BookingBlock.person_id).in_(part)
        )
        found += await db.scalars(wanted.order_by(BookingBlock.starts_at))
    return found
