from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import delivery, faults
from guahao.sandbox.delivery import Outgoing, announce, deliver
from guahao.sandbox.models import (
    DeliveryState,
    Disorder,
    FaultKind,
    SandboxDelivery,
    SandboxProvider,
)

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
SCHEDULE = (timedelta(seconds=15), timedelta(seconds=15), timedelta(minutes=3))
WECHAT = SandboxProvider.WECHAT


class Plain:
    schedule: Sequence[timedelta] = SCHEDULE

    def write(self, delivery: SandboxDelivery, disorder: Disorder, *, now: datetime) -> Outgoing:
        said = f"{delivery.event_id} {disorder.value} {now:%H:%M:%S}"
        return Outgoing(headers={"X-Said": "1"}, body=said.encode())

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        return status == 200 and not body


@dataclass
class Merchant:
    """Answers with `statuses` in turn, then always the last; 0 is a cut connection."""

    statuses: list[int]
    heard: list[str] = field(default_factory=list)

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request.content.decode())
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 0:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(status)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


async def owe(sessions: Sessions, *, event_id: str = "e1", scale: float = 1) -> None:
    async with transaction(sessions) as db:
        await announce(
            db,
            provider=WECHAT,
            out_trade_no="o1",
            event_id=event_id,
            event="TRANSACTION.SUCCESS",
            notify_url="http://merchant.test/callbacks/wechat-pay",
            content={"a": 1},
            time_scale=scale,
            now=NOW,
        )


async def switch(sessions: Sessions, *kinds: FaultKind) -> None:
    async with transaction(sessions) as db:
        for kind in kinds:
            await faults.switch_on(db, provider=WECHAT, kind=kind)


async def tick(sessions: Sessions, merchant: Merchant, clock: Clock, scale: float = 1) -> int:
    async with merchant.http() as http:
        return await deliver(sessions, http=http, notifiers={WECHAT: Plain()}, time_scale=scale, clock=clock)


async def rows(sessions: Sessions) -> list[SandboxDelivery]:
    async with sessions() as db:
        return list((await db.scalars(select(SandboxDelivery).order_by(SandboxDelivery.id))).all())


async def test_an_acknowledged_notification_is_told_once(sessions: Sessions) -> None:
    merchant, clock = Merchant([200]), Clock()
    await owe(sessions)

    assert [await tick(sessions, merchant, clock) for _ in range(2)] == [1, 0]

    (row,) = await rows(sessions)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.DELIVERED, 1, 200)
    assert merchant.heard == ["e1 none 01:00:00"]


@pytest.mark.parametrize("scale", [1, 60])
async def test_attempts_follow_the_schedule_in_scaled_time_and_end(sessions: Sessions, scale: float) -> None:
    merchant, clock = Merchant([500, 0, 404]), Clock()
    await owe(sessions, scale=scale)

    for wait in SCHEDULE:
        assert await tick(sessions, merchant, clock, scale) == 1
        clock.now += wait / scale - timedelta(milliseconds=1)
        assert await tick(sessions, merchant, clock, scale) == 0
        clock.now += timedelta(milliseconds=1)
    assert await tick(sessions, merchant, clock, scale) == 1
    clock.now += timedelta(days=1)

    assert await tick(sessions, merchant, clock, scale) == 0
    (row,) = await rows(sessions)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.GIVEN_UP, 4, 404)


async def test_notify_twice_tells_the_same_event_two_times(sessions: Sessions) -> None:
    merchant = Merchant([200])
    await switch(sessions, FaultKind.NOTIFY_TWICE)
    await owe(sessions)
    await owe(sessions, event_id="e2")

    await tick(sessions, merchant, Clock())

    assert [said.split()[0] for said in merchant.heard] == ["e1", "e1", "e2"]


async def test_notify_late_waits_ten_minutes_of_scaled_time(sessions: Sessions) -> None:
    merchant, clock = Merchant([200]), Clock()
    await switch(sessions, FaultKind.NOTIFY_LATE)
    await owe(sessions, scale=60)

    assert await tick(sessions, merchant, clock) == 0
    clock.now += timedelta(seconds=10)

    assert await tick(sessions, merchant, clock) == 1


async def test_notify_never_keeps_it_back_until_somebody_sends_it(sessions: Sessions) -> None:
    merchant, clock = Merchant([200]), Clock()
    await switch(sessions, FaultKind.NOTIFY_NEVER)
    await owe(sessions)
    clock.now += timedelta(days=30)
    assert await tick(sessions, merchant, clock) == 0
    (row,) = await rows(sessions)

    async with transaction(sessions) as db:
        assert await delivery.send_again(db, delivery_id=row.id, now=clock.now)
    assert await tick(sessions, merchant, clock) == 1

    assert len(merchant.heard) == 1


@pytest.mark.parametrize(
    ("kind", "first"),
    [(FaultKind.NOTIFY_TAMPERED, "tampered"), (FaultKind.NOTIFY_PROBE, "probe")],
)
async def test_a_disorder_spoils_the_first_attempt_only_and_never_counts_as_told(
    sessions: Sessions, kind: FaultKind, first: str
) -> None:
    merchant, clock = Merchant([200]), Clock()
    await switch(sessions, kind)
    await owe(sessions)

    await tick(sessions, merchant, clock)
    clock.now += SCHEDULE[0]
    await tick(sessions, merchant, clock)

    assert [said.split()[1] for said in merchant.heard] == [first, "none"]
    (row,) = await rows(sessions)
    assert row.state is DeliveryState.DELIVERED


async def test_a_notification_of_a_sender_that_died_is_tried_again(sessions: Sessions) -> None:
    clock = Clock()
    await owe(sessions)
    async with transaction(sessions) as db:
        assert len(await delivery._claim(db, now=clock.now)) == 1

    assert await tick(sessions, Merchant([200]), clock) == 0
    clock.now += timedelta(seconds=30)

    assert await tick(sessions, Merchant([200]), clock) == 1


async def test_an_outcome_that_comes_after_another_sender_took_over_is_dropped(sessions: Sessions) -> None:
    clock = Clock()
    await owe(sessions)
    async with transaction(sessions) as db:
        (mine,) = await delivery._claim(db, now=clock.now)
    clock.now += timedelta(seconds=30)
    await tick(sessions, Merchant([200]), clock)

    async with transaction(sessions) as db:
        cut = delivery._Answered(status=0, is_acknowledged=False)
        await delivery._record(db, mine, cut, schedule=SCHEDULE, time_scale=1, now=clock.now)

    (row,) = await rows(sessions)
    assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 2)
