"""Tables of changes to many sessions at once: seen before they happen, undone while they may be."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class ChangeKind(StrEnum):
    """What is done to the sessions."""

    COPY_WEEK = "copy_week"
    SET = "set"
    PUBLISH = "publish"
    REMOVE = "remove"


class ChangeState(StrEnum):
    """How far a change has come."""

    PROPOSED = "proposed"
    APPLIED = "applied"
    UNDONE = "undone"


class ScheduleChange(Base):
    """One change to many sessions, as asked for, with who did what when."""

    __tablename__ = "schedule_change"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('copy_week', 'set', 'publish', 'remove')", name="schedule_change_kind_known"
        ),
        CheckConstraint("state IN ('proposed', 'applied', 'undone')", name="schedule_change_state_known"),
        CheckConstraint(
            "(state = 'proposed') = (applied_by IS NULL) AND (applied_by IS NULL) = (applied_at IS NULL)",
            name="schedule_change_applied_by_somebody",
        ),
        CheckConstraint(
            "(state = 'undone') = (undone_by IS NOT NULL) AND (undone_by IS NULL) = (undone_at IS NULL)",
            name="schedule_change_undone_by_somebody",
        ),
        CheckConstraint("least(possible, refused) >= 0", name="schedule_change_counts"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[ChangeKind] = mapped_column(closed_set(ChangeKind))
    state: Mapped[ChangeState] = mapped_column(closed_set(ChangeState))
    asked: Mapped[Json]
    possible: Mapped[int]
    refused: Mapped[int]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    applied_by: Mapped[str | None]
    applied_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class ScheduleChangeItem(Base):
    """What a change means for one session: how it looks before and after, or why it cannot be.

    `session_id` of a copy is known once it is made; `version` is the session's after the change.
    """

    __tablename__ = "schedule_change_item"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hospital_id", "change_id"],
            ["schedule_change.hospital_id", "schedule_change.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "before IS NOT NULL OR after IS NOT NULL", name="schedule_change_item_about_something"
        ),
        CheckConstraint(
            "(refused_code IS NULL) = (refused_data IS NULL)", name="schedule_change_item_refused_fully"
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    session_id: Mapped[UUID | None]
    version: Mapped[int | None]
    before: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    refused_code: Mapped[str | None]
    refused_data: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
