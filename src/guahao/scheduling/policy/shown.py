"""What people are shown of a session and a slot at one moment; follows from stored state and the clock."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum

from guahao.catalog.queries import Rules
from guahao.scheduling.models import SessionState


class ShownState(StrEnum):
    """A session's state with what the clock adds: released and closed."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RELEASED = "released"
    CLOSED = "closed"
    SUSPENDED = "suspended"


class WhyNot(StrEnum):
    """Why a slot cannot be booked now."""

    NOT_RELEASED = "not-released"
    FULL = "full"
    SUSPENDED = "suspended"
    PAST = "past"
    CLOSED = "closed"
    QUIET_HOURS = "booking-closed-now"
    TOO_LATE = "too-late-for-tomorrow"


def shown_state(state: SessionState, *, release_at: datetime, ends_at: datetime, now: datetime) -> ShownState:
    """The state to show; a session closes when it is over."""
    if state is SessionState.FINISHED or now >= ends_at:
        return ShownState.CLOSED
    if state is SessionState.PUBLISHED:
        return ShownState.RELEASED if now >= release_at else ShownState.PUBLISHED
    return ShownState(state.value)


def why_not(
    shown: ShownState,
    *,
    released_at: datetime,
    starts_at: datetime,
    free: int,
    now: datetime,
) -> WhyNot | None:
    """Why this slot cannot be booked at this moment, or None when it can."""
    if shown is ShownState.SUSPENDED:
        return WhyNot.SUSPENDED
    if shown in (ShownState.CLOSED, ShownState.DRAFT):
        return WhyNot.CLOSED
    if now >= starts_at:
        return WhyNot.PAST
    if now < released_at:
        return WhyNot.NOT_RELEASED
    return None if free > 0 else WhyNot.FULL


def why_not_by_hour(rules: Rules, *, date: dt.date, now: datetime) -> WhyNot | None:
    """Why nothing of this day can be booked at this hour."""
    if rules.is_quiet(now):
        return WhyNot.QUIET_HOURS
    return WhyNot.TOO_LATE if rules.is_too_late_for(date, now=now) else None
