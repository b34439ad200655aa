"""What staff send and see of weekly templates and their exceptions."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guahao.catalog.queries import DoctorLevel
from guahao.kernel.http import Body
from guahao.kernel.value.fields import ClockTime, EndTime, Room, fault
from guahao.scheduling.api_staff.schemas import (
    Clinic,
    Day,
    Places,
    Reason,
    Refusal,
    Weekday,
    check_times,
)
from guahao.scheduling.models import ExceptionKind, HolidayRule, Period, ScheduleException, ScheduleTemplate
from guahao.scheduling.service.exceptions import ExceptionRow
from guahao.scheduling.service.template_preview import PreviewedDay
from guahao.scheduling.service.templates import TemplateRow


class TemplateIn(Clinic):
    """A weekly clinic; doctor, department, weekday, period and `valid_from` name it."""

    weekday: Weekday
    valid_from: Day
    valid_until: Annotated[Day | None, Field(description="The first day without it")] = None
    on_holidays: HolidayRule = HolidayRule.CLOSED
    sells_after_end: Annotated[
        bool,
        Field(
            description="Whether sessions that stay after the end, since somebody is booked, take more people"
        ),
    ] = False

    @model_validator(mode="after")
    def _valid_some_days(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            days = {"until": self.valid_until, "start": self.valid_from}
            raise fault("until_before_from", field="valid_until", **days)
        return self

    def row(self, hospital_id: int) -> TemplateRow:
        """The row for the service."""
        own = self.model_dump(include=set(TemplateRow.__slots__))
        return TemplateRow(hospital_id=hospital_id, **own)


class TemplateEdit(TemplateIn):
    """A weekly clinic as it shall be; `version` is the one you opened."""

    version: Annotated[int, Field(ge=1)]


class TemplatePreviewIn(TemplateIn):
    """A weekly clinic to be looked at; `template_id` when it would replace an existing one."""

    template_id: UUID | None = None


class PreviewedDayOut(BaseModel):
    """One session that a template would give: new, kept since somebody touched it, or refused."""

    date: dt.date
    starts_at: datetime
    ends_at: datetime
    slots: int
    places: int
    holiday: str | None
    is_kept: bool
    refused: Refusal | None

    @classmethod
    def of(cls, day: PreviewedDay) -> PreviewedDayOut:
        """Show a day."""
        own = {name: getattr(day, name) for name in PreviewedDay.__slots__ if name != "refused"}
        return cls(**own, refused=Refusal.of(day.refused))


class TemplatePreviewOut(BaseModel):
    """The sessions of the coming days, by date."""

    items: list[PreviewedDayOut]


class TemplateOut(BaseModel):
    """A weekly clinic as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    weekday: int
    period: Period
    starts: ClockTime
    ends: EndTime
    slot_min: int
    capacity_per_slot: int
    room: str
    level: DoctorLevel
    on_holidays: HolidayRule
    valid_from: dt.date
    valid_until: dt.date | None
    own_level: bool
    sells_after_end: bool
    version: int


class TemplateSaved(TemplateOut):
    """A weekly clinic that was saved, and the coming days on which it gives no session, with the reason."""

    not_made: list[PreviewedDayOut]

    @classmethod
    def of(cls, template: ScheduleTemplate, days: list[PreviewedDay]) -> TemplateSaved:
        """Show a template that was just saved, and of the days that it would give those that are refused."""
        saved = TemplateOut.model_validate(template)
        not_made = [PreviewedDayOut.of(day) for day in days if day.refused is not None]
        return cls(**saved.model_dump(), not_made=not_made)


class ExceptionIn(Body):
    """What is different on one date, for a template, a doctor or (with neither) the whole hospital.

    `changed` needs a template, times, places and room; `substitute` a template or doctor and
    `substitute_id`; `follow_weekday` a weekday and no narrower scope.
    """

    date: Day
    kind: ExceptionKind
    reason: Reason
    template_id: UUID | None = None
    doctor_id: UUID | None = None
    substitute_id: UUID | None = None
    weekday: Weekday | None = None
    starts: ClockTime | None = None
    ends: EndTime | None = None
    capacity_per_slot: Places | None = None
    room: Room | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        change = {"starts", "ends", "capacity_per_slot", "room"}
        needed = {
            ExceptionKind.CANCELLED: set[str](),
            ExceptionKind.CHANGED: {"template_id", *change},
            ExceptionKind.SUBSTITUTE: {"substitute_id"},
            ExceptionKind.FOLLOW_WEEKDAY: {"weekday"},
        }[self.kind]
        scopes = {"template_id", "doctor_id"}
        given = {name for name, value in self if value is not None} - {"date", "kind", "reason"}
        allowed = needed if self.kind is ExceptionKind.FOLLOW_WEEKDAY else needed | scopes
        narrow = len(given & scopes)
        if narrow > 1:
            raise fault("one_scope", field="doctor_id")
        if self.kind is ExceptionKind.SUBSTITUTE and not narrow:
            needed.add("doctor_id")
        missing = needed - given
        if missing:
            raise fault("needed_here", field=min(missing))
        if given - allowed:
            raise fault("not_here", field=min(given - allowed))
        if self.starts is not None and self.ends is not None:
            check_times(self.starts, self.ends)
        return self

    def row(self, hospital_id: int) -> ExceptionRow:
        """The row for the service."""
        return ExceptionRow(hospital_id=hospital_id, **dict(self))


class ExceptionOut(BaseModel):
    """An exception as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    date: dt.date
    kind: ExceptionKind
    reason: str
    template_id: UUID | None
    doctor_id: UUID | None
    substitute_id: UUID | None
    weekday: int | None
    starts: ClockTime | None
    ends: EndTime | None
    capacity_per_slot: int | None
    room: str | None
    created_by: str
    created_at: datetime


class ExceptionMade(ExceptionOut):
    """An exception that was just made, and how many sessions of its day it makes different; perhaps none."""

    sessions_changed: int

    @classmethod
    def of(cls, exception: ScheduleException, *, sessions_changed: int) -> ExceptionMade:
        """Show an exception that was just made."""
        made = ExceptionOut.model_validate(exception)
        return cls(**made.model_dump(), sessions_changed=sessions_changed)
