"""Keeping a hospital's catalogue as it is while something is decided by it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital


async def keep_catalog(db: AsyncSession, *, hospital_id: int) -> None:
    """Keep hospital, campuses, departments and doctors from being closed until the transaction ends.

    An edit that closes or opens anything takes the hospital's row exclusively (`close_places`); those who
    make sessions share it. Whoever comes second sees what the first has written.
    """
    await db.execute(select(Hospital.id).where(Hospital.id == hospital_id).with_for_update(read=True))
