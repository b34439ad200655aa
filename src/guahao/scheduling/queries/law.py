"""The place law, checked by replaying the log: capacity, then every move in turn, gives the counters."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import Bucket, PlaceLog, Slot


def _moved(bucket: Bucket) -> ColumnElement[int]:
    arrived = case((PlaceLog.target == bucket, PlaceLog.places), else_=0)
    left = case((PlaceLog.source == bucket, PlaceLog.places), else_=0)
    return func.coalesce(func.sum(arrived - left), 0)


async def broken_slots(db: AsyncSession, *, hospital_id: int | None = None, most: int = 100) -> list[UUID]:
    """Slots whose counters are not what their log gives, whose log has a gap, or whose sum is not whole.

    One statement, so one snapshot: right while places move. Without a hospital, all of them. Reads
    every slot and log row in scope.
    """
    added = func.coalesce(func.sum(case((PlaceLog.source.is_(None), PlaceLog.places), else_=0)), 0)
    differs = [
        getattr(Slot, bucket.value) != _moved(bucket) + (Slot.capacity if bucket is Bucket.FREE else 0)
        for bucket in Bucket
    ]
    statement = (
        select(Slot.id)
        .join(
            PlaceLog,
            and_(PlaceLog.hospital_id == Slot.hospital_id, PlaceLog.slot_id == Slot.id),
            isouter=True,
        )
        .group_by(Slot.hospital_id, Slot.id)
        .having(
            or_(
                *differs,
                Slot.addons != added,
                Slot.moves != func.count(PlaceLog.seq),
                Slot.moves != func.coalesce(func.max(PlaceLog.seq), 0),
            )
        )
        .order_by(Slot.hospital_id, Slot.id)
        .limit(most)
    )
    if hospital_id is not None:
        statement = statement.where(Slot.hospital_id == hospital_id)
    return list(await db.scalars(statement))
