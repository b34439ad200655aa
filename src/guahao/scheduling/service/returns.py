"""Places that come back to open sale by the clock: pools at their return time, cooling places at theirs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import affected
from guahao.scheduling.models import (
    RESERVES,
    Bucket,
    ClinicSession,
    CoolingPlace,
    PlaceLog,
    SessionState,
    Slot,
)
from guahao.scheduling.queries.facts import slot_facts
from guahao.scheduling.service.places import Move, left_under_lock, move_known

BATCH = 500
RETURNED = "returned"
"""Reason in the place log: a pool's return time came."""
COOLED = "cooled"
"""Reason in the place log: a cancelled place's cooling time is over."""


async def return_reserves(db: AsyncSession) -> int:
    """Return due pools of a batch of slots to open sale; answers how many slots.

    Add-on places that were not given out stay with the desk: they were made for somebody.
    Slots that somebody else holds this instant are left to the next run.
    """
    statement = (
        select(Slot, func.clock_timestamp().label("now"), _addons_left().label("addons_left"))
        .where(Slot.desk + Slot.elderly + Slot.referral + Slot.later > 0)
        .where(or_(*(_is_due(reserve) for reserve in RESERVES)))
        .order_by(Slot.hospital_id, Slot.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=Slot)
        .execution_options(populate_existing=True)
    )
    rows = (await db.execute(statement)).all()
    moves = [
        Move(
            hospital_id=slot.hospital_id,
            slot_id=slot.id,
            source=reserve,
            target=Bucket.FREE,
            reason=RETURNED,
            places=places,
        )
        for slot, now, addons_left in rows
        for reserve in RESERVES
        if (places := _returning(slot, reserve, now, addons_left)) > 0
    ]
    await move_known(db, moves)
    return len(rows)


def _is_due(reserve: Bucket) -> ColumnElement[bool]:
    kept = _addons_left() if reserve is Bucket.DESK else literal(0)
    places: ColumnElement[int] = getattr(Slot, reserve.value)
    return and_(places > kept, getattr(Slot, f"{reserve.value}_returns_at") <= func.clock_timestamp())


def _addons_left() -> ColumnElement[int]:
    """Add-on places that the desk has not given out: whom it books takes an add-on before the pool's own.

    The log in order: what was added less what was taken, never below nothing.
    """
    is_added, is_taken = PlaceLog.source.is_(None), PlaceLog.source == Bucket.DESK
    step = case((is_added, PlaceLog.places), else_=-PlaceLog.places)
    so_far = (
        select(PlaceLog.seq, func.sum(step).over(order_by=PlaceLog.seq).label("total"))
        .where(
            PlaceLog.hospital_id == Slot.hospital_id,
            PlaceLog.slot_id == Slot.id,
            or_(is_added, is_taken & PlaceLog.target.in_((Bucket.HELD, Bucket.BOOKED))),
        )
        .correlate(Slot)
        .subquery("so_far")
    )
    last = func.array_agg(aggregate_order_by(so_far.c.total, so_far.c.seq.desc()))[1]
    left = select(last - func.least(0, func.min(so_far.c.total))).scalar_subquery()
    return case((Slot.addons == 0, 0), else_=func.least(Slot.desk, left)).cast(Integer)


def _returning(slot: Slot, reserve: Bucket, now: datetime, addons_left: int) -> int:
    returns_at: datetime | None = getattr(slot, f"{reserve.value}_returns_at")
    if returns_at is None or returns_at > now:
        return 0
    places: int = getattr(slot, reserve.value)
    return places - addons_left if reserve is Bucket.DESK else places


async def release_cooling(db: AsyncSession) -> int:
    """Put a batch of cooling places whose time is over back on sale; answers how many.

    Those of a session that was suspended at this moment are frozen with its others.
    """
    due = (
        select(CoolingPlace.hospital_id, CoolingPlace.id)
        .where(CoolingPlace.until <= func.clock_timestamp())
        .order_by(CoolingPlace.until)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = await db.execute(
        delete(CoolingPlace)
        .where(tuple_(CoolingPlace.hospital_id, CoolingPlace.id).in_(due))
        .returning(CoolingPlace.hospital_id, CoolingPlace.slot_id)
        .execution_options(synchronize_session=False)
    )
    cooled = Counter(slot_id for _, slot_id in rows)
    # Who suspends a session holds its slots: only when they are ours its state is known.
    await left_under_lock(db, cooled)
    slots = await slot_facts(db, cooled)
    await move_known(
        db,
        [
            Move(
                hospital_id=slots[slot_id].hospital_id,
                slot_id=slot_id,
                source=Bucket.COOLING,
                target=Bucket.FROZEN if slots[slot_id].state is SessionState.SUSPENDED else Bucket.FREE,
                reason=COOLED,
                places=places,
            )
            for slot_id, places in cooled.items()
        ],
    )
    return cooled.total()


async def finish_sessions(db: AsyncSession) -> int:
    """Finish a batch of sessions whose end has passed by the database's clock; answers how many.

    One that was suspended stays so: it did not take place.
    """
    over = (
        select(ClinicSession.hospital_id, ClinicSession.id)
        .where(ClinicSession.lifecycle != SessionState.FINISHED)
        .where(ClinicSession.ends_at <= func.clock_timestamp())
        .order_by(ClinicSession.ends_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    finished = update(ClinicSession).where(tuple_(ClinicSession.hospital_id, ClinicSession.id).in_(over))
    return affected(
        await db.execute(
            finished.values(lifecycle=SessionState.FINISHED).execution_options(synchronize_session=False)
        )
    )
