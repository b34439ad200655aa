"""How a session looks to those who plan: what may be compared, stored and made again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import Period, SessionState
from guahao.scheduling.policy.plan import PlannedSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A session without what patients do to it; `capacities` are of its slots in time order.

    `slot_min` is the length of a full slot.
    """

    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    room: str
    level: str
    slot_min: int
    capacities: tuple[int, ...]
    release_at: datetime
    state: SessionState
    own_level: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSession:
    """A session with its look, its version and how few places each of its slots could do with."""

    id: UUID
    version: int
    look: Look
    least: tuple[int, ...]

    @property
    def is_planned(self) -> bool:
        """Whether it takes its doctor's and its room's time, and can be changed."""
        return self.look.state in (SessionState.DRAFT, SessionState.PUBLISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A session that takes a doctor's and a room's time, and how many `people` have a place in it.

    It has no id while the planner has yet to make it.
    """

    id: UUID | None
    doctor_id: UUID
    campus_id: UUID
    room: str
    starts_at: datetime
    ends_at: datetime
    people: int = 0


def neighbour_of_plan(planned: PlannedSession) -> Neighbour:
    """The time that a session to be made would take."""
    return Neighbour(
        id=None,
        doctor_id=planned.doctor_id,
        campus_id=planned.campus_id,
        room=planned.room,
        starts_at=planned.starts_at,
        ends_at=planned.ends_at,
    )


def when_text(starts_at: datetime, ends_at: datetime) -> str:
    """The time of a session in words: 11月26日 周四 08:00–12:00."""
    starts = starts_at.astimezone(CHINA)
    return text(
        "schedule.when",
        month=starts.month,
        day=starts.day,
        weekday=text("schedule.weekdays")[starts.weekday()],
        starts=f"{starts:%H:%M}",
        ends=EndTime.of(ends_at),
    )


def planned_as(look: Look, hospital_id: int, *, days_later: int = 0) -> PlannedSession:
    """The plan that makes a session of this look, some days later, outside the weekly templates."""
    later = timedelta(days=days_later)
    return PlannedSession(
        hospital_id=hospital_id,
        doctor_id=look.doctor_id,
        department_id=look.department_id,
        campus_id=look.campus_id,
        template_id=None,
        room=look.room,
        level=look.level,
        own_level=look.own_level,
        date=look.date + later,
        period=look.period,
        starts_at=look.starts_at + later,
        ends_at=look.ends_at + later,
        slot_min=look.slot_min,
        capacity_per_slot=max(look.capacities),
        capacities=look.capacities,
    )
