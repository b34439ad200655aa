"""What people are shown of a session at one moment; follows from stored state and the clock."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from guahao.scheduling.models import SessionState


class ShownState(StrEnum):
    """A session's state with what the clock adds: released and closed."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RELEASED = "released"
    CLOSED = "closed"
    SUSPENDED = "suspended"


def shown_state(state: SessionState, *, release_at: datetime, ends_at: datetime, now: datetime) -> ShownState:
    """The state to show; a session closes when it is over."""
    if state is SessionState.FINISHED or now >= ends_at:
        return ShownState.CLOSED
    if state is SessionState.PUBLISHED:
        return ShownState.RELEASED if now >= release_at else ShownState.PUBLISHED
    return ShownState(state.value)
