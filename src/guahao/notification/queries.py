"""Reads of messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import in_parts
from guahao.notification.models import Notice, NoticeKind, NoticeState

__all__ = ["Notice", "NoticeKind", "NoticeState", "notices_about", "notices_of"]


async def notices_about(
    db: AsyncSession, *, hospital_ids: Collection[int], subjects: Collection[str]
) -> list[Notice]:
    """Every message about many subjects."""
    found: list[Notice] = []
    for part in in_parts(subjects):
        about = Notice.hospital_id.in_(hospital_ids) & Notice.subject.in_(part)
        found += await db.scalars(select(Notice).where(about).order_by(Notice.due_at, Notice.id))
    return found


async def notices_of(db: AsyncSession, *, hospital_id: int, subject: str) -> Sequence[Notice]:
    """Every message about a subject, called off or not, in the order in which they are due."""
    rows = await db.scalars(
        select(Notice)
        .where(Notice.hospital_id == hospital_id, Notice.subject == subject)
        .order_by(Notice.due_at, Notice.id)
    )
    return rows.all()
