"""Sharing of reads: whoever asks while a read is running is answered by the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batched(Generic[K, V]):
    """Reads by key, one batch in flight at a time; no timer, so an idle server waits for nothing.

    A caller is only answered by a read that began after it asked: what it has written before, it sees.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]]) -> None:
        """Take the function that reads a batch; it answers every key, by an exception where one failed."""
        self._read = read
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """Answer the value of `key`, or raise what the read raised."""
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = asyncio.get_running_loop().create_future()
        if self._reader is None:
            self._reader = asyncio.create_task(self._serve())
        return await asyncio.shield(answer)

    async def _serve(self) -> None:
        try:
            while self._asked:
                await asyncio.sleep(0)  # one loop turn: requests that arrived together are read together
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._reader = None

    async def _answer(self, asked: dict[K, asyncio.Future[V]]) -> None:
        try:
            found = await self._read(list(asked))
        except Exception as error:  # noqa: BLE001  # each caller gets it
            for answer in asked.values():
                answer.set_exception(error)
                # Retrieved here as well, since a caller may have gone away.
                answer.exception()
            return
        for key, answer in asked.items():
            value = found[key]
            if isinstance(value, Exception):
                answer.set_exception(value)
                answer.exception()
            else:
                answer.set_result(value)
