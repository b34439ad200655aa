"""Members of staff as administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Login
from guahao.identity.models.staff import Staff


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLogin:
    """A login as its owner sees it on every page: under which name, and until when."""

    username: str
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


async def own_login(db: AsyncSession, *, login_id: UUID) -> OwnLogin:
    """The login itself; it exists, since somebody is logged in by it."""
    found = await db.execute(
        select(Staff.username, Login.idle_expires_at, Login.expires_at)
        .join(Staff, Staff.id == Login.staff_id)
        .where(Login.id == login_id)
    )
    row = found.one()
    return OwnLogin(username=row.username, idle_ends_at=row.idle_expires_at, ends_at=row.expires_at)
