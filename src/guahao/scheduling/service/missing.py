"""What the plan gives on coming days and nobody has made yet, and what keeps some of it from being made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import DoctorLevel, FeeTable, fees_of
from guahao.kernel.errors import Problem
from guahao.scheduling.models import ClinicSession, ClosedBy
from guahao.scheduling.policy.change import Occupancy
from guahao.scheduling.policy.plan import PlannedSession, plan
from guahao.scheduling.policy.refusals import FeeMissing
from guahao.scheduling.policy.sight import neighbour_of_plan
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.queries.seen import doctors_seen, neighbours
from guahao.scheduling.queries.templates import exceptions_of, templates_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A session that the plan gives and that does not exist; the catalogue may close it."""

    planned: PlannedSession
    closed_by: ClosedBy | None


async def missing_sessions(db: AsyncSession, days: Sequence[dt.date], *, hospital_id: int) -> list[Missing]:
    """What a hospital's plan gives on these days and nobody has made, in the order of the planner."""
    since, until = days[0], days[-1] + timedelta(days=1)
    templates = await templates_of(db, hospital_id=hospital_id, valid_after=since)
    exceptions = await exceptions_of(db, hospital_id=hospital_id, since=since, until=until)
    existing = await db.execute(
        select(ClinicSession.template_id, ClinicSession.date).where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date >= since,
            ClinicSession.date < until,
            ClinicSession.template_id.is_not(None),
        )
    )
    made = {(template_id, day) for template_id, day in existing}
    planned = [one for one in plan(templates, exceptions, days) if (one.template_id, one.date) not in made]
    judged = await closed_by(db, planned, hospital_id=hospital_id)
    return [Missing(planned=one, closed_by=by) for one, by in zip(planned, judged, strict=True)]


async def why_not_made(
    db: AsyncSession, planned: Sequence[PlannedSession], *, hospital_id: int
) -> list[Problem | None]:
    """Of each session to be made why it will not be, None where it will: no price, or who is in the way.

    That is a session that stands, or one that is made before it: earlier in `planned`.
    """
    if not planned:
        return []
    days = [one.date for one in planned]
    taken = await neighbours(db, hospital_id=hospital_id, since=min(days), until=max(days))
    wishes = [neighbour_of_plan(one) for one in planned]
    occupancy = Occupancy(taken, await doctors_seen(db, {one.doctor_id for one in (*taken, *wishes)}))
    fees = await fees_of(db, hospital_id=hospital_id)
    found: list[Problem | None] = []
    for one, wanted in zip(planned, wishes, strict=True):
        found.append(occupancy.clash(wanted) if _is_priced(one, fees) else FeeMissing())
        if found[-1] is None:
            occupancy.add(wanted)
    return found


def _is_priced(planned: PlannedSession, fees: FeeTable) -> bool:
    level = DoctorLevel(planned.level)
    return fees.fee_fen(level=level, doctor_id=planned.doctor_id, day=planned.date) is not None
