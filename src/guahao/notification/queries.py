"""Reads of messages."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.notification.models import Notice, NoticeKind, NoticeState

__all__ = ["Notice", "NoticeKind", "NoticeState", "notices_of"]


async def notices_of(db: AsyncSession, *, hospital_id: int, subject: str) -> Sequence[Notice]:
    """Every message about a subject, called off or not, in the order in which they are due."""
    rows = await db.scalars(
        select(Notice)
        .where(Notice.hospital_id == hospital_id, Notice.subject == subject)
        .order_by(Notice.due_at, Notice.id)
    )
    return rows.all()
