"""Fifteen at once around one order, again and again: whoever wins, no fen is lost or doubled."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from time import monotonic

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, make_engine, make_sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.kernel.settings import Settings
from guahao.payment.ports import Provider
from guahao.sandbox.keys import SandboxKeys
from guahao.web.app import create_app
from tests.factories.books import require_rest, require_sound
from tests.factories.office import Member, hire
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
RUNS = 200
ACTORS = 15
Actor = Callable[["Race"], Awaitable[None]]


@pytest.fixture
async def busy(database: str, sessions: Sessions) -> AsyncIterator[Sessions]:
    """As many connections as actors need; `sessions` has emptied the database before."""
    _ = sessions
    engine = make_engine(database, pool_size=32)
    yield make_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def till(settings: Settings, busy: Sessions) -> AsyncIterator[Till]:
    app: FastAPI = create_app(settings, sessions=busy)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as http:
        keys = SandboxKeys.load(settings.keys_path / "sandbox")
        yield Till(app=app, client=http, sessions=busy, keys=keys)


class Race:
    """One order and everybody who wants something of it."""

    def __init__(self, till: Till, held: Held, finance: Member, chance: random.Random) -> None:
        self.till, self.held, self.finance, self.chance = till, held, finance, chance
        self.statuses: list[int] = []

    def saw(self, answer: httpx.Response) -> httpx.Response:
        self.statuses.append(answer.status_code)
        assert answer.status_code < 500, answer.text
        return answer

    async def later(self) -> None:
        """Let others go first for a while."""
        for _ in range(self.chance.choice((0, 0, 5, 40, 200))):
            await asyncio.sleep(0)


def payer(channel: str) -> Actor:
    async def pay(race: Race) -> None:
        opened = race.saw(await race.till.pay(race.held.headers, race.held.order_id, channel=channel))
        if opened.status_code == 201:
            await race.later()
            race.saw(await race.till.at_cashier(opened))

    return pay


async def canceller(race: Race) -> None:
    race.saw(await race.till.cancel(race.held))


async def expirer(race: Race) -> None:
    await race.till.over(race.held)
    await race.till.expire()


async def notifier(race: Race) -> None:
    await race.till.deliver()


async def repeater(race: Race) -> None:
    """The provider says everything once more, and so does an eavesdropper."""
    for letter in (await race.till.letters())[-4:]:
        path = letter.notify_url.rpartition("/")[2]
        race.saw(await race.till.post(path, race.till.written(letter)))


async def asker(race: Race) -> None:
    await race.till.hurry()
    await race.till.errands("ask_about_payments")


async def refunder(race: Race) -> None:
    await race.till.errands("send_refunds", "follow_refunds")


async def office(race: Race) -> None:
    wish = {"amount_fen": race.chance.choice((1, 700, 5000)), "note": "多收了"}
    race.saw(await race.finance.post(f"/orders/{race.held.order_id}/refunds", **wish))


async def teller(race: Race) -> None:
    await race.till.tell()


async def biller(race: Race) -> None:
    await race.till.bill(race.chance.choice((Provider.WECHAT, Provider.ALIPAY)))


async def reader(race: Race) -> None:
    await race.till.order(race.held)


ACTORS_AND_WEIGHTS: Mapping[Actor, int] = {
    payer("wechat_jsapi"): 4,
    payer("wechat_native"): 1,
    payer("alipay_qr"): 4,
    canceller: 2,
    expirer: 2,
    notifier: 4,
    repeater: 3,
    asker: 3,
    refunder: 3,
    office: 2,
    teller: 4,
    biller: 1,
    reader: 1,
}


async def run(till: Till, finance: Member, hospital_id: int, seed: int) -> list[int]:
    chance = random.Random(seed)  # a race, not a secret
    held = await till.hold(capacity=chance.choice((1, 2)), hospital_id=hospital_id)
    race = Race(till, held, finance, chance)
    chosen = chance.choices(list(ACTORS_AND_WEIGHTS), list(ACTORS_AND_WEIGHTS.values()), k=ACTORS)

    async def act(actor: Actor) -> None:
        await race.later()
        await actor(race)

    async with asyncio.TaskGroup() as group:
        for actor in chosen:
            group.create_task(act(actor))
    await require_sound(till.sessions)
    await expirer(race)
    await till.rest()
    await require_rest(till.sessions)
    return race.statuses


def _why(error: BaseException) -> BaseException:
    """The first failure among those of a group."""
    return _why(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def deadlocks(sessions: Sessions) -> int:
    async with transaction(sessions) as db:
        found = await db.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        return int(found or 0)


@pytest.mark.timeout(600)
async def test_in_200_races_of_15_no_fen_is_lost_or_doubled(till: Till) -> None:
    first = await till.booked()
    hospital_id = hospital_of(first.slot_id)
    finance = await hire(till.client, till.sessions, Role.FINANCE, hospital_id=hospital_id)
    before, began = await deadlocks(till.sessions), monotonic()
    base = secrets.randbelow(10**6) * 1000
    seen: set[int] = set()
    for number in range(RUNS):
        seed = base + number
        try:
            seen |= set(await run(till, finance, hospital_id, seed))
        except BaseException as error:
            print(f"the race with seed {seed} failed: {_why(error)!r}")  # noqa: T201  # to run it again
            raise
    print(f"{RUNS} races from seed {base} in {monotonic() - began:.0f} s")  # noqa: T201
    assert await deadlocks(till.sessions) == before
    assert {200, 201, 204, 409} <= seen
    async with transaction(till.sessions) as db:
        again = await db.scalars(text("SELECT DISTINCT name FROM event WHERE attempts > 1"))
        assert list(again) == []
