"""People who work on the platform or in a hospital."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base


class Staff(Base):
    """A member of staff; `hospital_id` is null for the platform's own people."""

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
    password_hash: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    disabled_at: Mapped[datetime | None]
