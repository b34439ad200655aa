"""Members of staff as administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Login
from guahao.identity.models.staff import Staff, StaffRecoveryCode


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLogin:
    """A login as its owner sees it on every page: under which name, and until when."""

    username: str
    has_second_factor: bool
    recovery_codes_left: int
    idle_ends_at: datetime
    ends_at: datetime


async def staff_members(
    db: AsyncSession, *, scope: int | None, after: UUID | None, limit: int
) -> Sequence[Staff]:
    """List the staff of one hospital, or with scope None of all and of the platform, oldest first."""
    statement = select(Staff).order_by(Staff.id).limit(limit)
    if scope is not None:
        statement = statement.where(Staff.hospital_id == scope)
    if after is not None:
        statement = statement.where(Staff.id > after)
    return (await db.scalars(statement)).all()


async def own_login(db: AsyncSession, *, staff_id: UUID, login_id: UUID) -> OwnLogin:
    """The login itself; it exists, since somebody is logged in by it."""
    codes = (
        select(func.count())
        .select_from(StaffRecoveryCode)
        .where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
        .scalar_subquery()
    )
    found = await db.execute(
        select(
            *(Staff.username, Staff.totp_confirmed_at, Login.idle_expires_at, Login.expires_at),
            codes.label("recovery_codes_left"),
        )
        .join(Login, Login.staff_id == Staff.id)
        .where(Staff.id == staff_id, Login.id == login_id)
    )
    row = found.one()
    return OwnLogin(
        username=row.username,
        has_second_factor=row.totp_confirmed_at is not None,
        recovery_codes_left=row.recovery_codes_left,
        idle_ends_at=row.idle_expires_at,
        ends_at=row.expires_at,
    )


async def logins_of_staff(db: AsyncSession, *, staff_id: UUID, now: datetime) -> Sequence[Login]:
    """The devices on which somebody is logged in, the one used last first."""
    live = (Login.revoked_at.is_(None), Login.idle_expires_at > now, Login.expires_at > now)
    found = await db.scalars(
        select(Login).where(Login.staff_id == staff_id, *live).order_by(Login.last_seen_at.desc(), Login.id)
    )
    return found.all()
