"""A day's slots with what every pool has left, for the desk that books people at the counter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import Rules
from guahao.scheduling.models import ClinicSession, Period, SessionState, Slot
from guahao.scheduling.policy.bookable import OnSale, WhyNot, why_not_shown


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSlot:
    """One slot with its pools; `reason` says why nothing of it can be given out now."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    free: int
    desk: int
    elderly: int
    referral: int
    reason: WhyNot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSession:
    """One session of the day, its slots in time order."""

    id: UUID
    department_id: UUID
    doctor_id: UUID
    campus_id: UUID
    room: str
    level: str
    period: Period
    fee_fen: int
    starts_at: datetime
    ends_at: datetime
    slots: list[DeskSlot]


async def desk_sessions(
    db: AsyncSession, *, hospital_id: int, day: dt.date, rules: Rules, now: datetime
) -> list[DeskSession]:
    """What the desk can see of a day: every published session that is not over yet; one read."""
    rows = await db.execute(
        select(ClinicSession, Slot)
        .join(Slot, (Slot.hospital_id == ClinicSession.hospital_id) & (Slot.session_id == ClinicSession.id))
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date == day,
            ClinicSession.state.in_((SessionState.PUBLISHED, SessionState.SUSPENDED)),
            ClinicSession.ends_at > now,
        )
        .order_by(ClinicSession.starts_at, ClinicSession.id, Slot.starts_at)
        .execution_options(populate_existing=True)
    )
    by_session: dict[UUID, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        by_session.setdefault(row[0].id, []).append(row)
    return [_session(found, rules=rules, now=now) for found in by_session.values()]


def _session(rows: Sequence[Row[*tuple[Any, ...]]], *, rules: Rules, now: datetime) -> DeskSession:
    session: ClinicSession = rows[0][0]
    return DeskSession(
        id=session.id,
        department_id=session.department_id,
        doctor_id=session.doctor_id,
        campus_id=session.campus_id,
        room=session.room,
        level=session.level,
        period=session.period,
        fee_fen=session.fee_fen,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        slots=[_slot(session, slot, rules=rules, now=now) for _, slot in rows],
    )


def _slot(session: ClinicSession, slot: Slot, *, rules: Rules, now: datetime) -> DeskSlot:
    on_sale = OnSale(
        date=session.date,
        state=session.state,
        starts_at=slot.starts_at,
        released_at=slot.released_at,
        closed_by=slot.closed_by,
    )
    left = slot.free + slot.desk + slot.elderly + slot.referral
    return DeskSlot(
        id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        free=slot.free,
        desk=slot.desk,
        elderly=slot.elderly,
        referral=slot.referral,
        reason=why_not_shown(on_sale, rules, ends_at=session.ends_at, places=left, now=now),
    )
