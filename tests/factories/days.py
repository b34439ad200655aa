"""Days of tests, read when a test runs: a run may begin before midnight in China and end after it."""

from __future__ import annotations

from datetime import date

from guahao.kernel.clock import local_date, utc_now


def today() -> date:
    return local_date(utc_now())


def years_before(day: date, years: int) -> date:
    """The birth date of somebody who is exactly `years` old on `day`; of 29 February the day before."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - years, day=28 if is_leap_day else day.day)
