"""Telling the owner of an account, or a member of staff, what happened to their access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.security_event import SecurityEvent, SecurityEventKind
from guahao.identity.policy.device import shown_device
from guahao.identity.queries.security_events import Owner
from guahao.kernel.db import affected
from guahao.kernel.ids import new_id

__all__ = ["KEPT_FOR", "Owner", "Source", "forget_events", "forget_old_events", "mark_seen", "tell"]

KEPT_FOR = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a deed came from; the owner recognises it or not."""

    address: str
    device: str


async def tell(
    db: AsyncSession,
    *,
    owner: Owner,
    kind: SecurityEventKind,
    source: Source | None = None,
    patient_id: UUID | None = None,
    now: datetime,
) -> None:
    """Note what the owner shall see; call it in the transaction of the deed itself."""
    db.add(
        SecurityEvent(
            id=new_id(),
            account_id=owner.account_id,
            staff_id=owner.staff_id,
            kind=kind,
            patient_id=patient_id,
            at=now,
            address=None if source is None else source.address,
            device=None if source is None else shown_device(source.device),
        )
    )
    await db.flush()


async def mark_seen(db: AsyncSession, *, owner: Owner, up_to: UUID, now: datetime) -> int:
    """Note that the owner saw the event `up_to` and all before it; answers how many were new.

    An event that came meanwhile stays new; again changes nothing.
    """
    seen = (owner.events(), SecurityEvent.id <= up_to, SecurityEvent.seen_at.is_(None))
    return affected(
        await db.execute(
            update(SecurityEvent)
            .where(*seen)
            .values(seen_at=now)
            .execution_options(synchronize_session=False)
        )
    )


async def forget_events(db: AsyncSession, *, owner: Owner) -> None:
    """Delete everything the owner was told, when there is no owner any more."""
    await db.execute(delete(SecurityEvent).where(owner.events()))


async def forget_old_events(db: AsyncSession, *, now: datetime) -> int:
    """Delete events of more than half a year ago, seen or not. Answers how many."""
    return affected(await db.execute(delete(SecurityEvent).where(SecurityEvent.at < now - KEPT_FOR)))
