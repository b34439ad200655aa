"""Tables of the audit trail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json


class AuditEntryRow(Base):
    """One deed; a trigger refuses UPDATE, DELETE and TRUNCATE."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_subject_idx", "hospital_id", "subject"),
        Index("audit_entry_actor_idx", "hospital_id", "actor", "id"),
        Index("audit_entry_action_idx", "hospital_id", "action", "id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    data: Mapped[Json]


class AuditUnsealed(Base):
    """In-tray of the sealer, filled by a trigger on audit_entry, emptied when an entry is chained."""

    __tablename__ = "audit_unsealed"

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditSeal(Base):
    """One link of a hospital's chain; append-only like the entries."""

    __tablename__ = "audit_seal"
    __table_args__ = (
        UniqueConstraint("hospital_id", "entry_id", name="audit_seal_entry_key"),
        ForeignKeyConstraint(
            ["hospital_id", "entry_id"],
            ["audit_entry.hospital_id", "audit_entry.id"],
            name="audit_seal_entry_fkey",
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class AuditAnchor(Base):
    """The head of a chain at some moment; the same stands in a file, and where else it was sent."""

    __tablename__ = "audit_anchor"

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    anchored_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class RefusedAction(StrEnum):
    """What was refused, as an action of the trail."""

    LOGIN = "login.refused"
    """A password, a code, a second factor or an invitation that was not right, or one too many of them."""
    REQUEST = "request.refused"
    """A request of staff for what they may not do, another hospital's or nobody's, or around a control."""
    SIGNATURE = "signature.refused"
    """A notification that no provider has signed."""


class RefusalCount(Base):
    """How often in one minute somebody was refused, until it is an entry and a day old."""

    __tablename__ = "refusal_count"
    __table_args__ = (
        CheckConstraint("count > 0", name="refusal_count_positive"),
        Index("refusal_count_unrecorded_idx", "minute", postgresql_where=text("recorded_at IS NULL")),
        Index("refusal_count_minute_idx", "minute"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    recorded_at: Mapped[datetime | None]
