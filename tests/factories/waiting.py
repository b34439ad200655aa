"""Seeing in the database that a transaction waits for another one's lock."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from guahao.kernel.db import Sessions

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until_somebody_waits(sessions: Sessions, *, least: int = 1) -> None:
    """Return as soon as so many transactions of this database wait. Raises TimeoutError after 30 s."""
    async with asyncio.timeout(30):
        while True:
            async with sessions() as db:
                if (await db.scalar(_WAITING) or 0) >= least:
                    return
            await asyncio.sleep(0.01)
