import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.events import Event, EventHandled, EventRow, EventState, Reaction, publish
from guahao.kernel.ids import new_id
from guahao.kernel.relay import BATCH, Relay, forget_told
from guahao.payment.events import PaymentSucceeded

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    name: ClassVar[str] = "test.bell.rang"
    times: int


class Listener:
    def __init__(self, name: str = "listener", *, fails: int = 0) -> None:
        self.heard: list[Rang] = []
        self.fails = fails
        self.name = name

    async def hear(self, db: AsyncSession, event: Rang) -> None:
        effect = {"name": f"{self.name}{event.times}"}
        await db.execute(text("INSERT INTO job_run (name) VALUES (:name)"), effect)
        if self.fails:
            self.fails -= 1
            raise RuntimeError
        self.heard.append(event)

    @property
    def reaction(self) -> Reaction:
        return Reaction(name=self.name, event=Rang, handle=self.hear)


async def ring(sessions: Sessions, *times: int) -> None:
    async with transaction(sessions) as db:
        await publish(db, *[Rang(hospital_id=1, times=number) for number in times])


async def states(sessions: Sessions) -> dict[str, int]:
    async with transaction(sessions) as db:
        rows = await db.execute(select(EventRow.state, func.count()).group_by(EventRow.state))
        return {state.value: count for state, count in rows.all()}


async def make_due(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        await db.execute(update(EventRow).values(due_at=func.now()))


async def test_each_reaction_hears_an_event_once(sessions: Sessions) -> None:
    first, second = Listener("first"), Listener("second")
    await ring(sessions, 3)

    relay = Relay(sessions, [first.reaction, second.reaction])
    counts = [await relay.tell_batch(), await relay.tell_batch()]

    assert counts == [1, 0]
    assert first.heard == second.heard == [Rang(hospital_id=1, times=3)]
    assert await states(sessions) == {"done": 1}


async def test_an_event_nobody_hears_is_laid_aside_at_once(sessions: Sessions) -> None:
    await ring(sessions, *range(BATCH))

    assert await Relay(sessions, []).tell_batch() == BATCH

    assert await states(sessions) == {"unheard": BATCH}


async def test_a_version_that_has_a_reaction_takes_up_what_an_older_one_laid_aside(
    sessions: Sessions,
) -> None:
    await ring(sessions, 1, 2)
    await Relay(sessions, []).tell_batch()
    async with transaction(sessions) as db:
        old = select(EventRow.id).limit(1).scalar_subquery()
        long_ago = func.now() - text("interval '25 hours'")
        await db.execute(update(EventRow).where(EventRow.id == old).values(occurred_at=long_ago))
    listener = Listener()
    newer = Relay(sessions, [listener.reaction])

    assert [await newer.take_up(), await newer.take_up()] == [1, 0]
    await newer.tell_batch()

    assert len(listener.heard) == 1
    assert await states(sessions) == {"done": 1, "unheard": 1}


async def test_a_worker_takes_up_what_was_laid_aside_when_it_starts(sessions: Sessions) -> None:
    await ring(sessions, 1)
    await Relay(sessions, []).tell_batch()
    stopping = asyncio.Event()

    class Stopping(Listener):
        async def hear(self, db: AsyncSession, event: Rang) -> None:
            await super().hear(db, event)
            stopping.set()

    listener = Stopping()
    async with asyncio.timeout(30):
        await Relay(sessions, [listener.reaction]).run(stopping)

    assert len(listener.heard) == 1


async def test_an_event_of_money_is_retried_for_hours_with_pauses_of_ten_minutes_at_most(
    sessions: Sessions,
) -> None:
    async def fail(_db: AsyncSession, _event: PaymentSucceeded) -> None:
        raise RuntimeError

    async with transaction(sessions) as db:
        id_ = new_id(1)
        await publish(db, PaymentSucceeded(hospital_id=1, order_id=id_, subject="test"))
    relay = Relay(sessions, [Reaction(name="fails", event=PaymentSucceeded, handle=fail)])

    waited = timedelta()
    while (await states(sessions)) == {"pending": 1}:
        await make_due(sessions)
        await relay.tell_batch()
        async with transaction(sessions) as db:
            pause = await db.scalar(select(EventRow.due_at - func.now()))
        assert pause is not None
        assert pause <= timedelta(minutes=10)
        waited += pause

    assert await states(sessions) == {"dead": 1}
    assert timedelta(hours=6) < waited < timedelta(hours=24)


async def test_a_failed_reaction_leaves_nothing_and_is_told_again_alone(sessions: Sessions) -> None:
    failing, fine = Listener("failing", fails=1), Listener("fine")
    relay = Relay(sessions, [failing.reaction, fine.reaction])
    await ring(sessions, 1)

    await relay.tell_batch()

    async with transaction(sessions) as db:
        names = (await db.scalars(text("SELECT name FROM job_run"))).all()
        marks = (await db.scalars(select(EventHandled.reaction))).all()
        row = (await db.scalars(select(EventRow))).one()
    assert (names, marks) == (["fine1"], ["fine"])
    assert (row.state, row.attempts, row.last_error) == (EventState.PENDING, 1, "RuntimeError")
    assert await relay.tell_batch() == 0

    await make_due(sessions)
    await relay.tell_batch()

    assert (len(failing.heard), len(fine.heard)) == (1, 1)
    assert await states(sessions) == {"done": 1}


async def test_an_event_is_dead_after_the_last_attempt(sessions: Sessions) -> None:
    listener = Listener(fails=Rang.attempts)
    relay = Relay(sessions, [listener.reaction])
    await ring(sessions, 1)

    for _ in range(Rang.attempts + 1):
        await relay.tell_batch()
        await make_due(sessions)

    assert await states(sessions) == {"dead": 1}
    assert listener.fails == 0
    assert listener.heard == []


async def test_a_killed_workers_claim_is_told_again_but_handled_once(sessions: Sessions) -> None:
    listener = Listener()
    relay = Relay(sessions, [listener.reaction])
    await ring(sessions, 1)
    await relay.tell_batch()
    async with transaction(sessions) as db:
        await db.execute(update(EventRow).values(state=EventState.PENDING, due_at=func.now()))

    await relay.tell_batch()

    assert len(listener.heard) == 1
    assert await states(sessions) == {"done": 1}


async def test_a_leased_event_is_not_told_by_another_relay(sessions: Sessions) -> None:
    listener = Listener()
    await ring(sessions, 1)
    async with transaction(sessions) as db:
        await db.execute(select(EventRow).with_for_update())

        assert await Relay(sessions, [listener.reaction]).tell_batch() == 0

    assert listener.heard == []


async def test_an_event_rolled_back_is_never_told(sessions: Sessions) -> None:
    listener = Listener()
    async with sessions() as db:
        await publish(db, Rang(hospital_id=1, times=1))

    await Relay(sessions, [listener.reaction]).tell_batch()

    assert listener.heard == []


async def test_old_told_events_are_forgotten_and_dead_ones_kept(sessions: Sessions) -> None:
    await ring(sessions, 1, 2)
    await Relay(sessions, [Listener().reaction]).tell_batch()
    almost, long_ago = text("interval '29 days 23:59'"), text("interval '30 days 00:00:01'")
    async with transaction(sessions) as db:
        await db.execute(update(EventRow).values(occurred_at=func.now() - almost))
        assert await forget_told(db) == 0
        await db.execute(update(EventRow).values(occurred_at=func.now() - long_ago))
        dead = select(EventRow.id).limit(1).scalar_subquery()
        await db.execute(update(EventRow).where(EventRow.id == dead).values(state=EventState.DEAD))

    async with transaction(sessions) as db:
        assert await forget_told(db) == 1

    async with transaction(sessions) as db:
        assert await db.scalar(select(func.count()).select_from(EventHandled)) == 1
    assert await states(sessions) == {"dead": 1}
