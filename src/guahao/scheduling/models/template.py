"""Tables of weekly templates, their exceptions, add-on places and the materialising clock."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import column

from guahao.kernel.db import Base, closed_set
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models.ends import EndColumn
from guahao.scheduling.models.place import Period

_MINUTES = "int4range((extract(epoch FROM starts)/60)::int, (extract(epoch FROM ends)/60)::int)"
_DAYS = "daterange(valid_from, valid_until)"


class HolidayRule(StrEnum):
    """What a template does on public holidays."""

    CLOSED = "closed"
    """No session on public holidays; make-up working days follow the weekday they make up for."""
    OPEN = "open"
    """Every week, whatever the calendar says."""


class ExceptionKind(StrEnum):
    """What is different on one date."""

    CANCELLED = "cancelled"
    CHANGED = "changed"
    SUBSTITUTE = "substitute"
    FOLLOW_WEEKDAY = "follow_weekday"


class ScheduleTemplate(Base):
    """A doctor's weekly clinic; dated sessions are made from it ahead of time."""

    __tablename__ = "schedule_template"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        ForeignKeyConstraint(["hospital_id", "department_id"], ["department.hospital_id", "department.id"]),
        ForeignKeyConstraint(["hospital_id", "campus_id"], ["campus.hospital_id", "campus.id"]),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="schedule_template_weekday_known"),
        CheckConstraint("starts < ends", name="schedule_template_ends_after_start"),
        CheckConstraint("slot_min BETWEEN 5 AND 30", name="schedule_template_slot_length"),
        CheckConstraint("capacity_per_slot BETWEEN 1 AND 100", name="schedule_template_capacity"),
        CheckConstraint("level IN ('general', 'expert', 'special')", name="schedule_template_level_known"),
        CheckConstraint("valid_from < valid_until", name="schedule_template_valid_some_days"),
        CheckConstraint("room <> ''", name="schedule_template_room_given"),
        CheckConstraint("on_holidays IN ('closed', 'open')", name="schedule_template_holidays_known"),
        CheckConstraint(
            "period IN ('morning', 'afternoon', 'evening')", name="schedule_template_period_known"
        ),
        ExcludeConstraint(
            (column("hospital_id"), "="),
            (column("doctor_id"), "="),
            (column("weekday"), "="),
            (text(_MINUTES), "&&"),
            (text(_DAYS), "&&"),
            name="schedule_template_doctor_in_one_place",
            using="gist",
            deferrable=True,
        ),
        ExcludeConstraint(
            (column("hospital_id"), "="),
            (column("campus_id"), "="),
            (column("room"), "="),
            (column("weekday"), "="),
            (text(_MINUTES), "&&"),
            (text(_DAYS), "&&"),
            name="schedule_template_room_used_once",
            using="gist",
            deferrable=True,
        ),
        Index(
            "schedule_template_natural_key",
            "hospital_id",
            "doctor_id",
            "department_id",
            "weekday",
            "period",
            "valid_from",
            unique=True,
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    doctor_id: Mapped[UUID]
    department_id: Mapped[UUID]
    campus_id: Mapped[UUID]
    weekday: Mapped[int]
    period: Mapped[Period] = mapped_column(closed_set(Period))
    starts: Mapped[dt.time]
    ends: Mapped[EndTime] = mapped_column(EndColumn)
    slot_min: Mapped[int]
    capacity_per_slot: Mapped[int]
    room: Mapped[str]
    level: Mapped[str]
    on_holidays: Mapped[HolidayRule] = mapped_column(closed_set(HolidayRule))
    valid_from: Mapped[dt.date]
    valid_until: Mapped[dt.date | None]
    own_level: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether the office chose a level that is not the doctor's."""
    sells_after_end: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether sessions that stay after the template's end, since somebody is booked, take more people."""
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ScheduleException(Base):
    """What is different on one date, for one template, one doctor or the whole hospital."""

    __tablename__ = "schedule_exception"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hospital_id", "template_id"], ["schedule_template.hospital_id", "schedule_template.id"]
        ),
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        ForeignKeyConstraint(["hospital_id", "substitute_id"], ["doctor.hospital_id", "doctor.id"]),
        CheckConstraint(
            "kind IN ('cancelled', 'changed', 'substitute', 'follow_weekday')",
            name="schedule_exception_kind_known",
        ),
        CheckConstraint("template_id IS NULL OR doctor_id IS NULL", name="schedule_exception_one_scope"),
        CheckConstraint(
            "kind <> 'changed' OR (template_id IS NOT NULL AND starts IS NOT NULL AND ends IS NOT NULL"
            " AND capacity_per_slot IS NOT NULL AND room IS NOT NULL"
            " AND starts < ends AND capacity_per_slot BETWEEN 1 AND 100 AND room <> '')",
            name="schedule_exception_change_complete",
        ),
        CheckConstraint(
            "kind <> 'substitute' OR (substitute_id IS NOT NULL"
            " AND coalesce(template_id, doctor_id) IS NOT NULL)",
            name="schedule_exception_substitute_named",
        ),
        CheckConstraint(
            "kind <> 'follow_weekday' OR (weekday IS NOT NULL AND weekday BETWEEN 0 AND 6"
            " AND coalesce(template_id, doctor_id) IS NULL)",
            name="schedule_exception_weekday_named",
        ),
        Index(
            "schedule_exception_scope_key",
            "hospital_id",
            "date",
            "template_id",
            "doctor_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    date: Mapped[dt.date]
    kind: Mapped[ExceptionKind] = mapped_column(closed_set(ExceptionKind))
    template_id: Mapped[UUID | None]
    doctor_id: Mapped[UUID | None]
    substitute_id: Mapped[UUID | None]
    weekday: Mapped[int | None]
    starts: Mapped[dt.time | None]
    ends: Mapped[EndTime | None] = mapped_column(EndColumn)
    capacity_per_slot: Mapped[int | None]
    room: Mapped[str | None]
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SessionAddon(Base):
    """Add-on places of a slot: who allowed them, for which doctor, and why."""

    __tablename__ = "session_addon"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "slot_id"], ["slot.hospital_id", "slot.id"]),
        CheckConstraint("places > 0", name="session_addon_adds_something"),
        CheckConstraint("reason <> ''", name="session_addon_has_reason"),
        Index("session_addon_session_idx", "hospital_id", "session_id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    slot_id: Mapped[UUID]
    doctor_id: Mapped[UUID]
    places: Mapped[int]
    reason: Mapped[str]
    added_by: Mapped[str]
    added_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ScheduleClock(Base):
    """When a hospital's sessions are next made from its templates; one row a hospital."""

    __tablename__ = "schedule_clock"
    __table_args__ = (Index("schedule_clock_due_idx", "due_at"),)

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
