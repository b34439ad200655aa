"""Brings a database to the newest revision."""

from __future__ import annotations

import asyncio
from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from guahao.kernel.db import MIGRATING, make_engine
from guahao.web.revision import head, revision_of

_ONE_AT_A_TIME = 4_801_337
"""Advisory lock number: two starting processes migrate one after the other."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("guahao.web") / "migrations").replace("%", "%%"))
    return config


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def upgrade_async(dsn: str, *, revision: str | None = None) -> str:
    """Bring the database at `dsn` to `revision` or the newest, all or nothing; harmless when it is there.

    Answers the revision.
    """
    wanted = revision or head()
    engine = make_engine(dsn, pool_size=2, timeouts=MIGRATING)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ONE_AT_A_TIME})
            # A change that waits behind a long query must not block the queries behind it for long.
            await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            if await revision_of(connection) != wanted:
                await connection.run_sync(_upgrade, wanted)
    finally:
        await engine.dispose()
    return wanted


def upgrade(dsn: str) -> None:
    """Do `upgrade_async` from code that runs no event loop."""
    asyncio.run(upgrade_async(dsn))
