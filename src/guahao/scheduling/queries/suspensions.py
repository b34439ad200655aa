"""Suspensions as booking needs them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import Suspension

__all__ = ["Suspension", "last_suspensions"]


async def last_suspensions(
    db: AsyncSession, sessions: Collection[tuple[int, UUID]]
) -> dict[UUID, Suspension]:
    """The newest suspension of each of these sessions (hospital, id), by session id, lifted or not."""
    rows = await db.scalars(
        select(Suspension)
        .where(tuple_(Suspension.hospital_id, Suspension.session_id).in_(sorted(sessions)))
        .order_by(Suspension.suspended_at)
        .execution_options(populate_existing=True)
    )
    return {row.session_id: row for row in rows}
