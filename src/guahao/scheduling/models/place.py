"""Tables of dated sessions, their slots, and the log of every place that moved."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import column, func

from guahao.kernel.db import Base, closed_set
from guahao.kernel.sex import Sex


class Period(StrEnum):
    """Part of the day a session belongs to."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class SessionState(StrEnum):
    """How a session stands; released and closed follow from the clock and are not stored.

    SUSPENDED is never written: it stands as long as the session has an open `Suspension`.
    """

    DRAFT = "draft"
    PUBLISHED = "published"
    SUSPENDED = "suspended"
    FINISHED = "finished"


class Bucket(StrEnum):
    """Where a place is; the counters of a slot, one column each."""

    FREE = "free"
    HELD = "held"
    BOOKED = "booked"
    DESK = "desk"
    ELDERLY = "elderly"
    REFERRAL = "referral"
    LATER = "later"
    COOLING = "cooling"
    FROZEN = "frozen"


RESERVES = (Bucket.DESK, Bucket.ELDERLY, Bucket.REFERRAL, Bucket.LATER)
"""Pools kept from open sale until their return time."""


class ClosedBy(StrEnum):
    """Why nothing of a session can be taken, although it is published; also the codes of refusals."""

    HOSPITAL = "hospital-closed"
    CAMPUS = "campus-closed"
    DEPARTMENT = "department-closed"
    """The department or one above it."""
    DOCTOR = "doctor-inactive"
    MEMBERSHIP = "doctor-not-in-department"
    LEVEL = "level-differs"
    """The doctor's level is another one, and nobody chose the session's level knowing that."""
    TEMPLATE = "template-ended"


class ClinicSession(Base):
    """One doctor in one room for one stretch of one day."""

    __tablename__ = "clinic_session"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        ForeignKeyConstraint(["hospital_id", "department_id"], ["department.hospital_id", "department.id"]),
        ForeignKeyConstraint(["hospital_id", "campus_id"], ["campus.hospital_id", "campus.id"]),
        CheckConstraint("starts_at < ends_at", name="clinic_session_ends_after_start"),
        CheckConstraint("fee_fen >= 0", name="clinic_session_fee_not_negative"),
        CheckConstraint("last_number >= 0", name="clinic_session_number_not_negative"),
        CheckConstraint(
            "lifecycle IN ('draft', 'published', 'finished')", name="clinic_session_lifecycle_known"
        ),
        # a session points to a suspension of its own that is open, or to none
        ForeignKeyConstraint(
            ["hospital_id", "id", "suspension_id"],
            ["suspension.hospital_id", "suspension.session_id", "suspension.open_id"],
            name="clinic_session_suspension_is_open",
            use_alter=True,
        ),
        ExcludeConstraint(
            (column("hospital_id"), "="),
            (column("doctor_id"), "="),
            (func.tstzrange(column("starts_at"), column("ends_at"), type_=TSTZRANGE), "&&"),
            name="clinic_session_doctor_in_one_place",
            using="gist",
            where=text("state IN ('draft', 'published')"),
        ),
        ExcludeConstraint(
            (column("hospital_id"), "="),
            (column("campus_id"), "="),
            (column("room"), "="),
            (func.tstzrange(column("starts_at"), column("ends_at"), type_=TSTZRANGE), "&&"),
            name="clinic_session_room_used_once",
            using="gist",
            where=text("state IN ('draft', 'published')"),
        ),
        Index("clinic_session_doctor_date_idx", "hospital_id", "doctor_id", "date"),
        Index("clinic_session_department_date_idx", "hospital_id", "department_id", "date"),
        Index("clinic_session_date_idx", "hospital_id", "date"),
        Index("clinic_session_template_date_key", "hospital_id", "template_id", "date", unique=True),
        Index("clinic_session_unfinished_idx", "ends_at", postgresql_where=text("lifecycle <> 'finished'")),
    )
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as SQLAlchemy declares it

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    doctor_id: Mapped[UUID]
    department_id: Mapped[UUID]
    campus_id: Mapped[UUID]
    template_id: Mapped[UUID | None]
    room: Mapped[str]
    level: Mapped[str]
    date: Mapped[dt.date]
    period: Mapped[Period] = mapped_column(closed_set(Period))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    release_at: Mapped[datetime]
    fee_fen: Mapped[int]
    own_level: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether the office chose a level that is not the doctor's."""
    lifecycle: Mapped[SessionState] = mapped_column(closed_set(SessionState))
    """Draft, published or finished, whatever a suspension says."""
    suspension_id: Mapped[UUID | None]
    """The open suspension, if there is one."""
    state: Mapped[SessionState] = mapped_column(
        closed_set(SessionState),
        Computed("CASE WHEN suspension_id IS NOT NULL THEN 'suspended' ELSE lifecycle END", persisted=True),
    )
    """What follows from both; the database computes it."""
    sex_limit: Mapped[Sex | None] = mapped_column(closed_set(Sex))
    min_age_years: Mapped[int | None]
    max_age_years: Mapped[int | None]
    last_number: Mapped[int] = mapped_column(server_default="0")
    suspended_reason: Mapped[str | None]
    """Of the open suspension, as patients read it."""
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Suspension(Base):
    """One time a session was called off; it ends when it is lifted, and nothing else changes it."""

    __tablename__ = "suspension"
    __table_args__ = (
        UniqueConstraint("hospital_id", "session_id", "open_id", name="suspension_open_key"),
        ForeignKeyConstraint(
            ["hospital_id", "session_id"], ["clinic_session.hospital_id", "clinic_session.id"]
        ),
        CheckConstraint("num_nonnulls(lifted_at, lifted_by) IN (0, 2)", name="suspension_lifted_whole"),
        Index(
            "suspension_one_open",
            "hospital_id",
            "session_id",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - as SQLAlchemy declares it

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    reason: Mapped[str]
    """In words that patients read."""
    suspended_by: Mapped[str]
    """Who called it off, an audit actor."""
    suspended_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[datetime | None]
    open_id: Mapped[UUID | None] = mapped_column(
        Computed("CASE WHEN lifted_at IS NULL THEN id END", persisted=True)
    )
    """Its id while it is open: what a session can point to."""


class Slot(Base):
    """At most 30 minutes of a session, with its own places; the place law is a CHECK on every row."""

    __tablename__ = "slot"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hospital_id", "session_id"], ["clinic_session.hospital_id", "clinic_session.id"]
        ),
        CheckConstraint(
            "capacity + addons = free + held + booked + desk + elderly + referral + later + cooling + frozen",
            name="slot_place_law",
        ),
        CheckConstraint(
            "least(capacity, addons, free, held, booked, desk, elderly, referral, later, cooling, frozen)"
            " >= 0",
            name="slot_no_negative_count",
        ),
        CheckConstraint(
            "ends_at > starts_at AND ends_at <= starts_at + interval '30 minutes'",
            name="slot_at_most_30_minutes",
        ),
        CheckConstraint(
            "closed_by IN ('hospital-closed', 'campus-closed', 'department-closed', 'doctor-inactive',"
            " 'doctor-not-in-department', 'level-differs', 'template-ended')",
            name="slot_closed_by_known",
        ),
        Index("slot_closed_idx", "hospital_id", "session_id", postgresql_where=text("closed_by IS NOT NULL")),
        Index("slot_session_idx", "hospital_id", "session_id", "starts_at", unique=True),
        Index(
            "slot_reserve_idx",
            "starts_at",
            postgresql_where=text("desk + elderly + referral + later > 0"),
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    released_at: Mapped[datetime]
    capacity: Mapped[int]
    addons: Mapped[int] = mapped_column(server_default="0")
    free: Mapped[int]
    held: Mapped[int] = mapped_column(server_default="0")
    booked: Mapped[int] = mapped_column(server_default="0")
    desk: Mapped[int] = mapped_column(server_default="0")
    elderly: Mapped[int] = mapped_column(server_default="0")
    referral: Mapped[int] = mapped_column(server_default="0")
    later: Mapped[int] = mapped_column(server_default="0")
    cooling: Mapped[int] = mapped_column(server_default="0")
    frozen: Mapped[int] = mapped_column(server_default="0")
    desk_returns_at: Mapped[datetime | None]
    elderly_returns_at: Mapped[datetime | None]
    referral_returns_at: Mapped[datetime | None]
    later_returns_at: Mapped[datetime | None]
    moves: Mapped[int] = mapped_column(server_default="0")
    closed_by: Mapped[ClosedBy | None] = mapped_column(closed_set(ClosedBy))
    """Kept by triggers on the catalogue (`close_places`), in the transaction that closes or opens."""


class PlaceLog(Base):
    """Append-only: one row for each place that moved, in the order in which the slot's row was locked.

    `seq` is dense per slot, so that a gap or a lost move shows; `source` is null where an add-on place
    was made. Replaying the log from the slot's creation gives its counters.
    """

    __tablename__ = "place_log"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "slot_id"], ["slot.hospital_id", "slot.id"]),
        CheckConstraint("places > 0", name="place_log_moves_something"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    reason: Mapped[str]
    appointment_id: Mapped[UUID | None]
    source: Mapped[Bucket | None] = mapped_column(closed_set(Bucket))
    target: Mapped[Bucket] = mapped_column(closed_set(Bucket))
    places: Mapped[int] = mapped_column(server_default="1")


class CoolingPlace(Base):
    """A returned place that goes back on sale at a time nobody can guess."""

    __tablename__ = "cooling_place"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "slot_id"], ["slot.hospital_id", "slot.id"]),
        Index("cooling_place_until_idx", "until"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_id: Mapped[UUID]
    until: Mapped[datetime]
