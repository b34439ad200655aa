"""Public holidays of China, and which weekday a make-up working day stands for.

Source: the State Council's yearly notices, as collected by chinesecalendar. A notice moves working
days from a weekend to a bridged day off of the same holiday; the k-th make-up day of a holiday is
worked as the weekday of its k-th bridged day. Of a year whose notice is not out, or not in the installed
calendar yet, only the days that the law fixes are known.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import cache

from chinese_calendar import constants

from guahao.scheduling.policy.legal_holidays import legal_holidays

FIRST_YEAR: int = min(day.year for day in constants.holidays)
LAST_YEAR: int = max(day.year for day in constants.holidays)


def is_known(day: date) -> bool:
    """Whether the holidays of this year have been published in the installed calendar."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def is_public_holiday(day: date) -> bool:
    """A statutory or bridged day off; weekends are not holidays here."""
    return holiday_name(day) is not None


def holiday_name(day: date) -> str | None:
    """The Chinese name of the public holiday that a day off belongs to."""
    if not is_known(day):
        return legal_holidays(day.year).get(day)
    name = constants.holidays.get(day)
    return None if name is None else str(constants.Holiday(name).chinese)


def is_made_up(day: date) -> bool:
    """Whether a day of a weekend is worked to make up for a day off."""
    return day in constants.workdays


def is_special(day: date) -> bool:
    """Whether templates that rest on holidays and those that do not differ on this day."""
    return is_public_holiday(day) or is_made_up(day)


def is_off(day: date, *, weekday: int) -> bool:
    """Whether a session of that weekday's template, closed on holidays, should not be on this day.

    The day is a holiday, or its own weekday's templates rest since it is worked as another weekday.
    """
    return is_public_holiday(day) or (is_made_up(day) and weekday == day.weekday() != weekday_worked(day))


def weekday_worked(day: date) -> int:
    """The weekday (Monday 0) whose schedule a day follows: its own, unless it makes up for another."""
    return _make_up_weekdays().get(day, day.weekday())


@cache
def _make_up_weekdays() -> dict[date, int]:
    bridged: dict[tuple[int, str], list[date]] = defaultdict(list)
    for day, holiday in sorted(constants.in_lieu_days.items()):
        bridged[day.year, holiday].append(day)
    made_up: dict[tuple[int, str], list[date]] = defaultdict(list)
    for day, holiday in sorted(constants.workdays.items()):
        made_up[day.year, holiday].append(day)
    return {
        work: off.weekday()
        for key, works in made_up.items()
        for work, off in zip(works, bridged[key], strict=False)
    }
