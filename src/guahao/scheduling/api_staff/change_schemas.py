"""What staff send and see of changes to many sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field, RootModel, model_validator

from guahao.catalog.queries import DoctorLevel
from guahao.kernel.errors import REGISTRY
from guahao.kernel.http import Body
from guahao.kernel.value.fields import ClockTime, Room, fault
from guahao.scheduling.api_staff.schemas import Day, Places, Refusal
from guahao.scheduling.models import (
    ChangeKind,
    ChangeState,
    Period,
    ScheduleChange,
    ScheduleChangeItem,
    SessionState,
)
from guahao.scheduling.policy.change import Wish
from guahao.scheduling.policy.sight import Look
from guahao.scheduling.queries.seen import Selection
from guahao.scheduling.service.schedule_change import Asked

_MOST_DAYS = 42
_WEEK = timedelta(days=6)

Ids = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=1000)]


class _Of(Body):
    department_id: UUID | None = None
    doctor_ids: Ids | None = None


class CopyWeek(_Of):
    """Copy the sessions of one week into another as drafts; both are given by their Mondays."""

    kind: Literal["copy_week"]
    from_week: Day
    to_week: Day
    with_holidays: Annotated[bool, Field(description="Also on days that are public holidays")] = False

    @model_validator(mode="after")
    def _two_mondays(self) -> Self:
        if self.from_week.weekday() or self.to_week.weekday() or self.from_week == self.to_week:
            raise fault("two_mondays", field="from_week" if self.from_week.weekday() else "to_week")
        return self

    def asked(self) -> Asked:
        """The change for the service."""
        return Asked(
            kind=ChangeKind.COPY_WEEK,
            selection=Selection(
                since=self.from_week,
                until=self.from_week + _WEEK,
                department_id=self.department_id,
                doctor_ids=self.doctor_ids,
            ),
            days_later=(self.to_week - self.from_week).days,
            with_holidays=self.with_holidays,
        )


class _Selected(_Of):
    since: Annotated[Day, Field(alias="from")]
    until: Annotated[Day, Field(alias="to")]
    session_ids: Ids | None = None

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        if not 0 <= (self.until - self.since).days < _MOST_DAYS:
            raise fault("range_days", field="to", days=_MOST_DAYS)
        return self

    def selection(self) -> Selection:
        """Which sessions."""
        return Selection(
            since=self.since,
            until=self.until,
            department_id=self.department_id,
            doctor_ids=self.doctor_ids,
            session_ids=self.session_ids,
        )


class SetAlike(_Selected):
    """Give the selected sessions the same room, places of a full slot, or release; what is left out stays."""

    kind: Literal["set"]
    room: Room | None = None
    capacity_per_slot: Places | None = None
    release_days_before: Annotated[int, Field(ge=0, le=365)] | None = None
    release_time: ClockTime | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if (self.release_days_before is None) != (self.release_time is None):
            missing = "release_time" if self.release_time is None else "release_days_before"
            raise fault("together", field=missing)
        if self.room is None and self.capacity_per_slot is None and self.release_time is None:
            raise fault("nothing_to_set", field="room")
        return self

    def asked(self) -> Asked:
        """The change for the service."""
        wish = Wish(
            room=self.room,
            capacity_per_slot=self.capacity_per_slot,
            release_days_before=self.release_days_before,
            release_time=self.release_time,
        )
        return Asked(kind=ChangeKind.SET, selection=self.selection(), wish=wish)


class PublishDrafts(_Selected):
    """Put the selected drafts on sale."""

    kind: Literal["publish"]

    def asked(self) -> Asked:
        """The change for the service."""
        return Asked(kind=ChangeKind.PUBLISH, selection=self.selection())


class RemoveDrafts(_Selected):
    """Take the selected drafts away."""

    kind: Literal["remove"]

    def asked(self) -> Asked:
        """The change for the service."""
        return Asked(kind=ChangeKind.REMOVE, selection=self.selection())


class ScheduleChangeIn(
    RootModel[Annotated[CopyWeek | SetAlike | PublishDrafts | RemoveDrafts, Field(discriminator="kind")],]
):
    """A change to many sessions."""


class LookOut(BaseModel):
    """How a session looks; `capacities` are of its slots in time order."""

    doctor_id: UUID
    department_id: UUID
    date: dt.date
    period: Period
    starts_at: datetime
    ends_at: datetime
    room: str
    level: DoctorLevel
    capacities: list[int]
    release_at: datetime
    state: SessionState

    @classmethod
    def of(cls, stored: Mapping[str, object] | None) -> LookOut | None:
        """Show a stored look."""
        if stored is None:
            return None
        look = msgspec.convert(stored, Look)
        return cls(**{name: getattr(look, name) for name in cls.model_fields})


class ScheduleChangeItemOut(BaseModel):
    """One session of a change: as it is, as it would be, or why not."""

    session_id: UUID | None
    before: LookOut | None
    after: LookOut | None
    refused: Refusal | None

    @classmethod
    def of(cls, item: ScheduleChangeItem) -> ScheduleChangeItemOut:
        """Show an item."""
        problem = REGISTRY[item.refused_code](**item.refused_data or {}) if item.refused_code else None
        return cls(
            session_id=item.session_id,
            before=LookOut.of(item.before),
            after=LookOut.of(item.after),
            refused=Refusal.of(problem),
        )


class ScheduleChangeOut(BaseModel):
    """A change with how many sessions it is possible for, and who did what when."""

    id: UUID
    kind: ChangeKind
    state: ChangeState
    possible: int
    refused: int
    since: dt.date
    until: dt.date
    days_later: int
    proposed_by: str
    proposed_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    undone_by: str | None
    undone_at: datetime | None

    @classmethod
    def of(cls, change: ScheduleChange, names: Mapping[str, str]) -> ScheduleChangeOut:
        """Show a change; people are shown by name where it is known."""
        asked = msgspec.convert(change.asked, Asked)
        people = {f"{deed}_by": getattr(change, f"{deed}_by") for deed in ("proposed", "applied", "undone")}
        plain = ("id", "kind", "state", "possible", "refused", "proposed_at", "applied_at", "undone_at")
        return cls(
            **{name: getattr(change, name) for name in plain},
            **{role: by and names.get(by, by) for role, by in people.items()},
            since=asked.selection.since,
            until=asked.selection.until,
            days_later=asked.days_later,
        )


class ChangeWithItems(BaseModel):
    """A change and what it means for each session."""

    change: ScheduleChangeOut
    items: list[ScheduleChangeItemOut]
