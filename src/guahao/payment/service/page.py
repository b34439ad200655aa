"""Links that open a payment in a browser: 128 random bits, fifteen minutes, one payment."""

from __future__ import annotations

import base64
from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.crypto import KeyRing
from guahao.payment.models import Payment
from guahao.payment.queries.page import hash_of

LIVES = timedelta(minutes=15)


async def hand_out(db: AsyncSession, *, payment: Payment, keys: KeyRing) -> str:
    """Make the payment's link work for fifteen minutes from now; it is the same each time it is asked for."""
    secret = keys.blind_index("payment.page", str(payment.id))
    token = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    await db.execute(
        update(Payment)
        .where(Payment.hospital_id == payment.hospital_id, Payment.id == payment.id)
        .values(page_token_hash=hash_of(token), page_expires_at=func.clock_timestamp() + LIVES)
        .execution_options(synchronize_session=False)
    )
    return token
