"""Which dated sessions follow from templates and their exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import assert_never
from uuid import UUID

from guahao.kernel.clock import at_local
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    ExceptionKind,
    HolidayRule,
    Period,
    ScheduleException,
    ScheduleTemplate,
)
from guahao.scheduling.policy.workdays import is_public_holiday, weekday_worked

DAYS_AHEAD = 3
"""Days beyond the booking window that are made already, to be seen as coming soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    """A session to be made; times are of the session, places are of each slot.

    `capacities`, when given, are the places of each slot in time order, where they differ.
    """

    hospital_id: int
    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    template_id: UUID | None
    room: str
    level: str
    own_level: bool
    date: date
    period: Period
    starts_at: datetime
    ends_at: datetime
    slot_min: int
    capacity_per_slot: int
    capacities: tuple[int, ...] | None = None


class DayExceptions:
    """What is different on one day; the narrowest scope wins: template, then doctor, then hospital."""

    def __init__(self, exceptions: Iterable[ScheduleException]) -> None:
        """Take the exceptions of one hospital and one date."""
        self._by_scope = {(one.template_id, one.doctor_id): one for one in exceptions}

    @property
    def weekday(self) -> int | None:
        """The weekday whose schedule the whole hospital follows, if it said so."""
        whole = self._by_scope.get((None, None))
        return whole.weekday if whole and whole.kind is ExceptionKind.FOLLOW_WEEKDAY else None

    def of(self, template: ScheduleTemplate) -> ScheduleException | None:
        """The exception in force for one template."""
        for scope in ((template.id, None), (None, template.doctor_id), (None, None)):
            found = self._by_scope.get(scope)
            if found is not None and found.kind is not ExceptionKind.FOLLOW_WEEKDAY:
                return found
        return None


def runs_on(template: ScheduleTemplate, day: date, *, follow_weekday: int | None) -> bool:
    """Whether the template gives a session on this day, by validity, weekday and holiday rule."""
    if day < template.valid_from or (template.valid_until is not None and day >= template.valid_until):
        return False
    match template.on_holidays:
        case HolidayRule.OPEN:
            return template.weekday == day.weekday()
        case HolidayRule.CLOSED if follow_weekday is not None:
            return template.weekday == follow_weekday
        case HolidayRule.CLOSED:
            return not is_public_holiday(day) and template.weekday == weekday_worked(day)
        case _:
            assert_never(template.on_holidays)


def plan(
    templates: Sequence[ScheduleTemplate], exceptions: Sequence[ScheduleException], days: Iterable[date]
) -> list[PlannedSession]:
    """Every session that one hospital's templates and exceptions give on these days, by day."""
    planned: list[PlannedSession] = []
    for day in days:
        different = DayExceptions(one for one in exceptions if one.date == day)
        for template in templates:
            if runs_on(template, day, follow_weekday=different.weekday):
                session = _session(template, day, different.of(template))
                if session is not None:
                    planned.append(session)
    return planned


def _session(
    template: ScheduleTemplate, day: date, exception: ScheduleException | None
) -> PlannedSession | None:
    if exception is None:
        return _planned(template, day)
    match exception.kind:
        case ExceptionKind.CANCELLED:
            return None
        case ExceptionKind.CHANGED:
            return _planned(
                template,
                day,
                starts=exception.starts,
                ends=exception.ends,
                capacity=exception.capacity_per_slot,
                room=exception.room,
            )
        case ExceptionKind.SUBSTITUTE:
            return _planned(template, day, doctor_id=exception.substitute_id)
        case ExceptionKind.FOLLOW_WEEKDAY:
            return _planned(template, day)
        case _:
            assert_never(exception.kind)


def _planned(
    template: ScheduleTemplate,
    day: date,
    *,
    doctor_id: UUID | None = None,
    starts: time | None = None,
    ends: EndTime | None = None,
    capacity: int | None = None,
    room: str | None = None,
) -> PlannedSession:
    return PlannedSession(
        hospital_id=template.hospital_id,
        doctor_id=doctor_id or template.doctor_id,
        department_id=template.department_id,
        campus_id=template.campus_id,
        template_id=template.id,
        room=room or template.room,
        level=template.level,
        own_level=template.own_level,
        date=day,
        period=template.period,
        starts_at=at_local(day, starts or template.starts),
        ends_at=(ends or template.ends).on(day),
        slot_min=template.slot_min,
        capacity_per_slot=capacity or template.capacity_per_slot,
    )
