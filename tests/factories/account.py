"""Accounts and logins for tests."""

from __future__ import annotations

import itertools
import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, LoginKind
from guahao.identity.service.login import open_account_login
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id

_PHONES = itertools.count(secrets.randbelow(50_000_000))


def phone() -> str:
    """A mainland mobile number, new each time."""
    return f"139{next(_PHONES) % 100_000_000:08d}"


async def make_account(db: AsyncSession, **overrides: object) -> Account:
    """An account of WeChat alone; go through HTTP for one with phone and password."""
    values: dict[str, object] = {
        "id": new_id(),
        "openid": f"test-{secrets.token_hex(8)}",
        "created_at": utc_now(),
    }
    account = Account(**(values | overrides))
    db.add(account)
    await db.flush()
    return account


async def make_login(db: AsyncSession, account: Account) -> str:
    """Log `account` in and answer its bearer token."""
    opened = await open_account_login(
        db, account_id=account.id, kind=LoginKind.WECHAT, device="test", address="203.0.113.7", now=utc_now()
    )
    return opened.token
