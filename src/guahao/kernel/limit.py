"""How much a process does: heavy work at once, requests of one kind a minute; the rest is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from guahao.kernel.errors import TooManyRequests, Unavailable

_MOST_KEYS = 200_000
_MINUTE_S = 60.0


class AtMost:
    """Lets so many in at once; whoever comes then is told to come back in a moment."""

    def __init__(self, most: int, *, back_in_s: int) -> None:
        """Say how many, and after how many seconds another try makes sense."""
        self._most = most
        self._back_in_s = back_in_s
        self._inside = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be one of them for the length of a block. Raises `Unavailable`."""
        if self._inside >= self._most:
            raise Unavailable(retry_after_s=self._back_in_s)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


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
