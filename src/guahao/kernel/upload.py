"""Files that staff send: held in memory, so few at once, none without end, not all of one sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from guahao.kernel.limit import AtMost

_at_once = AtMost(12, each=4, back_in_s=5)
"""A file of 20 MB is in memory some four times until the database has it; of one hospital at most four."""

_SENT_WITHIN_S = 120
"""20 MB over a slow line; whoever sends more slowly would keep the others out."""


@asynccontextmanager
async def uploaded(read: Callable[[], Awaitable[bytes]], *, owner: int) -> AsyncGenerator[bytes]:
    """Read what is sent for the hospital `owner` and work with it in the block; a file too many is not read.

    Raises `Unavailable`, what `read` raises, and TimeoutError, which is answered as `Unavailable` too.
    """
    with _at_once.one(owner):
        async with asyncio.timeout(_SENT_WITHIN_S):
            content = await read()
        yield content
