"""Members of staff, logged in."""

from __future__ import annotations

import secrets
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import Role
from guahao.identity.service.login import open_staff_login
from guahao.identity.service.staff import NewMember, create_staff
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id

PASSWORD_HASH = "$argon2id$v=19$m=47104,t=1,p=1$unusable$unusable"


async def make_staff(
    db: AsyncSession, *roles: Role, hospital_id: int | None = None, doctor_id: UUID | None = None
) -> Staff:
    """A member of staff of a hospital, or of the platform, whose password opens nothing.

    A doctor's account without `doctor_id` is one of before the rule that it needs a doctor.
    """
    new = NewMember(
        hospital_id=hospital_id,
        username=f"staff_{secrets.token_hex(6)}",
        name="王工",
        roles=roles,
        doctor_id=new_id(hospital_id) if Role.DOCTOR in roles and hospital_id else None,
    )
    member = await create_staff(db, actor="system", new=new)
    member.password_hash, member.doctor_id = PASSWORD_HASH, doctor_id
    await db.flush()
    return member


async def staff_header(db: AsyncSession, staff_id: UUID) -> dict[str, str]:
    """The header of a fresh login of this member."""
    login = await open_staff_login(db, staff_id=staff_id, device="test", address="203.0.113.7", now=utc_now())
    return {"Authorization": f"Bearer {login.token}"}
