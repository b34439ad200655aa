"""What was asked of many sessions, and what it means for each at this moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import departments_by_ids, fees_of, rules_of
from guahao.kernel.errors import Problem
from guahao.scheduling.models import ChangeKind, ClinicSession, ClosedBy, SessionState
from guahao.scheduling.policy.change import (
    Occupancy,
    ProposedItem,
    Wish,
    plan_copy,
    plan_publish,
    plan_remove,
    plan_set,
)
from guahao.scheduling.policy.sight import Look, Neighbour, SeenSession, planned_as
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.queries.seen import Selection, doctors_seen, neighbours, seen_sessions
from guahao.scheduling.service.create import Terms

MOST = 1000
"""Sessions of one change; a month of 50 doctors fits."""


class ChangeTooLarge(Problem):
    """More sessions than one change may hold; `most` is the limit."""

    code = "change-too-large"
    status = 422


class ChangeStale(Problem):
    """The sessions are not what the preview showed any more; nothing was changed."""

    code = "change-stale"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A change as asked for. Copies go `days_later`; a wish is what `set` gives."""

    kind: ChangeKind
    selection: Selection
    days_later: int = 0
    with_holidays: bool = False
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalPrices:
    """A hospital's terms, asked by the look of a session."""

    hospital_id: int
    terms: Terms

    def is_priced(self, look: Look) -> bool:
        """Whether a session of this look may go on sale."""
        planned = planned_as(look, self.hospital_id)
        return planned.department_id in self.terms.departments and self.terms.fee_fen(planned) is not None

    def release_at(self, look: Look) -> datetime:
        """When its places would go on sale, give or take the hospital's jitter."""
        return self.terms.rules.release_at(look.date)


async def terms_of(
    db: AsyncSession, *, hospital_id: int, departments: Collection[UUID], now: datetime
) -> Terms:
    """Rules, prices and departments for sessions to be made."""
    return Terms(
        rules=(await rules_of(db, hospital_id=hospital_id, now=now)).rules,
        fees=await fees_of(db, hospital_id=hospital_id),
        departments=await departments_by_ids(db, departments) if departments else {},
    )


async def meant_items(
    db: AsyncSession, asked: Asked, *, hospital_id: int, now: datetime
) -> list[ProposedItem]:
    """What the change means for each session as things stand. Raises `ChangeTooLarge`."""
    where = asked.selection.where(hospital_id)
    if asked.kind in (ChangeKind.PUBLISH, ChangeKind.REMOVE):
        where.append(ClinicSession.state == SessionState.DRAFT)
    sessions = await seen_sessions(db, *where, most=MOST + 1)
    if len(sessions) > MOST:
        raise ChangeTooLarge(most=MOST)
    match asked.kind:
        case ChangeKind.COPY_WEEK:
            return await _copies(db, sessions, asked, hospital_id=hospital_id, now=now)
        case ChangeKind.SET:
            occupancy = await _occupancy(db, sessions, asked, hospital_id=hospital_id)
            return plan_set(sessions, asked.wish, occupancy, now=now)
        case ChangeKind.PUBLISH:
            return plan_publish(
                sessions, closed=await _closed(db, sessions, hospital_id=hospital_id), now=now
            )
        case ChangeKind.REMOVE:
            return plan_remove(sessions)
        case _:
            assert_never(asked.kind)


async def _copies(
    db: AsyncSession, sources: list[SeenSession], asked: Asked, *, hospital_id: int, now: datetime
) -> list[ProposedItem]:
    occupancy = await _occupancy(db, sources, asked, hospital_id=hospital_id)
    departments = {one.look.department_id for one in sources}
    terms = await terms_of(db, hospital_id=hospital_id, departments=departments, now=now)
    return plan_copy(
        sources,
        occupancy,
        days_later=asked.days_later,
        with_holidays=asked.with_holidays,
        closed=await _closed(db, sources, hospital_id=hospital_id, days_later=asked.days_later),
        prices=HospitalPrices(hospital_id=hospital_id, terms=terms),
        now=now,
    )


async def _occupancy(
    db: AsyncSession, sessions: list[SeenSession], asked: Asked, *, hospital_id: int
) -> Occupancy:
    later = timedelta(days=asked.days_later)
    taken: list[Neighbour] = await neighbours(
        db,
        hospital_id=hospital_id,
        since=asked.selection.since + later,
        until=asked.selection.until + later,
    )
    ids = {one.doctor_id for one in taken} | {one.look.doctor_id for one in sessions}
    return Occupancy(taken, await doctors_seen(db, ids))


async def _closed(
    db: AsyncSession, sessions: Sequence[SeenSession], *, hospital_id: int, days_later: int = 0
) -> dict[UUID, ClosedBy]:
    """By what the catalogue closes sessions, or their copies some days later."""
    places = [planned_as(one.look, hospital_id, days_later=days_later) for one in sessions]
    judged = await closed_by(db, places, hospital_id=hospital_id)
    return {one.id: by for one, by in zip(sessions, judged, strict=True) if by is not None}
