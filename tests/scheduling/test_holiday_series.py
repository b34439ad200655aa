"""Series of sessions and public holidays, as the State published them for 2026."""

from __future__ import annotations

from datetime import date, time, timedelta
from uuid import uuid4

import pytest

from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import HolidayRule, Period, ScheduleTemplate
from guahao.scheduling.policy.plan import runs_on

_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


def weekly(weekday: int, rule: HolidayRule) -> ScheduleTemplate:
    return ScheduleTemplate(
        id=uuid4(),
        hospital_id=1,
        weekday=weekday,
        period=Period.MORNING,
        starts=time(8),
        ends=EndTime.at(time(12)),
        on_holidays=rule,
        valid_from=_DAYS[0],
        valid_until=None,
    )


def days_of(weekday: int, rule: HolidayRule) -> set[date]:
    return {day for day in _DAYS if runs_on(weekly(weekday, rule), day, follow_weekday=None)}


@pytest.mark.parametrize("weekday", range(7))
def test_xl8_a_series_runs_on_holidays_only_where_the_hospital_opens_them(weekday: int) -> None:
    golden_week = {date(2026, 10, 1) + timedelta(days=number) for number in range(7)}

    closed, opened = days_of(weekday, HolidayRule.CLOSED), days_of(weekday, HolidayRule.OPEN)

    assert not closed & golden_week
    assert len(opened & golden_week) == 1
    assert opened == {day for day in _DAYS if day.weekday() == weekday}


def test_xl8_a_made_up_working_day_is_worked_as_the_weekday_it_stands_for() -> None:
    made_up = [day for day in _DAYS if day.weekday() >= 5 and _who_works(day)]

    assert made_up == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert all(_who_works(day) != {day.weekday()} and len(_who_works(day)) == 1 for day in made_up)


def _who_works(day: date) -> set[int]:
    """The working weekdays whose series give a session on this day of a weekend."""
    return {weekday for weekday in range(5) if day in days_of(weekday, HolidayRule.CLOSED)}
