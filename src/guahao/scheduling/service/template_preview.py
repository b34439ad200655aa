"""What a weekly template would make in the coming days, before it is saved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import rules_of
from guahao.kernel.clock import local_date
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id
from guahao.scheduling.models import (
    ClinicSession,
    ClosedBy,
    PlaceLog,
    ScheduleTemplate,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.change import Occupancy
from guahao.scheduling.policy.plan import DAYS_AHEAD, PlannedSession, plan
from guahao.scheduling.policy.refusals import CLOSED, FeeMissing
from guahao.scheduling.policy.sight import neighbour_of_plan
from guahao.scheduling.policy.slots import slots_of
from guahao.scheduling.policy.workdays import holiday_name
from guahao.scheduling.queries.closed import closed_by
from guahao.scheduling.queries.seen import doctors_seen, neighbours
from guahao.scheduling.queries.templates import exceptions_of
from guahao.scheduling.service.schedule_change.asked import terms_of
from guahao.scheduling.service.templates import TemplateRow
from guahao.scheduling.service.withdraw import MADE_BY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedDay:
    """A session that would be made, stays as it is because somebody touched it, or cannot be."""

    date: dt.date
    starts_at: datetime
    ends_at: datetime
    slots: int
    places: int
    holiday: str | None
    is_kept: bool
    refused: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    terms_price: Mapping[dt.date, bool]
    closed: Mapping[dt.date, ClosedBy]
    occupancy: Occupancy
    kept: Mapping[dt.date, UUID]


async def preview_template(
    db: AsyncSession, row: TemplateRow, *, template_id: UUID | None, now: datetime
) -> list[PreviewedDay]:
    """The sessions of a template in the booking window and the days made ahead. Raises `NotFound`.

    With `template_id` it is a change: that template's own sessions make room unless they were touched.
    """
    if {hospital_of(id_) for id_ in (row.doctor_id, row.department_id, row.campus_id)} != {row.hospital_id}:
        raise NotFound
    rules = (await rules_of(db, hospital_id=row.hospital_id, now=now)).rules
    first = local_date(now) + timedelta(days=1)
    days = [first + timedelta(days=ahead) for ahead in range(rules.booking_window_days + DAYS_AHEAD)]
    template = ScheduleTemplate(id=template_id or new_id(row.hospital_id), **asdict(row))
    exceptions = await exceptions_of(
        db, hospital_id=row.hospital_id, since=first, until=days[-1] + timedelta(days=1)
    )
    planned = plan([template], exceptions, days)
    facts = await _facts(db, row, template.id, planned, since=first, until=days[-1], now=now)
    return [_day(one, facts) for one in planned]


async def _facts(
    db: AsyncSession,
    row: TemplateRow,
    template_id: UUID,
    planned: list[PlannedSession],
    *,
    since: dt.date,
    until: dt.date,
    now: datetime,
) -> _Facts:
    hospital_id = row.hospital_id
    terms = await terms_of(db, hospital_id=hospital_id, departments=[row.department_id], now=now)
    own, kept = await _own_sessions(db, hospital_id, template_id, since)
    taken = [
        one
        for one in await neighbours(db, hospital_id=hospital_id, since=since, until=until)
        if one.id not in own or one.id in kept.values()
    ]
    ids = {one.doctor_id for one in planned} | {one.doctor_id for one in taken} | {row.doctor_id}
    doctors = await doctors_seen(db, ids)
    if row.doctor_id not in doctors or row.department_id not in terms.departments:
        raise NotFound
    # As of a template that is not stored: the stored one would end where this one may go on.
    places = [replace(one, template_id=None) for one in planned]
    judged = await closed_by(db, places, hospital_id=hospital_id)
    return _Facts(
        terms_price={one.date: terms.fee_fen(one) is not None for one in planned},
        closed={one.date: by for one, by in zip(planned, judged, strict=True) if by is not None},
        occupancy=Occupancy(taken, doctors),
        kept=kept,
    )


def _day(planned: PlannedSession, facts: _Facts) -> PreviewedDay:
    cut = slots_of(
        planned.starts_at, planned.ends_at, slot_min=planned.slot_min, capacity=planned.capacity_per_slot
    )
    is_kept = planned.date in facts.kept
    return PreviewedDay(
        date=planned.date,
        starts_at=planned.starts_at,
        ends_at=planned.ends_at,
        slots=len(cut),
        places=sum(slot.capacity for slot in cut),
        holiday=holiday_name(planned.date),
        is_kept=is_kept,
        refused=None if is_kept else _refusal(planned, facts),
    )


def _refusal(planned: PlannedSession, facts: _Facts) -> Problem | None:
    if planned.date in facts.closed:
        return CLOSED[facts.closed[planned.date]]()
    if not facts.terms_price[planned.date]:
        return FeeMissing()
    return facts.occupancy.clash(neighbour_of_plan(planned))


async def _own_sessions(
    db: AsyncSession, hospital_id: int, template_id: UUID, since: dt.date
) -> tuple[set[UUID], dict[dt.date, UUID]]:
    """The template's coming sessions, and by day those that would stay as they are."""
    moved = exists().where(
        and_(
            Slot.hospital_id == ClinicSession.hospital_id,
            Slot.session_id == ClinicSession.id,
            PlaceLog.hospital_id == Slot.hospital_id,
            PlaceLog.slot_id == Slot.id,
            PlaceLog.reason.not_in(MADE_BY_US),
        )
    )
    rows = await db.execute(
        select(
            ClinicSession.id,
            ClinicSession.date,
            (moved | (ClinicSession.version > 1) | (ClinicSession.state == SessionState.SUSPENDED)).label(
                "is_kept"
            ),
        ).where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.template_id == template_id,
            ClinicSession.date >= since,
        )
    )
    found = rows.all()
    return {one.id for one in found}, {one.date: one.id for one in found if one.is_kept}
