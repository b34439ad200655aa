"""A hospital's booking rules: every value, its default and its range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from msgspec import Meta

from guahao.kernel.clock import CHINA, at_local, local_date

Percent = Annotated[int, Meta(ge=0, le=100)]
Hours = Annotated[int, Meta(ge=0, le=168)]
HoldMinutes = Annotated[int, Meta(ge=5, le=30)]
DayMinutes = Annotated[int, Meta(ge=0, le=1440)]
DaysAhead = Annotated[int, Meta(ge=0, le=7)]
Window = Annotated[int, Meta(ge=1, le=730)]
Days = Annotated[int, Meta(ge=1, le=365)]
Count = Annotated[int, Meta(ge=1, le=100)]
Places = Annotated[int, Meta(ge=1, le=20)]
Age = Annotated[int, Meta(ge=50, le=120)]


UNTOLD = frozenset({"remind_first_h", "remind_second_h"})
"""Rules that messages are planned by, told and offered nowhere until messages are delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One hospital's rules; percentages are of a slot's or session's capacity.

    Only `rules_from` checks the ranges; this constructor checks how values fit together
    and raises ValueError naming the first field at fault.
    """

    # Release 放号
    slot_min: Annotated[int, Meta(ge=5, le=30)] = 30
    booking_window_days: Annotated[int, Meta(ge=0, le=60)] = 14
    release_time: time = time(7)
    release_jitter_s: Annotated[int, Meta(ge=0, le=600)] = 0
    quiet_from: time | None = None
    quiet_until: time | None = None
    next_day_stop_time: time | None = None

    # Hold and cancel
    hold_min: HoldMinutes = 15
    same_day_hold_min: HoldMinutes = 10
    cancel_deadline_days_before: DaysAhead = 1
    cancel_deadline_time: time | None = None
    """Local time on the deadline's day; None is its 24:00."""
    late_cancel_counts: bool = True
    cooling_min_min: DayMinutes = 5
    cooling_max_min: DayMinutes = 120
    cooling_stops_min_before: DayMinutes = 30

    # Limits of one patient
    per_day_departments: Count = 3
    per_day_hospital: Count = 2
    per_week: Count = 5
    per_30_days: Count = 8
    unpaid_per_day: Count = 3
    moves_per_day: Count = 3
    cancel_pause_count: Count = 3
    cancel_pause_window_days: Window = 30
    cancel_pause_days: Days = 7

    # Pools
    elderly_percent: Percent = 10
    elderly_age_years: Age = 60
    elderly_returns_min: DayMinutes = 60
    referral_percent: Percent = 20
    referral_returns_h: Hours = 24
    desk_percent: Percent = 0
    desk_returns_min: DayMinutes = 60
    second_release_percent: Percent = 0
    second_release_days_before: DaysAhead = 1
    second_release_time: time = time(15)
    addon_percent: Percent = 10

    # Day of the visit
    check_in_opens_min: DayMinutes = 30

    # Reminders, retention
    remind_first_h: Annotated[int, Meta(ge=3, le=72)] = 24
    remind_second_h: Annotated[int, Meta(ge=1, le=12)] = 2
    keep_record_years: Annotated[int, Meta(ge=15, le=100)] = 15

    def __post_init__(self) -> None:
        """Check how the values fit together."""
        for field, fits in (
            ("quiet_until", (self.quiet_from is None) == (self.quiet_until is None)),
            ("quiet_until", self.quiet_from is None or self.quiet_from != self.quiet_until),
            ("cooling_max_min", self.cooling_min_min <= self.cooling_max_min),
            ("second_release_percent", _shared_percent(self) <= 100),
            ("second_release_days_before", _second_release_is_later(self)),
            ("remind_second_h", self.remind_second_h < self.remind_first_h),
            ("per_30_days", self.per_week <= self.per_30_days),
            ("release_time", _has_no_zone(self)),
        ):
            if not fits:
                raise ValueError(field)

    def cancel_deadline(self, day: date) -> datetime:
        """The first moment at which cancelling a visit on this local day counts as late."""
        deadline_day = day - timedelta(days=self.cancel_deadline_days_before)
        if self.cancel_deadline_time is None:
            return at_local(deadline_day + timedelta(days=1), time(0))
        return at_local(deadline_day, self.cancel_deadline_time)

    def is_quiet(self, now: datetime) -> bool:
        """Whether the hospital takes no bookings at this hour; the quiet hours may run over midnight."""
        start, end = self.quiet_from, self.quiet_until
        if start is None or end is None:
            return False
        moment = now.astimezone(CHINA).time()
        return start <= moment < end if start <= end else moment >= start or moment < end

    def is_too_late_for(self, day: date, *, now: datetime) -> bool:
        """Whether booking for this local day has stopped: it is tomorrow and the stop time has come."""
        is_tomorrow = day - local_date(now) == timedelta(days=1)
        stop = self.next_day_stop_time
        return is_tomorrow and stop is not None and now.astimezone(CHINA).time() >= stop

    def release_at(self, day: date) -> datetime:
        """When the places of this local day go on sale, before any jitter."""
        return at_local(day - timedelta(days=self.booking_window_days), self.release_time)


def _shared_percent(rules: Rules) -> int:
    return rules.elderly_percent + rules.referral_percent + rules.desk_percent + rules.second_release_percent


def _second_release_is_later(rules: Rules) -> bool:
    first = (-rules.booking_window_days, rules.release_time)
    second = (-rules.second_release_days_before, rules.second_release_time)
    return rules.second_release_percent == 0 or first < second


def _has_no_zone(rules: Rules) -> bool:
    values = [getattr(rules, name) for name in rules.__slots__]
    return not any(isinstance(value, time) and value.tzinfo for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A published version of a hospital's rules."""

    hospital_id: int
    version: int
    effective_from: datetime
    rules: Rules
