"""What the hospitals here are called."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital
from guahao.catalog.policy.pinyin import ways_to_type


async def hospital_words(db: AsyncSession) -> frozenset[str]:
    """All hospitals' names and cities as somebody may type them into a password, in small letters."""
    rows = await db.execute(select(Hospital.name, Hospital.city))
    return frozenset().union(*(ways_to_type(text) for row in rows for text in row))
