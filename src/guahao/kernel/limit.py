"""How much a process does: heavy work at once and of each hospital, requests of one kind a minute."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from guahao.kernel.errors import TooManyRequests, Unavailable

_MOST_KEYS = 200_000
_MINUTE_S = 60.0


class AtMost:
    """Lets so many in at once; whoever comes then is told to come back in a moment: nothing piles up."""

    def __init__(self, most: int, *, back_in_s: int, each: int | None = None) -> None:
        """Say how many in all and of each owner, and after how many seconds another try makes sense."""
        self._most = most
        self._each = most if each is None else each
        self._back_in_s = back_in_s
        self._inside: Counter[Hashable] = Counter()

    @contextmanager
    def one(self, owner: Hashable = None) -> Iterator[None]:
        """Be one of them, of this owner's, for the length of a block. Raises `Unavailable`."""
        if self._inside.total() >= self._most or self._inside[owner] >= self._each:
            raise Unavailable(retry_after_s=self._back_in_s)
        self._inside[owner] += 1
        try:
            yield
        finally:
            self._inside[owner] -= 1
            self._inside += Counter()  # forget owners with nothing inside


class TokenBuckets:
    """Buckets by key, each of a minute's tokens, refilled evenly; counted in this process only.

    A bucket is one number, the moment at which it is full again, so that a key costs little memory
    and a full bucket none after the next sweep.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        """Start with every bucket full; `clock` answers seconds."""
        self._clock = clock
        self._full_at: dict[tuple[str, ...], float] = {}

    def take(self, *key: str, a_minute: int) -> None:
        """Take a token of the bucket that holds `a_minute`. Raises `TooManyRequests` when it is empty."""
        now = self._clock()
        refill_s = _MINUTE_S / a_minute
        full_at = max(self._full_at.get(key, now), now) + refill_s
        wait_s = full_at - now - _MINUTE_S
        if wait_s > 1e-6:
            raise TooManyRequests(retry_after_s=max(1, math.ceil(wait_s)))
        if key not in self._full_at and len(self._full_at) >= _MOST_KEYS:
            self._sweep(now)
        self._full_at[key] = full_at

    def _sweep(self, now: float) -> None:
        """Forget full buckets; when so many keys are in use at once, all, rather than run out of memory."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        if len(self._full_at) >= _MOST_KEYS:
            self._full_at.clear()


class Turns:
    """Lets so many work at once, of each owner one: the others wait, and never for another owner's queue."""

    def __init__(self, most: int) -> None:
        """Say how many."""
        self._most = most
        self._working: set[Hashable] = set()
        self._waiting: list[tuple[Hashable, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, owner: Hashable) -> AsyncGenerator[None]:
        """Wait for this owner's turn and hold it for the length of a block."""
        if self._has_room(owner):
            self._working.add(owner)
        else:
            await self._wait(owner)
        try:
            yield
        finally:
            self._working.discard(owner)
            self._call_next()

    def _has_room(self, owner: Hashable) -> bool:
        return len(self._working) < self._most and owner not in self._working

    async def _wait(self, owner: Hashable) -> None:
        called = asyncio.get_running_loop().create_future()
        self._waiting.append((owner, called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._working.discard(owner)
                self._call_next()
            raise
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] is not called]

    def _call_next(self) -> None:
        for owner, called in self._waiting:
            if self._has_room(owner) and not called.done():
                self._working.add(owner)
                called.set_result(None)
