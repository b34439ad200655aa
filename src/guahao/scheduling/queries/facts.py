"""What booking must know of slots, read for many requests at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, column, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import hospital_of
from guahao.kernel.sex import Sex
from guahao.scheduling.models import ClinicSession, Period, SessionState, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts:
    """One slot with its session as it stood at `now`, the database's clock."""

    hospital_id: int
    slot_id: UUID
    session_id: UUID
    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    room: str
    date: dt.date
    period: Period
    state: SessionState
    level: str
    fee_fen: int
    sex_limit: Sex | None
    min_age_years: int | None
    max_age_years: int | None
    session_ends_at: datetime
    starts_at: datetime
    ends_at: datetime
    released_at: datetime
    free: int
    desk: int
    elderly: int
    referral: int
    now: datetime


_wanted = (
    func.unnest(bindparam("hospital_ids", type_=ARRAY(Integer())), bindparam("slot_ids", type_=ARRAY(Uuid())))
    .table_valued(column("hospital_id", Integer()), column("slot_id", Uuid()))
    .render_derived(name="wanted")
)
_FACTS = (
    select(
        Slot.hospital_id,
        Slot.id.label("slot_id"),
        Slot.session_id,
        ClinicSession.doctor_id,
        ClinicSession.department_id,
        ClinicSession.campus_id,
        ClinicSession.room,
        ClinicSession.date,
        ClinicSession.period,
        ClinicSession.state,
        ClinicSession.level,
        ClinicSession.fee_fen,
        ClinicSession.sex_limit,
        ClinicSession.min_age_years,
        ClinicSession.max_age_years,
        ClinicSession.ends_at.label("session_ends_at"),
        Slot.starts_at,
        Slot.ends_at,
        Slot.released_at,
        Slot.free,
        Slot.desk,
        Slot.elderly,
        Slot.referral,
        func.clock_timestamp().label("now"),
    )
    .join_from(_wanted, Slot, (Slot.hospital_id == _wanted.c.hospital_id) & (Slot.id == _wanted.c.slot_id))
    .join(
        ClinicSession,
        (ClinicSession.hospital_id == Slot.hospital_id) & (ClinicSession.id == Slot.session_id),
    )
)


async def slot_facts(db: AsyncSession, slot_ids: Collection[UUID]) -> dict[UUID, SlotFacts]:
    """Read the named slots in one round trip; those that do not exist are left out."""
    ids = list(slot_ids)
    rows = await db.execute(_FACTS, {"hospital_ids": [hospital_of(id_) for id_ in ids], "slot_ids": ids})
    return {row.slot_id: SlotFacts(**row._mapping) for row in rows}  # noqa: SLF001 - public in SQLAlchemy


async def free_after(db: AsyncSession, *, hospital_id: int, session_id: UUID, after: datetime) -> int:
    """How many places are free in the session's slots that begin after a moment."""
    statement = select(func.coalesce(func.sum(Slot.free), 0).cast(Integer)).where(
        Slot.hospital_id == hospital_id, Slot.session_id == session_id, Slot.starts_at > after
    )
    return (await db.scalar(statement)) or 0
