"""What is wrong between us and the providers right now."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import ProviderFault

_LASTS = timedelta(minutes=5)
"""A fault that lasts is noted again with each call."""


async def provider_faults(db: AsyncSession) -> list[str]:
    """Name the faults of the last minutes, such as `wechat: clock-wrong`."""
    rows = await db.scalars(
        select(ProviderFault)
        .where(ProviderFault.noted_at > func.now() - _LASTS)
        .order_by(ProviderFault.provider, ProviderFault.fault)
    )
    return [f"{row.provider.value}: {row.fault}" for row in rows]
