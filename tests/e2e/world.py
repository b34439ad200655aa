"""A demo, its database and the machine's browser: what a journey needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from playwright.sync_api import Browser
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import make_engine, make_sessions, transaction
from tests.e2e.payer import Books, Payer, Sql

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class World:
    """The demo, its database, and the machine's browser."""

    base: str
    dsn: str
    sql: Sql
    books: Books
    browser: Browser
    slots: Iterator[dict[str, Any]]

    def payer(self) -> Payer:
        """A newcomer who holds a place."""
        return Payer(self.base).hold(next(self.slots))

    def arrange(self, change: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Change the demo's data by the product's own services, in a transaction of its own."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._arrange(change)).result()

    async def _arrange(self, change: Callable[[AsyncSession], Awaitable[T]]) -> T:
        engine = make_engine(self.dsn)
        try:
            async with transaction(make_sessions(engine)) as db:
                return await change(db)
        finally:
            await engine.dispose()
