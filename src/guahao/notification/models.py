"""Tables of the notification domain."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class NoticeKind(StrEnum):
    """What a message tells."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    CANCELLED_BY_HOSPITAL = "cancelled_by_hospital"
    EXPIRED = "expired"
    RESCHEDULED = "rescheduled"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    DAY_BEFORE = "day_before"
    HOURS_BEFORE = "hours_before"


class NoticeState(StrEnum):
    """How far a message is; delivery comes with its channels."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


class Notice(Base):
    """One message about one subject; a change of the subject makes a new version, never an edit."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint(
            "hospital_id", "subject", "kind", "version", name="notice_once_per_subject_kind_and_version"
        ),
        CheckConstraint("state IN ('planned', 'cancelled')", name="notice_state_known"),
        Index("notice_due_idx", "due_at", postgresql_where=text("state = 'planned'")),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None]
    patient_id: Mapped[UUID]
    subject: Mapped[str]
    kind: Mapped[NoticeKind] = mapped_column(closed_set(NoticeKind))
    version: Mapped[int]
    state: Mapped[NoticeState] = mapped_column(closed_set(NoticeState), server_default="planned")
    due_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
