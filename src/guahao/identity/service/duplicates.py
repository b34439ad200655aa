"""A hospital's desk has looked at a report of two persons who have one document."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.duplicate import DuplicateCheck


async def check_duplicate(
    db: AsyncSession, *, duplicate_id: UUID, hospital_id: int, staff_id: UUID, note: str, now: datetime
) -> None:
    """Keep what the desk found about a report, which the caller knows to concern this hospital.

    The first word counts: of two who check at once, or the same again, nothing changes.
    """
    kept = await db.execute(
        insert(DuplicateCheck)
        .values(
            hospital_id=hospital_id, duplicate_id=duplicate_id, staff_id=staff_id, checked_at=now, note=note
        )
        .on_conflict_do_nothing()
        .returning(DuplicateCheck.duplicate_id)
    )
    if kept.scalar_one_or_none() is None:
        return
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=f"staff:{staff_id}",
            action="person.duplicate_check",
            subject=f"duplicate:{duplicate_id}",
            data={"note": note},
        ),
    )
