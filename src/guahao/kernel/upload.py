"""Files that staff send: held in memory, so few at once and none that never ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from guahao.kernel.limit import AtMost

_at_once = AtMost(4, back_in_s=5)
"""A file of 20 MB is in memory some four times until the database has it."""

_SENT_WITHIN_S = 120
"""20 MB over a slow line; whoever sends more slowly would keep the others out."""


@asynccontextmanager
async def uploaded(read: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[bytes]:
    """Read what is sent and work with it in the block; a file too many is not read at all.

    Raises `Unavailable`, what `read` raises, and TimeoutError, which is answered as `Unavailable` too.
    """
    with _at_once.one():
        async with asyncio.timeout(_SENT_WITHIN_S):
            content = await read()
        yield content
