"""People who work on the platform or in a hospital."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base


class Staff(Base):
    """A member of staff; `hospital_id` is null for the platform's own people.

    Whoever was invited has no password until they choose one.
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
        Index("staff_username_key", "username", unique=True),
        Index("staff_hospital_idx", "hospital_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hospital_id: Mapped[int | None]
    username: Mapped[str]
    password_hash: Mapped[str | None]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
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
    """The code by which a member of staff chooses a password; known by its keyed hash, gone when used."""

    __tablename__ = "staff_invitation"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
