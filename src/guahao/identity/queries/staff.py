"""Members of staff as administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff


async def staff_members(
    db: AsyncSession, *, scope: int | None, after: UUID | None, limit: int
) -> Sequence[Staff]:
    """List the staff of one hospital, or with scope None of all and of the platform, oldest first."""
    statement = select(Staff).order_by(Staff.id).limit(limit)
    if scope is not None:
        statement = statement.where(Staff.hospital_id == scope)
    if after is not None:
        statement = statement.where(Staff.id > after)
    return (await db.scalars(statement)).all()
