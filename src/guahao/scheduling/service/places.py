"""The only code that moves places; one statement moves any number of them, each slot's row locked once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    Insert,
    Integer,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import HotStatement, table, together
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import Bucket, PlaceLog, Slot

SOLD_FROM = (Bucket.FREE, Bucket.DESK, Bucket.ELDERLY, Bucket.REFERRAL)
"""Pools whose places somebody can book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """`places` places of a slot go from one bucket to another; `source` None makes add-on places.

    `is_sale`: only if the slot is released, not closed and has not begun, by the database's clock.
    """

    hospital_id: int
    slot_id: UUID
    source: Bucket | None
    target: Bucket
    reason: str
    appointment_id: UUID | None = None
    places: int = 1
    is_sale: bool = False


_COUNTERS = ("addons", *(bucket.value for bucket in Bucket))
_LOGGED = ("hospital_id", "slot_id", "seq", "reason", "appointment_id", "source", "target", "places")


def _moved() -> CTE:
    delta_arrays = {"d_hospital_id": Integer, "d_slot_id": Uuid, "d_moves": Integer, "d_is_sale": Boolean}
    delta_arrays |= {f"d_{name}": Integer for name in _COUNTERS}
    delta = (
        func.unnest(*[bindparam(name, type_=ARRAY(kind())) for name, kind in delta_arrays.items()])
        .table_valued(*[column(name, kind()) for name, kind in delta_arrays.items()])
        .render_derived(name="delta")
    )
    slot = Slot.__table__.c
    enough = [slot[bucket.value] + delta.c[f"d_{bucket.value}"] >= 0 for bucket in Bucket]
    on_sale = (
        (slot.released_at <= func.clock_timestamp())
        & (slot.starts_at > func.clock_timestamp())
        & slot.closed_by.is_(None)
    )
    return (
        update(table(Slot))
        .where(slot.hospital_id == delta.c.d_hospital_id, slot.id == delta.c.d_slot_id, *enough)
        .where(or_(~delta.c.d_is_sale, on_sale))
        .values({name: slot[name] + delta.c[f"d_{name}"] for name in _COUNTERS})
        .values(moves=slot.moves + delta.c.d_moves)
        .returning(slot.hospital_id, slot.id, (slot.moves - delta.c.d_moves).label("logged"))
        .cte("moved")
    )


def _move_log(moved: CTE) -> Insert:
    log_arrays = {
        "l_hospital_id": Integer,
        "l_slot_id": Uuid,
        "l_seq": Integer,
        "l_reason": Text,
        "l_appointment_id": Uuid,
        "l_source": Text,
        "l_target": Text,
        "l_places": Integer,
    }
    line = (
        func.unnest(*[bindparam(name, type_=ARRAY(kind())) for name, kind in log_arrays.items()])
        .table_valued(*[column(name, kind()) for name, kind in log_arrays.items()])
        .render_derived(name="line")
    )
    return insert(table(PlaceLog)).from_select(
        _LOGGED,
        select(
            line.c.l_hospital_id,
            line.c.l_slot_id,
            moved.c.logged + line.c.l_seq,
            line.c.l_reason,
            line.c.l_appointment_id,
            line.c.l_source,
            line.c.l_target,
            line.c.l_places,
        ).join_from(
            line,
            moved,
            (moved.c.hospital_id == line.c.l_hospital_id) & (moved.c.id == line.c.l_slot_id),
        ),
    )


_moved_slots = _moved()
MOVE_LOG = _move_log(_moved_slots)
MOVED = select(func.count().cast(Integer)).select_from(_moved_slots)
"""For `kernel.db.together(.., MOVE_LOG, answer=MOVED)`: answers how many slots' rows were moved."""

_MOVE = HotStatement(together(MOVE_LOG, answer=MOVED))


def move_params(moves: Sequence[Move]) -> dict[str, list[Any]]:
    """Bind `moves` for MOVED and MOVE_LOG: deltas added up per slot, log lines in the order given."""
    deltas: dict[tuple[int, UUID], dict[str, Any]] = {}
    lines: dict[str, list[Any]] = {f"l_{name}": [] for name in _LOGGED}
    for move in moves:
        delta = deltas.setdefault(
            (move.hospital_id, move.slot_id),
            {"moves": 0, "is_sale": False, **dict.fromkeys(_COUNTERS, 0)},
        )
        delta["moves"] += 1
        delta["is_sale"] |= move.is_sale
        delta[move.source or "addons"] += -move.places if move.source else move.places
        delta[move.target] += move.places
        line = (
            move.hospital_id,
            move.slot_id,
            delta["moves"],
            move.reason,
            move.appointment_id,
            move.source,
            move.target,
            move.places,
        )
        for values, value in zip(lines.values(), line, strict=True):
            values.append(value)
    ordered = sorted(deltas.items())
    return {
        **lines,
        "d_hospital_id": [key[0] for key, _ in ordered],
        "d_slot_id": [key[1] for key, _ in ordered],
        **{f"d_{name}": [delta[name] for _, delta in ordered] for name in ("moves", "is_sale", *_COUNTERS)},
    }


_locked = (
    func.unnest(bindparam("hospital_ids", type_=ARRAY(Integer())), bindparam("slot_ids", type_=ARRAY(Uuid())))
    .table_valued(column("hospital_id", Integer()), column("slot_id", Uuid()))
    .render_derived(name="wanted")
)
_SLOT = table(Slot).c
_LEFT = HotStatement(
    select(_SLOT.id, *(_SLOT[pool.value] for pool in SOLD_FROM))
    .join_from(
        _locked, table(Slot), (_SLOT.hospital_id == _locked.c.hospital_id) & (_SLOT.id == _locked.c.slot_id)
    )
    .order_by(_SLOT.hospital_id, _SLOT.id)
    .with_for_update(key_share=True, of=table(Slot))
)


async def left_under_lock(db: AsyncSession, slot_ids: Collection[UUID]) -> dict[tuple[UUID, Bucket], int]:
    """Lock slots in the order of their ids, so that two callers cannot deadlock; answers what is left.

    The places of each slot in each pool that can be sold from; they stay so until the transaction ends.
    """
    ids = sorted(slot_ids)
    rows = await _LEFT.rows(db, {"hospital_ids": [hospital_of(id_) for id_ in ids], "slot_ids": ids})
    return {(row.id, pool): getattr(row, pool.value) for row in rows for pool in SOLD_FROM}


class PlacesMissing(Exception):
    """A slot lacks places that its rows say it has: a defect, never a condition."""


async def move_known(db: AsyncSession, moves: Sequence[Move]) -> None:
    """Move places that are known to be there, since rows that this transaction has locked stand for them.

    Raises `PlacesMissing`, which rolls everything back: a counter disagrees with its rows.
    """
    if not await move(db, moves):
        raise PlacesMissing(moves)


async def move(db: AsyncSession, moves: Sequence[Move]) -> bool:
    """Move all places or tell that they cannot be moved; the last thing a transaction should do.

    Answers False if any slot lacks the places or, for a sale, is not on sale at this moment by the
    database's clock; the caller must then roll back. Concurrent callers queue on the slot's row;
    several slots are locked in the order of their ids first, so that two callers cannot deadlock.
    """
    if not moves:
        return True
    slots = {one.slot_id for one in moves}
    if len(slots) > 1:
        await left_under_lock(db, slots)
    moved = await _MOVE.rows(db, move_params(moves))
    return bool(moved[0][0] == len(slots))
