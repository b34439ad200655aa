"""Who sits in a room: its sessions of the coming days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.scene import room_digest

LOOKS_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room that has sessions, and those that are not over, by time."""

    name: str
    sessions: Sequence[Row[*tuple[Any, ...]]]


async def room_of(
    db: AsyncSession, *, campus_id: UUID, digest: str, departments: Collection[UUID], now: datetime
) -> Room | None:
    """The room of a campus whose name has this digest, found among the sessions of today and 14 days.

    `departments` are all of the hospital: by them and the days an index finds the sessions.
    """
    today = local_date(now)
    of_campus = [
        ClinicSession.hospital_id == hospital_of(campus_id),
        ClinicSession.department_id.in_(departments),
        ClinicSession.date.between(today, today + LOOKS_AHEAD),
        ClinicSession.campus_id == campus_id,
        ClinicSession.state != SessionState.DRAFT,
    ]
    rooms = await db.scalars(select(ClinicSession.room).where(*of_campus).distinct())
    name = next((room for room in rooms if room_digest(room) == digest), None)
    if name is None:
        return None
    return Room(name=name, sessions=await _sessions(db, [*of_campus, ClinicSession.room == name], now=now))


async def _sessions(
    db: AsyncSession, wanted: Sequence[ColumnElement[bool]], *, now: datetime
) -> Sequence[Row[*tuple[Any, ...]]]:
    sellable = (Slot.released_at <= now) & (Slot.starts_at > now)
    rows = await db.execute(
        select(
            ClinicSession.id,
            ClinicSession.doctor_id,
            ClinicSession.department_id,
            ClinicSession.date,
            ClinicSession.period,
            ClinicSession.starts_at,
            ClinicSession.ends_at,
            ClinicSession.state,
            ClinicSession.release_at,
            ClinicSession.fee_fen,
            func.coalesce(func.sum(Slot.free).filter(sellable), 0).cast(Integer).label("free"),
            func.max(Slot.closed_by).label("closed_by"),
        )
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(*wanted, ClinicSession.ends_at > now)
        .group_by(ClinicSession.hospital_id, ClinicSession.id)
        .order_by(ClinicSession.starts_at, ClinicSession.id)
    )
    return rows.all()
