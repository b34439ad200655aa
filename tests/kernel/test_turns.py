"""Turns at heavy work: of each owner one at a time, and nobody waits for another owner's queue."""

from __future__ import annotations

import asyncio

import pytest

from guahao.kernel.errors import Unavailable
from guahao.kernel.limit import AtMost, Turns

pytestmark = pytest.mark.anyio


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Work:
    """Tasks that take a turn and hold it until told to end."""

    def __init__(self, most: int) -> None:
        self._turns = Turns(most)
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, *names: str) -> None:
        """Begin tasks whose owner is the first letter of their name."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._run(name))
        await settled()

    async def _run(self, name: str) -> None:
        async with self._turns.turn(name[0]):
            self.begun.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        """Let a task end."""
        self._ends[name].set()
        await settled()


async def test_an_owner_waits_for_itself_and_others_do_not() -> None:
    work = Work(3)

    await work.start("a1", "a2", "a3", "b1")
    at_first = list(work.begun)
    await work.end("a1")

    assert at_first == ["a1", "b1"]
    assert work.begun == ["a1", "b1", "a2"]


async def test_no_more_than_so_many_work_and_the_longest_waiting_comes_next() -> None:
    work = Work(2)

    await work.start("a1", "b1", "a2", "c1", "d1")
    at_first = list(work.begun)
    await work.end("b1")
    await work.end("a1")

    assert at_first == ["a1", "b1"]
    assert work.begun == ["a1", "b1", "c1", "a2"]


async def test_who_stops_waiting_keeps_nobody_out() -> None:
    work = Work(1)
    await work.start("a1", "b1", "c1")

    work.tasks["b1"].cancel()
    await settled()
    await work.end("a1")

    assert work.begun == ["a1", "c1"]
    await work.end("c1")
    await work.start("d1")
    assert work.begun[-1] == "d1"


async def test_who_is_called_and_stops_at_the_same_moment_passes_the_turn_on() -> None:
    work = Work(1)
    await work.start("a1", "b1", "c1")

    work._ends["a1"].set()  # without letting others run in between
    await work.tasks["a1"]
    work.tasks["b1"].cancel()
    await settled()

    assert work.begun[-1] == "c1"


def test_one_owner_does_not_take_every_place() -> None:
    at_most = AtMost(3, each=2, back_in_s=5)

    with at_most.one(1), at_most.one(1):
        with pytest.raises(Unavailable), at_most.one(1):
            pass
        with at_most.one(2), pytest.raises(Unavailable), at_most.one(3):
            pass
        with at_most.one(3):
            pass
    with at_most.one(1), at_most.one(1):
        pass
