"""The wall clock and the hospital's local calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """Read the wall clock; only the edges (http, jobs, CLI) may."""
    return datetime.now(UTC)


def local_date(moment: datetime) -> date:
    """The calendar day in China at this moment."""
    return moment.astimezone(CHINA).date()


def at_local(day: date, clock_time: time) -> datetime:
    """The moment of a local day and time in China, as aware UTC."""
    return datetime.combine(day, clock_time, CHINA).astimezone(UTC)


def age_on(day: date, *, birth_date: date) -> int:
    """Full years of age on `day`; a birthday counts from its own day on, that of 29 February from 1 March."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
