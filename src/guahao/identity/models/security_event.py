"""What happened to somebody's access, told to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class SecurityEventKind(StrEnum):
    """What the owner of an account, or a member of staff, is told of."""

    NEW_DEVICE = "new_device"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a kind of event, not a secret
    PHONE_LINKED = "phone_linked"
    PHONE_CHANGED = "phone_changed"
    PATIENT_RELEASED = "patient_released"
    PATIENT_CORRECTED = "patient_corrected"
    PATIENT_OVERRULED = "patient_overruled"
    """Somebody proved that the document names another person; by what name is not told."""
    SECOND_FACTOR_SET = "second_factor_set"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    ACCESS_RESET = "access_reset"


class SecurityEvent(Base):
    """One thing that happened to an account or a staff login; written in the transaction of the deed.

    Address and device are those of whoever did it, absent when somebody else's office did. `patient_id`
    is the patient whom it concerns.
    """

    __tablename__ = "security_event"
    __table_args__ = (
        CheckConstraint("num_nonnulls(account_id, staff_id) = 1", name="security_event_has_one_owner"),
        CheckConstraint("(address IS NULL) = (device IS NULL)", name="security_event_source_whole"),
        CheckConstraint(
            "kind IN ('new_device', 'password_changed', 'phone_changed', 'patient_released',"
            " 'patient_corrected', 'second_factor_set', 'second_factor_removed', 'recovery_code_used',"
            " 'access_reset', 'phone_linked', 'patient_overruled')",
            name="security_event_kind_check",
        ),
        CheckConstraint(
            "(patient_id IS NOT NULL)"
            " = (kind IN ('patient_released', 'patient_corrected', 'patient_overruled'))",
            name="security_event_patient_check",
        ),
        Index("security_event_account_idx", "account_id", "id", postgresql_where=text("staff_id IS NULL")),
        Index("security_event_staff_idx", "staff_id", "id", postgresql_where=text("account_id IS NULL")),
        Index("security_event_at_idx", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("account.id", name="security_event_account_id_fkey")
    )
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id", name="security_event_staff_id_fkey"))
    kind: Mapped[SecurityEventKind] = mapped_column(closed_set(SecurityEventKind))
    patient_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("patient.id", name="security_event_patient_id_fkey")
    )
    at: Mapped[datetime]
    address: Mapped[str | None]
    device: Mapped[str | None]
    seen_at: Mapped[datetime | None]
