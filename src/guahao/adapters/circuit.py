"""A circuit breaker: leaves a payment provider that does not answer alone for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from guahao.payment.ports import (
    ChannelBusy,
    ChannelDown,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
)

FAILURES = 5
REST_S = 20.0
CONCURRENT = 50
WAIT_S = 1.5


class Circuit:
    """Brackets every call to one provider in one process.

    After `failures` uncertain outcomes in a row nothing is sent for `rest_s`; then one call tries
    whether the provider is back, while all others are still refused. At most `concurrent` calls
    are under way at once, so a provider that hangs holds no more than these; one more call waits
    for a place for `wait_s`. What is not sent raises `ChannelDown`.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        rest_s: float = REST_S,
        concurrent: int = CONCURRENT,
        wait_s: float = WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start closed; `clock` gives seconds from anywhere."""
        self._limit = failures
        self._rest_s = rest_s
        self._places = asyncio.Semaphore(concurrent)
        self._wait_s = wait_s
        self._clock = clock
        self._failed = 0
        self._tries_at = 0.0
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether the provider counts as down; for health and monitoring."""
        return self._failed >= self._limit

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[None]:
        """Run one call to the provider inside; what it raises decides, and passes through.

        `ChannelUncertain` is a failure. A result, `ChannelRefused`, `ChannelBusy` or `ChannelUnreadable` is
        an answer and closes the circuit. Anything else, such as cancellation, says nothing of the provider.
        """
        is_trial = self._admit()
        try:
            async with self._place():
                yield
        except ChannelDown:
            raise
        except (ChannelRefused, ChannelBusy, ChannelUnreadable):
            self._failed = 0
            raise
        except ChannelUncertain:
            self._failed += 1
            self._tries_at = self._clock() + self._rest_s
            raise
        else:
            self._failed = 0
        finally:
            if is_trial:
                self._is_trying = False

    def _admit(self) -> bool:
        """Refuse, or let in; true for the one call that tries whether the provider is back."""
        if not self.is_open:
            return False
        if self._is_trying or self._clock() < self._tries_at:
            raise ChannelDown
        self._is_trying = True
        return True

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise ChannelDown from None
        try:
            yield
        finally:
            self._places.release()
