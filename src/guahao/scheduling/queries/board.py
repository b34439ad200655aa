"""A doctor's sessions and slots as patients see them; the most read page at release time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, Integer, Row, Uuid, bindparam, column, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import Rules
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, ClosedBy, Period, SessionState, Slot
from guahao.scheduling.policy.bookable import OnSale, WhyNot, why_not_shown
from guahao.scheduling.policy.shown import ShownState, shown_state
from guahao.scheduling.queries.directory import HospitalNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something with an id and a name."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """One slot; `bookable` is the server's word for this moment, `reason` the code why not."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int
    free: int
    bookable: bool
    reason: WhyNot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One session with its slots."""

    id: UUID
    date: dt.date
    period: Period
    level: str
    fee_fen: int
    state: ShownState
    release_at: datetime
    campus: Named
    room: str
    department: Named
    slots: list[SlotView]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions: of one doctor, both days included."""

    doctor_id: UUID
    since: dt.date
    until: dt.date


SessionRow = Row[*tuple[Any, ...]]
"""A session with its slots in arrays, as `session_rows` reads it."""

_wanted = (
    func.unnest(
        bindparam("numbers", type_=ARRAY(Integer())),
        bindparam("hospital_ids", type_=ARRAY(Integer())),
        bindparam("doctor_ids", type_=ARRAY(Uuid())),
        bindparam("sinces", type_=ARRAY(Date())),
        bindparam("untils", type_=ARRAY(Date())),
    )
    .table_valued(
        column("number", Integer()),
        column("hospital_id", Integer()),
        column("doctor_id", Uuid()),
        column("since", Date()),
        column("until", Date()),
    )
    .render_derived(name="wanted")
)
_SESSIONS = (
    select(
        _wanted.c.number,
        ClinicSession.id,
        ClinicSession.date,
        ClinicSession.period,
        ClinicSession.level,
        ClinicSession.fee_fen,
        ClinicSession.state,
        ClinicSession.release_at,
        ClinicSession.ends_at,
        ClinicSession.campus_id,
        ClinicSession.room,
        ClinicSession.department_id,
        func.array_agg(Slot.id).label("slot_ids"),
        func.array_agg(Slot.starts_at).label("slot_starts"),
        func.array_agg(Slot.ends_at).label("slot_ends"),
        func.array_agg(Slot.released_at).label("slot_releases"),
        func.array_agg(Slot.capacity).label("capacities"),
        func.array_agg(Slot.free).label("frees"),
        func.max(Slot.closed_by).label("closed_by"),
    )
    .join_from(
        _wanted,
        ClinicSession,
        (ClinicSession.hospital_id == _wanted.c.hospital_id)
        & (ClinicSession.doctor_id == _wanted.c.doctor_id)
        & (ClinicSession.date.between(_wanted.c.since, _wanted.c.until)),
    )
    .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
    .where(ClinicSession.state != SessionState.DRAFT)
    .group_by(_wanted.c.number, ClinicSession.hospital_id, ClinicSession.id)
    .order_by(_wanted.c.number, ClinicSession.starts_at)
)


async def session_rows(db: AsyncSession, wanted: Sequence[Wanted]) -> dict[Wanted, list[SessionRow]]:
    """Read the published sessions of many doctors by one statement, as rows for `session_view`."""
    rows = await db.execute(
        _SESSIONS,
        {
            "numbers": list(range(len(wanted))),
            "hospital_ids": [hospital_of(one.doctor_id) for one in wanted],
            "doctor_ids": [one.doctor_id for one in wanted],
            "sinces": [one.since for one in wanted],
            "untils": [one.until for one in wanted],
        },
    )
    found: dict[Wanted, list[SessionRow]] = defaultdict(list)
    for row in rows:
        found[wanted[row[0]]].append(row)
    return found


def session_view(row: SessionRow, *, names: HospitalNames, rules: Rules, now: datetime) -> SessionView:
    """What to show of one session at `now`, by the rules in force."""
    shown = shown_state(row.state, release_at=row.release_at, ends_at=row.ends_at, now=now)
    slots = sorted(
        zip(
            row.slot_starts,
            row.slot_ends,
            row.slot_ids,
            row.slot_releases,
            row.capacities,
            row.frees,
            strict=True,
        )
    )
    return SessionView(
        id=row.id,
        date=row.date,
        period=row.period,
        level=row.level,
        fee_fen=row.fee_fen,
        state=shown,
        release_at=row.release_at,
        campus=Named(id=row.campus_id, name=names.campuses[row.campus_id].name),
        room=row.room,
        department=Named(id=row.department_id, name=names.departments[row.department_id].name),
        slots=[_slot_view(row, slot, rules=rules, now=now) for slot in slots],
    )


def _slot_view(
    session: SessionRow,
    slot: tuple[datetime, datetime, UUID, datetime, int, int],
    *,
    rules: Rules,
    now: datetime,
) -> SlotView:
    starts_at, ends_at, id_, released_at, capacity, free = slot
    on_sale = OnSale(
        date=session.date,
        state=session.state,
        starts_at=starts_at,
        released_at=released_at,
        closed_by=session.closed_by and ClosedBy(session.closed_by),
    )
    reason = why_not_shown(on_sale, rules, ends_at=session.ends_at, places=free, now=now)
    return SlotView(
        id=id_,
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=capacity,
        free=free,
        bookable=reason is None,
        reason=reason,
    )
