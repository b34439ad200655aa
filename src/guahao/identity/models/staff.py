"""People who work on the platform or in a hospital."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class Staff(Base):
    """A member of staff; `hospital_id` is null for the platform's own people.

    Whoever was invited has no password until they choose one. `doctor_id` is the doctor of that hospital
    who uses the account: it carries the hospital's number, as all ids of a hospital do.
    """

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("username = lower(username)", name="staff_username_check"),
        CheckConstraint(
            "cardinality(roles) > 0 AND roles <@ ARRAY['platform_admin', 'hospital_admin', 'desk', 'nurse',"
            " 'doctor', 'finance', 'auditor']",
            name="staff_roles_check",
        ),
        CheckConstraint(
            "hospital_id IS NULL OR NOT roles @> ARRAY['platform_admin']", name="staff_platform_admin_check"
        ),
        CheckConstraint(
            "doctor_id IS NULL OR (hospital_id IS NOT NULL AND roles @> ARRAY['doctor'])",
            name="staff_doctor_check",
        ),
        CheckConstraint(
            "NOT (roles @> ARRAY['finance']"
            " AND roles && ARRAY['platform_admin', 'hospital_admin', 'desk', 'auditor'])"
            " AND NOT (roles @> ARRAY['auditor'] AND cardinality(roles) > 1)",
            name="staff_roles_compatible",
        ),
        Index("staff_username_key", "username", unique=True),
        Index("staff_hospital_idx", "hospital_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hospital_id: Mapped[int | None]
    username: Mapped[str]
    password_hash: Mapped[str | None]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    doctor_id: Mapped[UUID | None]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")


class StaffRecoveryCode(Base):
    """One of the codes that stand in for a lost authenticator app, each once; known by its keyed hash."""

    __tablename__ = "staff_recovery_code"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None]


class StaffInvitation(Base):
    """The code by which a member of staff chooses a password; known by its keyed hash, gone when used.

    Of a role of control two administrators hold one half each; the hash is that of both.
    """

    __tablename__ = "staff_invitation"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]


class RequestKind(StrEnum):
    """What one administrator may ask for and only another may allow."""

    CREATE_MEMBER = "create_member"
    GRANT_ROLES = "grant_roles"
    RESET_LOGIN = "reset_login"
    RESET_TOTP = "reset_totp"
    ENABLE_MEMBER = "enable_member"
    LOOSEN_CONTROL = "loosen_control"


class RequestState(StrEnum):
    """Where a request stands; one whose time is over stays open and can no longer be allowed."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ControlRequest(Base):
    """A step that needs two administrators: proposed by one, decided by another.

    `detail` holds what shall be done, as the approver reads it. `code_part_hash` is the proposer's half
    of the invitation that an approval completes; neither administrator ever knows both halves.
    """

    __tablename__ = "control_request"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('create_member', 'grant_roles', 'reset_login', 'reset_totp', 'enable_member',"
            " 'loosen_control')",
            name="control_request_kind_check",
        ),
        CheckConstraint(
            "state IN ('open', 'approved', 'rejected', 'withdrawn')", name="control_request_state_check"
        ),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="control_request_decided_check"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)"
            " AND ((state = 'withdrawn') = (decided_by = proposed_by) OR decided_by IS NULL)",
            name="control_request_two_people",
        ),
        Index(
            "control_request_open_key",
            "subject",
            "kind",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("control_request_hospital_idx", "hospital_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hospital_id: Mapped[int | None]
    kind: Mapped[RequestKind] = mapped_column(closed_set(RequestKind))
    subject: Mapped[str]
    detail: Mapped[dict[str, object]] = mapped_column(JSONB)
    code_part_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[RequestState] = mapped_column(closed_set(RequestState), server_default="open")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
