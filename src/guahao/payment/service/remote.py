"""What calls to providers share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

from guahao.kernel.log import logger
from guahao.payment.models import Provider
from guahao.payment.ports import ChannelRefused, ClockWrong

_AT_ONCE = 8


async def all_of(calls: Iterable[Awaitable[None]]) -> None:
    """Make the calls, a few at a time; the first failure is raised when all have ended."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Awaitable[None]) -> None:
        async with free:
            await call

    for result in await asyncio.gather(*(one(call) for call in calls), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def note_refusal(provider: Provider, refused: ChannelRefused) -> None:
    """Tell whoever runs the product that a provider refuses what it should accept."""
    event = "payment-clock-wrong" if isinstance(refused, ClockWrong) else "payment-refused"
    logger().error(event, provider=provider.value, code=refused.code)
