"""Tells recorded events to their reactions: at least once, one transaction each, in the worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Select, Text, bindparam, case, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Json, Sessions, affected, is_exactly, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import EventHandled, EventRow, EventState, Reaction
from guahao.kernel.ids import hospital_of
from guahao.kernel.jobs import pause
from guahao.kernel.log import describe, logger
from guahao.kernel.paging import Listing

LONGEST_PAUSE_S = 600
"""Pauses between attempts double up to ten minutes, so an event of many attempts is retried for hours."""

TAKEN_UP_WITHIN = timedelta(days=1)
"""Events that no version had a reaction to are taken up no later: old ones would surprise people."""

LEASE = timedelta(seconds=60)
"""A claimed event is nobody else's for this long; a killed worker's events are told after it."""

KEPT_FOR = timedelta(days=30)
BATCH = 200
_AT_ONCE = 4
_POLL_S = 0.2
_TAKE_UP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An event this worker has leased."""

    hospital_id: int
    id: UUID
    name: str
    payload: Json
    attempts: int


_pending = (
    select(EventRow.hospital_id, EventRow.id)
    .where(is_exactly(EventRow.state, EventState.PENDING), EventRow.due_at <= func.now())
    .order_by(EventRow.due_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
    .cte("pending")
)
_heard = EventRow.name == func.any(bindparam("heard", type_=ARRAY(Text)))
_CLAIM = (
    update(EventRow)
    .where(EventRow.hospital_id == _pending.c.hospital_id, EventRow.id == _pending.c.id)
    .values(
        state=case((_heard, literal("pending")), else_=literal("unheard")),
        attempts=EventRow.attempts + 1,
        due_at=func.now() + LEASE,
    )
    .returning(
        EventRow.hospital_id, EventRow.id, EventRow.name, EventRow.payload, EventRow.attempts, EventRow.state
    )
    .execution_options(synchronize_session=False)
)
_TAKE_UP = (
    update(EventRow)
    .where(
        is_exactly(EventRow.state, EventState.UNHEARD),
        EventRow.occurred_at > func.now() - TAKEN_UP_WITHIN,
        _heard,
    )
    .values(state=EventState.PENDING, due_at=func.now(), attempts=0)
    .execution_options(synchronize_session=False)
)


class Relay:
    """Tells events to `reactions`; any number of relays may run at once."""

    def __init__(self, sessions: Sessions, reactions: Sequence[Reaction]) -> None:
        """Sort the reactions by the event they hear."""
        self._sessions = sessions
        self._reactions: dict[str, list[Reaction]] = {}
        for reaction in reactions:
            self._reactions.setdefault(reaction.event.name, []).append(reaction)
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def run(self, stopping: asyncio.Event) -> None:
        """Tell events until `stopping`; then finish those already claimed."""
        taken_up_at = -_TAKE_UP_S
        while not stopping.is_set():
            if time.monotonic() - taken_up_at >= _TAKE_UP_S:
                taken_up_at = time.monotonic()
                await self.take_up()
            if await self.tell_batch() < BATCH:
                await pause(stopping, _POLL_S)

    async def take_up(self) -> int:
        """Make events due that an older version without our reactions laid aside; answers how many.

        While versions overlap in a release the older worker may claim an event first.
        """
        async with transaction(self._sessions) as db:
            return affected(await db.execute(_TAKE_UP, {"heard": list(self._reactions)}))

    async def tell_batch(self) -> int:
        """Claim what is due, tell it, settle it; answers how many events were claimed.

        Events that no reaction hears are laid aside by the claim itself.
        """
        async with transaction(self._sessions) as db:
            rows = (await db.execute(_CLAIM, {"heard": list(self._reactions)})).all()
        claimed = [
            Claimed(hospital_id=row[0], id=row[1], name=row[2], payload=row[3], attempts=row[4])
            for row in rows
            if row.state is EventState.PENDING
        ]
        told = await asyncio.gather(*(self._tell(event) for event in claimed))
        await self._settle([event for event, error in zip(claimed, told, strict=True) if error is None])
        for event, error in zip(claimed, told, strict=True):
            if error is not None:
                await self._put_off(event, error)
        return len(rows)

    async def _tell(self, event: Claimed) -> Exception | None:
        """Tell every reaction; one that fails does not keep the others from hearing."""
        failed: Exception | None = None
        async with self._free:
            for reaction in self._reactions[event.name]:
                try:
                    await self._react(event, reaction)
                except Exception as error:  # noqa: BLE001  # any defect of a reaction: told again later
                    logger().error(
                        "reaction-failed",
                        reaction=reaction.name,
                        event_name=event.name,
                        event_id=str(event.id),
                        attempts=event.attempts,
                        **describe(error),
                    )
                    failed = error
        return failed

    async def _react(self, event: Claimed, reaction: Reaction) -> None:
        mark = (
            insert(EventHandled)
            .values(hospital_id=event.hospital_id, event_id=event.id, reaction=reaction.name)
            .on_conflict_do_nothing()
            .returning(EventHandled.reaction)
        )
        async with transaction(self._sessions) as db:
            if await db.scalar(mark) is not None:
                await reaction.handle(db, msgspec.convert(event.payload, reaction.event))

    async def _settle(self, told: Sequence[Claimed]) -> None:
        if not told:
            return
        keys = [(event.hospital_id, event.id) for event in told]
        async with transaction(self._sessions) as db:
            await db.execute(
                update(EventRow)
                .where(tuple_(EventRow.hospital_id, EventRow.id).in_(keys))
                .values(state=EventState.DONE, last_error=None)
            )

    async def _put_off(self, event: Claimed, error: Exception) -> None:
        attempts = self._reactions[event.name][0].event.attempts
        dead = event.attempts >= attempts
        pause_s = min(2 ** (event.attempts - 1), LONGEST_PAUSE_S)
        async with transaction(self._sessions) as db:
            await db.execute(
                update(EventRow)
                .where(EventRow.hospital_id == event.hospital_id, EventRow.id == event.id)
                .values(
                    state=EventState.DEAD if dead else EventState.PENDING,
                    due_at=func.now() + timedelta(seconds=pause_s),
                    last_error=type(error).__name__,
                )
            )


class NotDead(Problem):
    """The event is not given up any more: somebody had it told again, or discarded it."""

    code = "dead-letter-settled"
    status = 409


DEAD_LETTERS = Listing(by={"occurred_at": EventRow.occurred_at}, id=EventRow.id, default="-occurred_at")


def dead_letters(*, hospital_id: int | None, name: str | None) -> Select[EventRow]:
    """Events that were given up, of one hospital or of all."""
    found = select(EventRow).where(is_exactly(EventRow.state, EventState.DEAD))
    if hospital_id is not None:
        found = found.where(EventRow.hospital_id == hospital_id)
    return found if name is None else found.where(EventRow.name == name)


async def heard_by(db: AsyncSession, *, hospital_id: int, event_id: UUID) -> frozenset[str]:
    """The reactions that have taken an event."""
    found = await db.scalars(
        select(EventHandled.reaction).where(
            EventHandled.hospital_id == hospital_id, EventHandled.event_id == event_id
        )
    )
    return frozenset(found)


async def dead_letter(db: AsyncSession, *, event_id: UUID) -> EventRow:
    """One event that was given up. Raises `NotFound`."""
    row = await db.get(EventRow, (hospital_of(event_id), event_id))
    if row is None or row.state is not EventState.DEAD:
        raise NotFound
    return row


async def tell_again(db: AsyncSession, *, event_id: UUID) -> EventRow:
    """Have a dead event told again now, to those who have not heard it. Raises `NotFound`, `NotDead`."""
    return await _settle_dead(db, event_id, state=EventState.PENDING, attempts=0, due_at=func.now())


async def discard(db: AsyncSession, *, event_id: UUID) -> EventRow:
    """Let a dead event rest, untold. Raises `NotFound`, `NotDead`."""
    return await _settle_dead(db, event_id, state=EventState.DISCARDED)


async def _settle_dead(db: AsyncSession, event_id: UUID, **values: object) -> EventRow:
    row = await db.scalar(
        update(EventRow)
        .where(EventRow.hospital_id == hospital_of(event_id), EventRow.id == event_id)
        .where(EventRow.state == EventState.DEAD)
        .values(**values)
        .returning(EventRow)
        .execution_options(populate_existing=True)
    )
    if row is None:
        if await db.get(EventRow, (hospital_of(event_id), event_id)) is None:
            raise NotFound
        raise NotDead
    return row


async def forget_told(db: AsyncSession) -> int:
    """Delete one batch of events settled long ago and their marks; answers how many. Dead ones stay."""
    old = (
        select(EventRow.hospital_id, EventRow.id)
        .where(
            EventRow.state.in_((EventState.DONE, EventState.DISCARDED, EventState.UNHEARD)),
            EventRow.occurred_at < func.now() - KEPT_FOR,
        )
        .limit(1000)
    )
    gone = delete(EventRow).where(tuple_(EventRow.hospital_id, EventRow.id).in_(old))
    keys = [tuple(row) for row in await db.execute(gone.returning(EventRow.hospital_id, EventRow.id))]
    if not keys:
        return 0
    marks = tuple_(EventHandled.hospital_id, EventHandled.event_id).in_(keys)
    affected(await db.execute(delete(EventHandled).where(marks)))
    return len(keys)
