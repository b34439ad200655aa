"""The one judgement whether a place can be had, for all that is shown and for every door that takes one.

How many places are left is not judged here: the slot's row decides that when it is written.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from guahao.catalog.queries import Rules
from guahao.kernel.clock import at_local, local_date
from guahao.scheduling.models import ClosedBy, SessionState


class WhyNot(StrEnum):
    """Why a slot cannot be booked now; those of closed places are the values of `ClosedBy`."""

    NOT_RELEASED = "not-released"
    FULL = "full"
    SUSPENDED = "suspended"
    PAST = "past"
    CLOSED = "closed"
    HOSPITAL_CLOSED = ClosedBy.HOSPITAL.value
    CAMPUS_CLOSED = ClosedBy.CAMPUS.value
    DEPARTMENT_CLOSED = ClosedBy.DEPARTMENT.value
    DOCTOR_INACTIVE = ClosedBy.DOCTOR.value
    DOCTOR_NOT_IN_DEPARTMENT = ClosedBy.MEMBERSHIP.value
    LEVEL_DIFFERS = ClosedBy.LEVEL.value
    TEMPLATE_ENDED = ClosedBy.TEMPLATE.value
    OUTSIDE_WINDOW = "outside-booking-window"
    QUIET_HOURS = "booking-closed-now"
    TOO_LATE = "too-late-for-tomorrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSale:
    """What decides whether a slot is on sale, as its rows tell."""

    date: dt.date
    state: SessionState
    starts_at: datetime
    released_at: datetime
    closed_by: ClosedBy | None = None


def why_not_shown(
    slot: OnSale, rules: Rules, *, ends_at: datetime, places: int, now: datetime
) -> WhyNot | None:
    """What to show of a slot of a session that ends at `ends_at`, None where one of its places can be had.

    A session that is over is closed. Of two reasons the one that tells more: the moment of release before
    the window, and that nothing is left before the hour of the day.
    """
    if slot.state is SessionState.PUBLISHED and now >= ends_at:
        return WhyNot.CLOSED
    reason = why_not_ever(slot, rules, now=now)
    if reason is WhyNot.OUTSIDE_WINDOW and slot.released_at > now:
        return WhyNot.NOT_RELEASED
    if reason is None and places <= 0:
        return WhyNot.FULL
    return reason or why_not_by_hour(rules, date=slot.date, now=now)


def why_not_ever(slot: OnSale, rules: Rules, *, now: datetime) -> WhyNot | None:
    """Why nothing of this slot can be taken, whatever the hour of the day."""
    if slot.state is SessionState.SUSPENDED:
        return WhyNot.SUSPENDED
    if slot.state is not SessionState.PUBLISHED:
        return WhyNot.CLOSED
    if slot.starts_at <= now:
        return WhyNot.PAST
    if slot.closed_by is not None:
        return WhyNot(slot.closed_by.value)
    if is_outside_window(rules, slot.date, now=now):
        return WhyNot.OUTSIDE_WINDOW
    return WhyNot.NOT_RELEASED if slot.released_at > now else None


def is_outside_window(rules: Rules, date: dt.date, *, now: datetime) -> bool:
    """Whether a day is further ahead than the hospital takes bookings."""
    return (date - local_date(now)).days > rules.booking_window_days


def window_opens_at(rules: Rules, date: dt.date) -> datetime:
    """The moment from which a day is within the booking window."""
    return at_local(date - timedelta(days=rules.booking_window_days), time(0))


def why_not_by_hour(rules: Rules, *, date: dt.date, now: datetime) -> WhyNot | None:
    """Why nothing of this day can be booked at this hour."""
    if rules.is_quiet(now):
        return WhyNot.QUIET_HOURS
    return WhyNot.TOO_LATE if rules.is_too_late_for(date, now=now) else None
