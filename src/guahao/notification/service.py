"""Use cases of notification: plan a message, call off what is no longer true."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import new_id
from guahao.notification.models import Notice, NoticeKind, NoticeState

__all__ = ["NoticeKind", "call_off", "plan"]


async def plan(
    db: AsyncSession,
    *,
    hospital_id: int,
    subject: str,
    kind: NoticeKind,
    account_id: UUID | None,
    patient_id: UUID,
    due_at: datetime,
) -> None:
    """Owe the person a message at `due_at`, as the next version of this subject and kind.

    A concurrent planner of the same version fails on the unique key and is told again.
    """
    earlier = select(func.count() + 1).where(
        Notice.hospital_id == hospital_id, Notice.subject == subject, Notice.kind == kind
    )
    await db.execute(
        insert(Notice).values(
            hospital_id=hospital_id,
            id=new_id(hospital_id),
            subject=subject,
            kind=kind,
            version=earlier.scalar_subquery(),
            account_id=account_id,
            patient_id=patient_id,
            due_at=due_at,
        )
    )


async def call_off(db: AsyncSession, *, hospital_id: int, subject: str) -> None:
    """Cancel every planned message of a subject, so that an old time is never sent."""
    await db.execute(
        update(Notice)
        .where(Notice.hospital_id == hospital_id, Notice.subject == subject)
        .where(Notice.state == NoticeState.PLANNED)
        .values(state=NoticeState.CANCELLED)
    )
