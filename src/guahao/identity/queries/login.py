"""What an account's owner sees: the account and its devices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login


async def account_by_id(db: AsyncSession, *, account_id: UUID) -> Account:
    """The account itself; it exists, since somebody is logged in with it."""
    return (await db.scalars(select(Account).where(Account.id == account_id))).one()


async def logins_of_account(db: AsyncSession, *, account_id: UUID, now: datetime) -> Sequence[Login]:
    """Its devices that are logged in, the one used last first."""
    live = (Login.revoked_at.is_(None), Login.idle_expires_at > now, Login.expires_at > now)
    found = await db.scalars(
        select(Login)
        .where(Login.account_id == account_id, *live)
        .order_by(Login.last_seen_at.desc(), Login.id)
    )
    return found.all()


async def openid_of(db: AsyncSession, *, account_id: UUID) -> str | None:
    """The WeChat user an account belongs to, if it ever logged in by WeChat."""
    openid: str | None = await db.scalar(select(Account.openid).where(Account.id == account_id))
    return openid
