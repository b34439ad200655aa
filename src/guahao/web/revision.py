"""Which revision of the database this program needs, and which one a database has."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@cache
def head() -> str:
    """Name the newest revision: files are named like their revisions and sort in their order.

    Alembic would tell the same, but servers and workers start faster without importing it.
    """
    versions = files("guahao.web") / "migrations" / "versions"
    return max(entry.name.removesuffix(".py") for entry in versions.iterdir() if entry.name[0].isdigit())


async def revision_of(connection: AsyncConnection) -> str | None:
    """Tell the database's revision, None when it has none."""
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
