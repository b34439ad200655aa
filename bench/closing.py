"""An edit that closes a whole hospital against one plain statement that writes the same rows."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from bench import seed, stage
from bench.report import at_most, figure

SLOTS = 16_000
TOWN = seed.Town(people=1, sessions=SLOTS // seed.SLOTS_PER_SESSION)
ROUNDS = 5
GOAL = 40.0
"""Each session is judged anew by every rule; nobody waits for it but who closes a hospital, once in years."""

_RAW = "UPDATE slot SET released_at = released_at WHERE hospital_id = 1"
_CLOSE = "UPDATE hospital SET state = 'closed' WHERE id = 1"
_OPEN = "UPDATE hospital SET state = 'open' WHERE id = 1"
_CLOSED = "SELECT count(*) FROM slot WHERE closed_by IS NOT NULL"


def measure(folder: Path) -> Iterator[str]:
    """Tell how long it takes to write every coming slot once: plainly, and by closing their hospital."""
    with stage.database(folder) as dsn:
        raw, closing = asyncio.run(_timed(dsn))
    yield figure(f"{SLOTS:,} slots written by one statement", raw * 1000, "ms")
    yield figure("closed with their hospital", closing * 1000, "ms")
    yield at_most("ratio", closing / raw, GOAL)


async def _timed(dsn: str) -> tuple[float, float]:
    await seed.seed(dsn, TOWN)
    connection = await asyncpg.connect(dsn)
    try:
        raw, closing = [], []
        for _ in range(ROUNDS):
            raw.append(await _seconds(connection, _RAW))
            closing.append(await _seconds(connection, _CLOSE))
            if await connection.fetchval(_CLOSED) != SLOTS:
                message = "the hospital closed, some of its slots did not"
                raise RuntimeError(message)
            await connection.execute(_OPEN)
            await connection.execute("VACUUM slot")
        return statistics.median(raw), statistics.median(closing)
    finally:
        await connection.close()


async def _seconds(connection: asyncpg.Connection, statement: str) -> float:
    start = time.perf_counter()
    await connection.execute(statement)
    return time.perf_counter() - start
