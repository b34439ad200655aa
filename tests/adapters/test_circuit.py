from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from guahao.adapters.circuit import Circuit
from guahao.payment.ports import ChannelBusy, ChannelDown, ChannelRefused, ChannelUncertain

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def circuit(clock: Clock | None = None, **overrides: float) -> Circuit:
    defaults = {"failures": 3, "rest_s": 20.0}
    return Circuit(**{**defaults, **overrides}, clock=clock or Clock())


async def succeed(tried: Circuit) -> None:
    async with tried.call():
        pass


async def fail(tried: Circuit, error: BaseException | None = None) -> None:
    raised = error or ChannelUncertain("no answer")
    with pytest.raises(type(raised)) as caught:
        async with tried.call():
            raise raised
    assert caught.value is raised


async def refused(tried: Circuit) -> bool:
    """Whether nothing is sent now."""
    is_inside = False
    try:
        async with tried.call():
            is_inside = True
    except ChannelDown:
        assert not is_inside
        return True
    return False


async def test_it_opens_after_the_agreed_number_of_uncertain_outcomes_in_a_row() -> None:
    tried = circuit()

    await fail(tried)
    await fail(tried)
    assert not tried.is_open
    await fail(tried)

    assert tried.is_open
    assert await refused(tried)


async def test_an_answer_between_starts_the_count_anew() -> None:
    tried = circuit()
    await fail(tried)
    await fail(tried)

    await succeed(tried)
    await fail(tried)
    await fail(tried)

    assert not tried.is_open
    assert not await refused(tried)


async def test_a_definite_no_is_an_answer() -> None:
    tried = circuit()
    await fail(tried)
    await fail(tried)

    await fail(tried, ChannelRefused("PARAM_ERROR"))
    await fail(tried)
    await fail(tried)

    assert not tried.is_open


async def test_other_errors_and_cancellation_say_nothing() -> None:
    tried = circuit()
    await fail(tried)
    await fail(tried)

    await fail(tried, RuntimeError("a defect"))
    await fail(tried, asyncio.CancelledError())
    assert not tried.is_open
    await fail(tried)

    assert tried.is_open


async def test_it_rests_exactly_as_long_as_agreed() -> None:
    clock = Clock()
    tried = circuit(clock)
    for _ in range(3):
        await fail(tried)

    clock.now_s += 19.999
    assert await refused(tried)
    clock.now_s = 1020.0
    assert not await refused(tried)
    assert not tried.is_open


async def test_the_rest_counts_from_the_last_failure() -> None:
    clock = Clock()
    tried = circuit(clock)
    await fail(tried)
    await fail(tried)
    clock.now_s += 15

    await fail(tried)
    clock.now_s += 15

    assert await refused(tried)


async def test_after_the_rest_one_call_tries_and_the_others_are_refused() -> None:
    clock = Clock()
    tried = circuit(clock)
    for _ in range(3):
        await fail(tried)
    clock.now_s += 20

    async with tried.call():
        assert await refused(tried)
        assert await refused(tried)

    assert not await refused(tried)


async def test_a_failed_trial_opens_it_for_another_rest_at_once() -> None:
    clock = Clock()
    tried = circuit(clock)
    for _ in range(3):
        await fail(tried)
    clock.now_s += 20

    await fail(tried)

    assert await refused(tried)
    clock.now_s += 19
    assert await refused(tried)
    clock.now_s += 1
    assert not await refused(tried)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RuntimeError("a defect")])
async def test_a_trial_that_ends_without_an_outcome_leaves_the_next_call_to_try(error: BaseException) -> None:
    clock = Clock()
    tried = circuit(clock)
    for _ in range(3):
        await fail(tried)
    clock.now_s += 20

    await fail(tried, error)

    assert tried.is_open
    assert not await refused(tried)


async def test_a_definite_no_to_the_trial_closes_it() -> None:
    clock = Clock()
    tried = circuit(clock)
    for _ in range(3):
        await fail(tried)
    clock.now_s += 20

    await fail(tried, ChannelRefused("PARAM_ERROR"))

    assert not tried.is_open


async def test_row_29_a_hanging_provider_holds_only_its_places() -> None:
    tried = circuit(concurrent=2, wait_s=0.01)
    end = asyncio.Event()

    async def hang() -> None:
        async with tried.call():
            await end.wait()

    hanging = [asyncio.create_task(hang()) for _ in range(2)]
    await asyncio.sleep(0)

    assert await refused(tried)
    assert not tried.is_open
    end.set()
    await asyncio.gather(*hanging)
    assert not await refused(tried)


async def test_a_call_gets_the_place_of_one_that_ends_while_it_waits() -> None:
    tried = circuit(concurrent=1, wait_s=5)
    end = asyncio.Event()

    async def hang() -> None:
        async with tried.call():
            await end.wait()

    hanging = asyncio.create_task(hang())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(refused(tried))
    await asyncio.sleep(0)
    end.set()

    assert not await waiting
    await hanging


async def test_a_failed_call_gives_its_place_back() -> None:
    tried = circuit(failures=100, concurrent=1, wait_s=0.01)

    for _ in range(3):
        await fail(tried)

    assert not await refused(tried)


async def test_a_trial_that_finds_no_place_says_nothing() -> None:
    clock = Clock()
    tried = circuit(clock, failures=1, concurrent=1, wait_s=0.01)
    async with tried.call():
        tried._failed = 1

        assert await refused(tried)

    assert not await refused(tried)


async def test_the_defaults_are_those_agreed() -> None:
    clock = Clock()
    tried = Circuit(clock=clock)

    for _ in range(4):
        await fail(tried)
    assert not tried.is_open
    await fail(tried)
    clock.now_s += 19.9
    assert await refused(tried)
    clock.now_s += 0.1
    assert not await refused(tried)


async def test_a_provider_that_asks_us_to_slow_down_is_up() -> None:
    tried = circuit(failures=2)

    await fail(tried)
    for _ in range(5):
        await fail(tried, ChannelBusy("status 429"))
    await fail(tried)

    assert not tried.is_open
    assert not await refused(tried)
