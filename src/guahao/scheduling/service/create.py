"""Making dated sessions with their slots and pools, many at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import DepartmentFacts, DoctorLevel, FeeTable, Rules, departments_by_ids
from guahao.catalog.service import keep_catalog
from guahao.kernel.db import BulkInsert
from guahao.kernel.ids import new_id
from guahao.scheduling.models import RESERVES, Bucket, ClinicSession, SessionState, Slot
from guahao.scheduling.policy.plan import PlannedSession
from guahao.scheduling.policy.slots import (
    PoolShares,
    ReturnRules,
    SlotTime,
    return_moments,
    slots_of,
    split_pools,
)
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.service.places import Move, move_known

RESERVED = "reserved"
"""Reason in the place log: put into a pool when the session was published."""
DRAFTED = "drafted"
"""Reason in the place log: frozen until the session is published."""
PUBLISHED = "published"
"""Reason in the place log: a draft's place put on sale."""

_SLOTS = BulkInsert(
    Slot,
    "hospital_id",
    "id",
    "session_id",
    "starts_at",
    "ends_at",
    "released_at",
    "capacity",
    "free",
    *(f"{reserve.value}_returns_at" for reserve in RESERVES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a hospital's new sessions take over: its rules, prices and departments."""

    rules: Rules
    fees: FeeTable
    departments: Mapping[UUID, DepartmentFacts]
    jitter: Callable[[int], int] = secrets.randbelow
    """Random number below its argument; spreads release moments where the rules say so."""

    def fee_fen(self, planned: PlannedSession) -> int | None:
        """The price of a session, None while the hospital has set none."""
        return self.fees.fee_fen(
            level=DoctorLevel(planned.level), doctor_id=planned.doctor_id, day=planned.date
        )

    def release_at(self, planned: PlannedSession) -> datetime:
        """When a session's places go on sale."""
        late = self.jitter(self.rules.release_jitter_s + 1)
        return self.rules.release_at(planned.date) + timedelta(seconds=late)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSession:
    """A session that was made, with the ids and capacities of its slots."""

    id: UUID
    planned: PlannedSession
    slots: Mapping[UUID, int]


async def create_sessions(
    db: AsyncSession,
    planned: Sequence[PlannedSession],
    *,
    terms: Terms,
    state: SessionState = SessionState.PUBLISHED,
) -> list[MadeSession]:
    """Make the sessions that can be made and answer them; their places move last.

    Left out are sessions that exist, whose doctor or room is taken, those without a price or
    department, and those that the catalogue has closed. The catalogue keeps still until the transaction
    ends, so that nothing is made in what closes at the same moment, nor for people whom the department
    has just ceased to see. Safe to run twice at once:
    constraints decide, the loser makes nothing. A draft's places are frozen until it is published.
    """
    rows = {new_id(one.hospital_id): one for one in await _open(db, planned, terms)}
    if not rows:
        return []
    departments = await departments_by_ids(db, {one.department_id for one in rows.values()})
    statement = insert(ClinicSession).on_conflict_do_nothing().returning(ClinicSession.id)
    values = [
        _session_row(id_, one, terms=terms, department=departments[one.department_id], state=state)
        for id_, one in rows.items()
    ]
    release_of = {row["id"]: row["release_at"] for row in values}
    made_ids = set(await db.scalars(statement, values))
    made: list[MadeSession] = []
    slot_rows: list[dict[str, Any]] = []
    for id_, one in rows.items():
        if id_ in made_ids:
            slots = _slot_rows(id_, one, release_at=release_of[id_], rules=terms.rules)
            slot_rows += slots
            made.append(MadeSession(id=id_, planned=one, slots={row["id"]: row["capacity"] for row in slots}))
    if slot_rows:
        await db.execute(_SLOTS.statement, _SLOTS.params(slot_rows))
        await move_known(db, _first_moves(made, rules=terms.rules, state=state))
    return made


def pool_shares(rules: Rules, level: str) -> PoolShares:
    """The pools of a session; places for the elderly are kept of general sessions only."""
    return PoolShares(
        desk=rules.desk_percent,
        elderly=rules.elderly_percent if level == DoctorLevel.GENERAL else 0,
        referral=rules.referral_percent,
        later=rules.second_release_percent,
    )


def pool_moves(
    slots: Mapping[UUID, int], *, hospital_id: int, shares: PoolShares, source: Bucket = Bucket.FREE
) -> list[Move]:
    """The moves that put the places of one session's slots (id -> capacity) into their pools."""
    moves: list[Move] = []
    for slot_id, pools in zip(slots, split_pools(list(slots.values()), shares), strict=True):
        for target, places in pools.items():
            if target is not source and places:
                reason = PUBLISHED if target is Bucket.FREE else RESERVED
                moves.append(
                    Move(
                        hospital_id=hospital_id,
                        slot_id=slot_id,
                        source=source,
                        target=target,
                        reason=reason,
                        places=places,
                    )
                )
    return moves


def _first_moves(made: Sequence[MadeSession], *, rules: Rules, state: SessionState) -> list[Move]:
    moves: list[Move] = []
    for one in made:
        hospital_id = one.planned.hospital_id
        if state is SessionState.DRAFT:
            moves += [
                Move(
                    hospital_id=hospital_id,
                    slot_id=slot_id,
                    source=Bucket.FREE,
                    target=Bucket.FROZEN,
                    reason=DRAFTED,
                    places=places,
                )
                for slot_id, places in one.slots.items()
            ]
        else:
            shares = pool_shares(rules, one.planned.level)
            moves += pool_moves(one.slots, hospital_id=hospital_id, shares=shares)
    return moves


async def _open(db: AsyncSession, planned: Sequence[PlannedSession], terms: Terms) -> list[PlannedSession]:
    found: list[PlannedSession] = []
    for hospital_id in sorted({one.hospital_id for one in planned}):
        of_hospital = [one for one in planned if one.hospital_id == hospital_id and _can_be_made(one, terms)]
        await keep_catalog(db, hospital_id=hospital_id)
        judged = await closed_by(db, of_hospital, hospital_id=hospital_id)
        found += [one for one, by in zip(of_hospital, judged, strict=True) if by is None]
    return found


def _can_be_made(planned: PlannedSession, terms: Terms) -> bool:
    return planned.department_id in terms.departments and terms.fee_fen(planned) is not None


def _session_row(
    id_: UUID, planned: PlannedSession, *, terms: Terms, department: DepartmentFacts, state: SessionState
) -> dict[str, Any]:
    own = asdict(planned)
    del own["slot_min"], own["capacity_per_slot"], own["capacities"]
    return {
        **own,
        "id": id_,
        "release_at": terms.release_at(planned),
        "fee_fen": terms.fee_fen(planned),
        "lifecycle": state,
        "sex_limit": department.sex_limit,
        "min_age_years": department.min_age_years,
        "max_age_years": department.max_age_years,
    }


def _slot_rows(
    session_id: UUID, planned: PlannedSession, *, release_at: datetime, rules: Rules
) -> list[dict[str, Any]]:
    cut = slots_of(
        planned.starts_at,
        planned.ends_at,
        slot_min=planned.slot_min,
        capacity=planned.capacity_per_slot,
    )
    if planned.capacities is not None:
        cut = [replace(slot, capacity=places) for slot, places in zip(cut, planned.capacities, strict=True)]
    return [_slot_row(session_id, planned, slot, release_at=release_at, rules=rules) for slot in cut]


def _slot_row(
    session_id: UUID, planned: PlannedSession, slot: SlotTime, *, release_at: datetime, rules: Rules
) -> dict[str, Any]:
    returns = return_moments(
        planned.date,
        slot.starts_at,
        ReturnRules(
            desk_min=rules.desk_returns_min,
            elderly_min=rules.elderly_returns_min,
            referral_h=rules.referral_returns_h,
            later_days=rules.second_release_days_before,
            later_time=rules.second_release_time,
        ),
    )
    return {
        "hospital_id": planned.hospital_id,
        "id": new_id(planned.hospital_id),
        "session_id": session_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "released_at": release_at,
        "capacity": slot.capacity,
        "free": slot.capacity,
        **{f"{reserve.value}_returns_at": moment for reserve, moment in returns.items()},
    }
