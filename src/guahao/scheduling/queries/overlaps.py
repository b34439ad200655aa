"""Sessions that keep a weekly clinic from giving some of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date
from guahao.scheduling.models import ClinicSession, Period, ScheduleException, ScheduleTemplate
from guahao.scheduling.policy.plan import PlannedSession, plan
from guahao.scheduling.policy.sight import Neighbour
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.queries.seen import neighbours
from guahao.scheduling.queries.templates import exceptions_of, templates_of

TemplateKey = tuple[UUID, UUID, int, Period, dt.date]
"""Doctor, department, weekday, period and first day: by what a weekly clinic is known in its hospital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A session that stands where a weekly clinic would give one, of the same doctor or in the same room."""

    key: TemplateKey
    planned: PlannedSession
    other: Neighbour
    is_doctor: bool


async def overlaps_of(
    db: AsyncSession, keys: Collection[TemplateKey], *, hospital_id: int, now: datetime
) -> list[Overlap]:
    """What stands in the way of weekly clinics as they are stored now, by day; nothing of themselves.

    As whoever makes sessions will find it: holidays, exceptions, what the catalogue closes, suspended
    sessions and days on which the clinic has a session already are none.
    """
    today = local_date(now)
    standing = await neighbours(db, hospital_id=hospital_id, since=today, until=dt.date.max)
    days = sorted({local_date(one.starts_at) for one in standing})
    if not keys or not days:
        return []
    templates = [
        template
        for template in await templates_of(db, hospital_id=hospital_id, valid_after=today)
        if key_of(template) in keys
    ]
    until = days[-1] + timedelta(days=1)
    exceptions = await exceptions_of(db, hospital_id=hospital_id, since=today, until=until)
    made = await _made(db, hospital_id, [template.id for template in templates], since=today)
    found = await asyncio.to_thread(_overlaps, templates, exceptions, standing, days, made)
    found = [one for one in found if one.planned.starts_at > now]
    judged = await closed_by(db, [one.planned for one in found], hospital_id=hospital_id)
    return [one for one, by in zip(found, judged, strict=True) if by is None]


def key_of(template: ScheduleTemplate) -> TemplateKey:
    """By what this weekly clinic is known."""
    return (
        template.doctor_id,
        template.department_id,
        template.weekday,
        template.period,
        template.valid_from,
    )


async def _made(
    db: AsyncSession, hospital_id: int, template_ids: Sequence[UUID], *, since: dt.date
) -> set[tuple[UUID | None, dt.date]]:
    rows = await db.execute(
        select(ClinicSession.template_id, ClinicSession.date).where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.template_id.in_(template_ids),
            ClinicSession.date >= since,
        )
    )
    return {(row.template_id, row.date) for row in rows}


def _overlaps(
    templates: Sequence[ScheduleTemplate],
    exceptions: Sequence[ScheduleException],
    standing: Sequence[Neighbour],
    days: Sequence[dt.date],
    made: Collection[tuple[UUID | None, dt.date]],
) -> list[Overlap]:
    of_day = _by_day(standing)
    keys = {template.id: key_of(template) for template in templates}
    return [
        Overlap(
            key=keys[planned.template_id],
            planned=planned,
            other=other,
            is_doctor=other.doctor_id == planned.doctor_id,
        )
        for planned in plan(templates, exceptions, days)
        if planned.template_id is not None and (planned.template_id, planned.date) not in made
        for other in of_day[planned.date]
        if _is_in_the_way(other, planned)
    ]


def _by_day(standing: Iterable[Neighbour]) -> Mapping[dt.date, list[Neighbour]]:
    of_day: dict[dt.date, list[Neighbour]] = defaultdict(list)
    for day, sessions in groupby(standing, key=lambda one: local_date(one.starts_at)):
        of_day[day] += sessions
    return of_day


def _is_in_the_way(other: Neighbour, planned: PlannedSession) -> bool:
    is_same_time = other.starts_at < planned.ends_at and planned.starts_at < other.ends_at
    is_same_room = (other.campus_id, other.room) == (planned.campus_id, planned.room)
    return is_same_time and (other.doctor_id == planned.doctor_id or is_same_room)
