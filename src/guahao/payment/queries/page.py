"""The payment behind a link."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import Payment


def hash_of(token: str) -> bytes:
    """What is stored of a link's token."""
    return hashlib.sha256(token.encode()).digest()


async def payment_of_token(db: AsyncSession, *, token: str) -> Payment | None:
    """The payment whose link has this token, while the link works."""
    payment: Payment | None = await db.scalar(
        select(Payment).where(
            Payment.page_token_hash == hash_of(token), Payment.page_expires_at > func.clock_timestamp()
        )
    )
    return payment
