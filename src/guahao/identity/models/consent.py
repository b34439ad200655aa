"""What people agreed to, in which words, when and where."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class ConsentKind(StrEnum):
    """The texts that are agreed to, each on its own."""

    PRIVACY = "privacy"
    SERVICE = "service"
    SENSITIVE_PERSONAL_INFORMATION = "sensitive_personal_information"
    CHILD_SENSITIVE = "child_sensitive"


class ConsentChannel(StrEnum):
    """Where the agreement was given."""

    ONLINE = "online"
    COUNTER = "counter"


class ConsentEnd(StrEnum):
    """Why an agreement no longer stands."""

    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Consent(Base):
    """One agreement: by an account, or at the counter by a patient without one.

    `patient_id` is the child (for `child_sensitive`) or the patient at the counter.
    """

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('privacy', 'service', 'sensitive_personal_information', 'child_sensitive')",
            name="consent_kind_check",
        ),
        CheckConstraint("channel IN ('online', 'counter')", name="consent_channel_check"),
        CheckConstraint("ending IN ('withdrawn', 'superseded')", name="consent_ending_check"),
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="consent_end_check"),
        CheckConstraint("account_id IS NOT NULL OR patient_id IS NOT NULL", name="consent_giver_check"),
        Index(
            "consent_account_kind_key",
            "account_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL AND patient_id IS NULL"),
        ),
        Index(
            "consent_patient_kind_key",
            "patient_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL AND patient_id IS NOT NULL"),
        ),
        Index("consent_account_idx", "account_id", "given_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", name="consent_account_id_fkey"))
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id", name="consent_patient_id_fkey"))
    kind: Mapped[ConsentKind] = mapped_column(closed_set(ConsentKind))
    version: Mapped[int]
    text_hash: Mapped[bytes] = mapped_column(LargeBinary)
    channel: Mapped[ConsentChannel] = mapped_column(closed_set(ConsentChannel))
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id", name="consent_staff_id_fkey"))
    given_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    ending: Mapped[ConsentEnd | None] = mapped_column(closed_set(ConsentEnd))
