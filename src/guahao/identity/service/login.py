"""Logins: opening one, listing the devices, revoking."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.account import Login, LoginKind
from guahao.identity.policy.device import shown_device
from guahao.identity.service.recognition import ACCOUNT_IDLE, ACCOUNT_TOKENS, STAFF_IDLE, STAFF_TOKENS
from guahao.identity.service.token import hash_of, new_token
from guahao.kernel.db import affected
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import new_id

ACCOUNT_LIFETIME = timedelta(days=90)
STAFF_LIFETIME = timedelta(hours=12)
_KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLogin:
    """A login just made; the only moment its token is known."""

    id: UUID
    token: str = field(repr=False)


async def open_account_login(
    db: AsyncSession, *, account_id: UUID, kind: LoginKind, device: str, address: str, now: datetime
) -> OpenedLogin:
    """Log an account in on one more device: 30 days after the last use it ends, after 90 at the latest."""
    login = _login(kind, device, idle=ACCOUNT_IDLE, lifetime=ACCOUNT_LIFETIME, now=now)
    login.account_id = account_id
    return await _open(db, login, actor=f"account:{account_id}", address=address)


async def open_staff_login(
    db: AsyncSession, *, staff_id: UUID, device: str, address: str, now: datetime
) -> OpenedLogin:
    """Log a member of staff in: 30 minutes after the last use it ends, after 12 hours at the latest."""
    login = _login(LoginKind.PASSWORD, device, idle=STAFF_IDLE, lifetime=STAFF_LIFETIME, now=now)
    login.staff_id = staff_id
    return await _open(db, login, actor=f"staff:{staff_id}", address=address)


async def revoke_account_login(db: AsyncSession, *, account_id: UUID, login_id: UUID, now: datetime) -> None:
    """Log one device of the account out, at once. Raises `NotFound` unless it is logged in and theirs."""
    live = (Login.id == login_id, Login.account_id == account_id, Login.revoked_at.is_(None))
    revoked = await db.execute(update(Login).where(*live).values(revoked_at=now))
    if affected(revoked) == 0:
        raise NotFound
    ACCOUNT_TOKENS.distrust(account_id, now=now)
    await record(
        db, AuditEntry(actor=f"account:{account_id}", action="login.revoke", subject=f"login:{login_id}")
    )


async def revoke_account_logins(
    db: AsyncSession, *, account_id: UUID, keep: UUID | None = None, now: datetime
) -> int:
    """Log every device of the account out but the login `keep`; answers how many."""
    live = (Login.account_id == account_id, Login.revoked_at.is_(None), Login.id.is_distinct_from(keep))
    ACCOUNT_TOKENS.distrust(account_id, now=now)
    return affected(await db.execute(update(Login).where(*live).values(revoked_at=now)))


async def revoke_staff_login(db: AsyncSession, *, staff_id: UUID, login_id: UUID, now: datetime) -> None:
    """Log one device of a member of staff out, at once. Raises `NotFound` as above."""
    live = (Login.id == login_id, Login.staff_id == staff_id, Login.revoked_at.is_(None))
    revoked = await db.execute(update(Login).where(*live).values(revoked_at=now))
    if affected(revoked) == 0:
        raise NotFound
    STAFF_TOKENS.distrust(staff_id, now=now)
    await record(
        db, AuditEntry(actor=f"staff:{staff_id}", action="login.revoke", subject=f"login:{login_id}")
    )


async def revoke_staff_logins(db: AsyncSession, *, staff_id: UUID, now: datetime) -> int:
    """Log a member of staff out everywhere: disabled, other roles, other password. Answers how many.

    Call it in the transaction that makes the change; in this process it counts from the commit,
    in others at most `token.TRUSTED_FOR` later.
    """
    live = (Login.staff_id == staff_id, Login.revoked_at.is_(None))
    STAFF_TOKENS.distrust(staff_id, now=now)
    return affected(await db.execute(update(Login).where(*live).values(revoked_at=now)))


async def forget_old_logins(db: AsyncSession, *, now: datetime) -> int:
    """Delete logins that ended a month ago; the audit trail keeps that they were. Answers how many."""
    ended_at = func.least(Login.revoked_at, Login.idle_expires_at, Login.expires_at)
    return affected(await db.execute(delete(Login).where(ended_at < now - _KEPT_FOR)))


def _login(kind: LoginKind, device: str, *, idle: timedelta, lifetime: timedelta, now: datetime) -> Login:
    return Login(
        id=new_id(),
        kind=kind,
        device=shown_device(device),
        created_at=now,
        last_seen_at=now,
        idle_expires_at=now + idle,
        expires_at=now + lifetime,
    )


async def _open(db: AsyncSession, login: Login, *, actor: str, address: str) -> OpenedLogin:
    token = new_token()
    login.token_hash = hash_of(token)
    db.add(login)
    await db.flush()
    entry = AuditEntry(
        actor=actor,
        action="login.open",
        subject=f"login:{login.id}",
        data={"kind": str(login.kind), "address": address},
    )
    await record(db, entry)
    return OpenedLogin(id=login.id, token=token)
