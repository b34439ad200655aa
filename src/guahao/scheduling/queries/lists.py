"""Sessions for staff, with every counter."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionAddon, Slot


async def sessions_of_day(
    db: AsyncSession,
    *,
    hospital_id: int,
    day: dt.date,
    department_id: UUID | None = None,
    doctor_id: UUID | None = None,
) -> list[tuple[ClinicSession, list[Slot]]]:
    """A hospital's sessions of one day in any state, with their slots in time order; two reads."""
    statement = select(ClinicSession).where(
        ClinicSession.hospital_id == hospital_id, ClinicSession.date == day
    )
    if department_id is not None:
        statement = statement.where(ClinicSession.department_id == department_id)
    if doctor_id is not None:
        statement = statement.where(ClinicSession.doctor_id == doctor_id)
    ordered = statement.order_by(ClinicSession.department_id, ClinicSession.starts_at, ClinicSession.id)
    return await _with_slots(db, list(await db.scalars(ordered)))


async def session_with_slots(db: AsyncSession, session_id: UUID) -> tuple[ClinicSession, list[Slot]]:
    """One session with its slots as they are now. Raises `NotFound`."""
    session = await db.get(ClinicSession, (hospital_of(session_id), session_id), populate_existing=True)
    if session is None:
        raise NotFound
    return (await _with_slots(db, [session]))[0]


async def _with_slots(
    db: AsyncSession, sessions: Sequence[ClinicSession]
) -> list[tuple[ClinicSession, list[Slot]]]:
    by_session: dict[UUID, list[Slot]] = defaultdict(list)
    rows = await db.scalars(
        select(Slot)
        .where(
            Slot.hospital_id.in_({one.hospital_id for one in sessions}),
            Slot.session_id.in_([one.id for one in sessions]),
        )
        .order_by(Slot.starts_at)
        .execution_options(populate_existing=True)
    )
    for slot in rows:
        by_session[slot.session_id].append(slot)
    return [(one, by_session[one.id]) for one in sessions]


async def addons_of(db: AsyncSession, session_id: UUID) -> list[SessionAddon]:
    """A session's add-on places, oldest first."""
    rows = await db.scalars(
        select(SessionAddon)
        .where(SessionAddon.hospital_id == hospital_of(session_id), SessionAddon.session_id == session_id)
        .order_by(SessionAddon.added_at, SessionAddon.id)
    )
    return list(rows)
