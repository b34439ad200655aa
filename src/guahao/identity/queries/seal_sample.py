"""Whether a key ring is the one that sealed what is stored."""

from __future__ import annotations

import hmac

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account
from guahao.identity.policy.finding import phone_index
from guahao.kernel.crypto import KeyRing, SealBroken


async def opens_what_is_sealed(db: AsyncSession, key_ring: KeyRing) -> bool:
    """Try the phone of one account, sealed and indexed; an empty database is opened by every ring."""
    columns = (Account.id, Account.phone_sealed, Account.phone_index)
    row = (await db.execute(select(*columns).where(Account.phone_sealed.is_not(None)).limit(1))).first()
    if row is None:
        return True
    try:
        phone = key_ring.open(row.phone_sealed, field="account.phone_sealed", row=row.id)
    except SealBroken:
        return False
    return hmac.compare_digest(phone_index(key_ring, phone), row.phone_index)
