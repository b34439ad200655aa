"""Changes to many sessions, as their list and one with its items."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import table
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.kernel.paging import Listing
from guahao.scheduling.models import ChangeState, ScheduleChange, ScheduleChangeItem

_ID: ColumnElement[UUID] = table(ScheduleChange).c.id
CHANGES = Listing(by={"proposed_at": _ID}, id=_ID, default="-proposed_at")
"""Ids carry their time."""


def changes(*, hospital_id: int) -> Select[ScheduleChange]:
    """What was applied, undone ones too; proposals that nobody applied are nobody's business."""
    return select(ScheduleChange).where(
        ScheduleChange.hospital_id == hospital_id, ScheduleChange.state != ChangeState.PROPOSED
    )


async def change_with_items(
    db: AsyncSession, change_id: UUID
) -> tuple[ScheduleChange, Sequence[ScheduleChangeItem]]:
    """One change and what it means for each session. Raises `NotFound`."""
    hospital_id = hospital_of(change_id)
    change = await db.get(ScheduleChange, (hospital_id, change_id))
    if change is None:
        raise NotFound
    items = await db.scalars(
        select(ScheduleChangeItem)
        .where(ScheduleChangeItem.hospital_id == hospital_id, ScheduleChangeItem.change_id == change_id)
        .order_by(ScheduleChangeItem.seq)
        .execution_options(populate_existing=True)
    )
    return change, items.all()
