"""Giving slots another number of places and other pools; what is taken is never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, column, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import affected, table
from guahao.scheduling.models import RESERVES, Bucket, Slot
from guahao.scheduling.policy.refusals import PlacesTaken
from guahao.scheduling.service.places import Move, PlacesMissing, move_known

RESHAPED = "reshaped"
"""Reason in the place log: staff gave a slot other pools or another capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a slot shall have: its capacity without add-ons, and the places of each pool, None as they are."""

    capacity: int
    pools: Mapping[Bucket, int] | None = None


def least_capacity(slot: Slot, pools: Mapping[Bucket, int] | None) -> int:
    """The fewest places a published slot can do with when its pools are these."""
    kept: dict[Bucket, int] = {reserve: getattr(slot, reserve.value) for reserve in RESERVES}
    kept |= dict(pools or {})
    taken: int = slot.held + slot.booked + slot.cooling + slot.frozen
    return max(0, taken + sum(kept.values()) - slot.addons)


async def reshape(db: AsyncSession, slots: Sequence[tuple[Slot, Shape]], *, is_draft: bool) -> None:
    """Bring locked slots into shape, in three statements. Raises `PlacesTaken`, nothing is changed then.

    Places come and go through open sale, a draft's through the freezer, so that at every step the
    place law holds and the log still gives the counters.
    """
    if not is_draft:
        for slot, shape in slots:
            least = least_capacity(slot, shape.pools)
            if shape.capacity < least:
                raise PlacesTaken(least=least)
    differences = [(slot, shape.capacity - slot.capacity) for slot, shape in slots]
    await _resize(db, [(slot, more) for slot, more in differences if more > 0])
    if is_draft:
        moves = [_through_freezer(slot, more) for slot, more in differences if more]
    else:
        moves = [move for slot, shape in slots for move in _pool_moves(slot, shape)]
    await move_known(db, moves)
    await _resize(db, [(slot, more) for slot, more in differences if more < 0])


def _pool_moves(slot: Slot, shape: Shape) -> list[Move]:
    moves: list[Move] = []
    for pool, wanted in (shape.pools or {}).items():
        more = wanted - getattr(slot, pool.value)
        if more > 0:
            moves.append(_move(slot, Bucket.FREE, pool, more))
        elif more < 0:
            moves.append(_move(slot, pool, Bucket.FREE, -more))
    return moves


def _through_freezer(slot: Slot, more: int) -> Move:
    if more > 0:
        return _move(slot, Bucket.FREE, Bucket.FROZEN, more)
    return _move(slot, Bucket.FROZEN, Bucket.FREE, -more)


def _move(slot: Slot, source: Bucket, target: Bucket, places: int) -> Move:
    return Move(
        hospital_id=slot.hospital_id,
        slot_id=slot.id,
        source=source,
        target=target,
        reason=RESHAPED,
        places=places,
    )


_SLOT = table(Slot).c
_delta = (
    func.unnest(
        bindparam("hospital_ids", type_=ARRAY(Integer())),
        bindparam("slot_ids", type_=ARRAY(Uuid())),
        bindparam("mores", type_=ARRAY(Integer())),
    )
    .table_valued(column("hospital_id", Integer()), column("slot_id", Uuid()), column("more", Integer()))
    .render_derived(name="delta")
)
_RESIZE = (
    update(table(Slot))
    .where(
        _SLOT.hospital_id == _delta.c.hospital_id,
        _SLOT.id == _delta.c.slot_id,
        _SLOT.free + _delta.c.more >= 0,
    )
    .values(capacity=_SLOT.capacity + _delta.c.more, free=_SLOT.free + _delta.c.more)
)


async def _resize(db: AsyncSession, differences: Sequence[tuple[Slot, int]]) -> None:
    if not differences:
        return
    ids: list[UUID] = [slot.id for slot, _ in differences]
    done = await db.execute(
        _RESIZE,
        {
            "hospital_ids": [slot.hospital_id for slot, _ in differences],
            "slot_ids": ids,
            "mores": [more for _, more in differences],
        },
    )
    if affected(done) != len(ids):
        raise PlacesMissing
