"""What booking must know of slots, read for many requests at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Row, Uuid, bindparam, column, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import HotStatement
from guahao.kernel.ids import hospital_of
from guahao.kernel.sex import Sex
from guahao.scheduling.models import ClinicSession, ClosedBy, Period, SessionState, Slot
from guahao.scheduling.policy.bookable import OnSale


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOnSale(OnSale):
    """What the rules of booking ask of a slot as it stood at `now`."""

    hospital_id: int
    session_id: UUID
    department_id: UUID
    ends_at: datetime
    now: datetime
    sex_limit: Sex | None = None
    min_age_years: int | None = None
    max_age_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFacts(SlotOnSale):
    """One slot with its session; `now` is the database's clock."""

    slot_id: UUID
    doctor_id: UUID
    campus_id: UUID
    room: str
    period: Period
    level: str
    fee_fen: int
    session_ends_at: datetime
    free: int
    desk: int
    elderly: int
    referral: int


_SLOT, _SESSION = Slot.__table__.c, ClinicSession.__table__.c

_wanted = (
    func.unnest(bindparam("hospital_ids", type_=ARRAY(Integer())), bindparam("slot_ids", type_=ARRAY(Uuid())))
    .table_valued(column("hospital_id", Integer()), column("slot_id", Uuid()))
    .render_derived(name="wanted")
)
_FACTS = HotStatement(
    select(
        _SLOT.hospital_id,
        _SLOT.id.label("slot_id"),
        _SLOT.session_id,
        _SESSION.doctor_id,
        _SESSION.department_id,
        _SESSION.campus_id,
        _SESSION.room,
        _SESSION.date,
        _SESSION.period,
        _SESSION.state,
        _SESSION.level,
        _SESSION.fee_fen,
        _SESSION.sex_limit,
        _SESSION.min_age_years,
        _SESSION.max_age_years,
        _SESSION.ends_at.label("session_ends_at"),
        _SLOT.starts_at,
        _SLOT.ends_at,
        _SLOT.released_at,
        _SLOT.closed_by,
        _SLOT.free,
        _SLOT.desk,
        _SLOT.elderly,
        _SLOT.referral,
        func.clock_timestamp().label("now"),
    )
    .join_from(
        _wanted,
        Slot.__table__,
        (_SLOT.hospital_id == _wanted.c.hospital_id) & (_SLOT.id == _wanted.c.slot_id),
    )
    .join(
        ClinicSession.__table__,
        (_SESSION.hospital_id == _SLOT.hospital_id) & (_SESSION.id == _SLOT.session_id),
    )
)


async def slot_facts(db: AsyncSession, slot_ids: Collection[UUID]) -> dict[UUID, SlotFacts]:
    """Read the named slots in one round trip; those that do not exist are left out."""
    ids = list(slot_ids)
    rows = await _FACTS.rows(db, {"hospital_ids": [hospital_of(id_) for id_ in ids], "slot_ids": ids})
    return {row.slot_id: _facts(row) for row in rows}


def _facts(row: Row[Any]) -> SlotFacts:
    read = row._asdict()
    read["period"], read["state"] = Period(row.period), SessionState(row.state)
    read["closed_by"] = row.closed_by and ClosedBy(row.closed_by)
    read["sex_limit"] = row.sex_limit and Sex(row.sex_limit)
    return SlotFacts(**read)


async def free_after(db: AsyncSession, *, hospital_id: int, session_id: UUID, after: datetime) -> int:
    """How many places are free in the session's slots that begin after a moment."""
    statement = select(func.coalesce(func.sum(Slot.free), 0).cast(Integer)).where(
        Slot.hospital_id == hospital_id, Slot.session_id == session_id, Slot.starts_at > after
    )
    return (await db.scalar(statement)) or 0
