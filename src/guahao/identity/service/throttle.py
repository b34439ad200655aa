"""Password guessing made slow: a try is paid for before it is judged, so that parallel tries count too."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import LoginThrottle
from guahao.identity.policy.login import pause_s, seconds_until
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem

_FORGOTTEN_AFTER = timedelta(days=1)


class LoginPaused(Problem):
    """Too many wrong passwords in a row for this name; the same for names that do not exist."""

    code = "login-paused"
    status = 429
    retry_after_s = 15


class StaffLoginPaused(Problem):
    """Too many wrong passwords or codes in a row for a name of staff; the same for names that nobody has."""

    code = "staff-login-paused"
    status = 429
    retry_after_s = 15


def name_key(key_ring: KeyRing, username: str) -> bytes:
    """Under which tries for a name are counted; patients' and staff names are told apart by the caller."""
    return key_ring.blind_index("login_throttle.key", username.lower())


async def pay_password_try(db: AsyncSession, *, key: bytes, now: datetime) -> None:
    """Count one try for the name behind `key`; commit it before the password is looked at.

    Raises `LoginPaused` while the name is paused, without counting.
    """
    fresh = insert(LoginThrottle).values(key=key, failures=1, last_try_at=now, blocked_until=now)
    is_old = LoginThrottle.last_try_at < now - _FORGOTTEN_AFTER
    counted = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={"failures": case((is_old, 1), else_=LoginThrottle.failures + 1), "last_try_at": now},
        where=LoginThrottle.blocked_until <= now,
    ).returning(LoginThrottle.failures)
    failures = await db.scalar(counted)
    if failures is None:
        until = await db.scalar(select(LoginThrottle.blocked_until).where(LoginThrottle.key == key))
        raise LoginPaused(retry_after_s=max(1, seconds_until(until or now, now=now)))
    if pause := pause_s(failures):
        await db.execute(
            update(LoginThrottle)
            .where(LoginThrottle.key == key)
            .values(blocked_until=now + timedelta(seconds=pause))
            .execution_options(synchronize_session=False)
        )


async def forgive_tries(db: AsyncSession, *, key: bytes) -> None:
    """Start counting anew after a right password."""
    await db.execute(delete(LoginThrottle).where(LoginThrottle.key == key))


async def forget_old_tries(db: AsyncSession, *, now: datetime) -> int:
    """Delete counters nobody added to for a day; answers how many."""
    old = LoginThrottle.last_try_at < now - _FORGOTTEN_AFTER
    return affected(await db.execute(delete(LoginThrottle).where(old)))
