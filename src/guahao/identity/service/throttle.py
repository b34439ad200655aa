"""Guessing made slow, and only for who guesses: a try is paid for before it is judged.

A stranger's wrong passwords slow down his address, not the owner of the name: devices on which the owner
has logged in before have a count of their own. What all strangers together may try of one name, and one
address of all names, are budgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import LoginBudget, LoginThrottle
from guahao.identity.policy.login import (
    ADDRESS_BUDGET,
    IDENTITY_BUDGET,
    NAME_BUDGET,
    Budget,
    pause_s,
    seconds_until,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem

_FORGOTTEN_AFTER = timedelta(days=1)
_CLOCKS_APART = timedelta(seconds=1)
"""Of tries at the same moment the last to be counted may have read its clock first."""


class LoginPaused(Problem):
    """Too many wrong passwords from here for this name; the same for names that do not exist."""

    code = "login-paused"
    status = 429
    retry_after_s = 15


class StaffLoginPaused(Problem):
    """Too many wrong passwords or codes from here for a name of staff; the same for names nobody has."""

    code = "staff-login-paused"
    status = 429
    retry_after_s = 15


class IdentityTriesSpent(Problem):
    """The account had too many names compared with documents; the next may be in about `hours`."""

    code = "identity-tries-spent"
    status = 429
    retry_after_s = 3600


class Realm(StrEnum):
    """Whose names are tried; the same name is another one in each."""

    ACCOUNT = "account"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try at somebody's password or code.

    `device` names a device on which the owner has logged in before, or the login that is asked for its
    password again. `is_proven`: a right code of the owner's authenticator came with it.
    """

    realm: Realm
    name: str
    address: str
    device: str | None = None
    is_proven: bool = False

    @property
    def is_strange(self) -> bool:
        """Whether anybody may have sent it."""
        return self.device is None

    def subject(self, keys: KeyRing, owner: str | None) -> str:
        """Whom the trail names: the owner, or what stays the same of a name that nobody has."""
        if owner is not None:
            return owner
        return f"name:{keys.blind_index('trail.name', f'{self.realm}|{self.name.lower()}')[:4].hex()}"

    def own_key(self, keys: KeyRing) -> bytes:
        """Under which the tries of this device, or of strangers from this address, are counted."""
        source = f"address|{self.address}" if self.device is None else f"device|{self.device}"
        return keys.blind_index("login_throttle.key", f"{self.realm}|{self.name.lower()}|{source}")

    def budgets(self, keys: KeyRing, *, address_factor: int) -> list[tuple[bytes, Budget]]:
        """The budgets that the try is taken from, in the order in which everybody locks them."""
        if self.device is not None:
            return []
        of_name = keys.blind_index("login_budget.key", f"{self.realm}|name|{self.name.lower()}")
        of_address = keys.blind_index("login_budget.key", f"{self.realm}|address|{self.address}")
        wide = (of_address, ADDRESS_BUDGET.times(address_factor))
        return [wide] if self.is_proven else [(of_name, NAME_BUDGET), wide]


async def pay_try(db: AsyncSession, *, attempt: Attempt, keys: KeyRing, now: datetime) -> None:
    """Count a try against the device or the address it comes from; commit it before it is judged.

    Five are free, then each further one makes the next wait longer. Raises `LoginPaused` while it does,
    without counting.
    """
    key = attempt.own_key(keys)
    long_ago = now - _FORGOTTEN_AFTER  # a try that read its clock a moment before this one waits for nothing
    fresh = insert(LoginThrottle).values(key=key, failures=1, last_try_at=now, blocked_until=long_ago)
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


async def pay_budgets(
    db: AsyncSession, *, attempt: Attempt, keys: KeyRing, address_factor: int, now: datetime
) -> None:
    """Take a stranger's try from what all strangers may try of the name, and the address of all names.

    All or nothing. Raises `LoginPaused` when either is used up.
    """
    for key, budget in attempt.budgets(keys, address_factor=address_factor):
        if wait_s := await _take(db, key, budget, now=now):
            raise LoginPaused(retry_after_s=wait_s)


async def pay_identity_try(db: AsyncSession, *, account_id: UUID, keys: KeyRing, now: datetime) -> None:
    """Count a name that an account has compared with a document, right or wrong.

    Commit it before anything is compared: each answer tells whether a guessed name is right. Raises
    `IdentityTriesSpent`.
    """
    key = keys.blind_index("login_budget.key", f"identity|{account_id}")
    if wait_s := await _take(db, key, IDENTITY_BUDGET, now=now):
        raise IdentityTriesSpent(hours=-(-wait_s // 3600), retry_after_s=wait_s)


async def _take(db: AsyncSession, key: bytes, budget: Budget, *, now: datetime) -> int:
    """Take one try; answers 0, or in how many seconds there is one where none is left."""
    step = timedelta(seconds=budget.refill_s)
    fresh = insert(LoginBudget).values(key=key, full_at=now + step)
    taken = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={"full_at": func.greatest(LoginBudget.full_at, now) + step},
        where=LoginBudget.full_at <= now + _CLOCKS_APART + step * (budget.tries - 1),
    ).returning(LoginBudget.full_at)
    if await db.scalar(taken) is not None:
        return 0
    full_at = await db.scalar(select(LoginBudget.full_at).where(LoginBudget.key == key))
    free_at = (full_at or now) - step * (budget.tries - 1)
    return max(1, seconds_until(free_at, now=now))


async def forgive_try(db: AsyncSession, *, attempt: Attempt, keys: KeyRing, address_factor: int = 1) -> None:
    """Count anew for this device or address after a right password, and give its try back to the budgets.

    What strangers elsewhere tried of the name stays counted.
    """
    await db.execute(delete(LoginThrottle).where(LoginThrottle.key == attempt.own_key(keys)))
    for key, budget in attempt.budgets(keys, address_factor=address_factor):
        await db.execute(
            update(LoginBudget)
            .where(LoginBudget.key == key)
            .values(full_at=LoginBudget.full_at - timedelta(seconds=budget.refill_s))
            .execution_options(synchronize_session=False)
        )


async def forget_old_tries(db: AsyncSession, *, now: datetime) -> int:
    """Delete counters nobody added to for a day and budgets that are full again; answers how many."""
    old = await db.execute(delete(LoginThrottle).where(LoginThrottle.last_try_at < now - _FORGOTTEN_AFTER))
    full = await db.execute(delete(LoginBudget).where(LoginBudget.full_at < now))
    return affected(old) + affected(full)
