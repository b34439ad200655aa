"""Tables of the audit trail."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
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
