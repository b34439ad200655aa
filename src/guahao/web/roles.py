"""The database role that serves: it reads and writes rows, changes no table and rewrites no trail."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from guahao.kernel.db import MIGRATING, make_engine

_KEPT = """
SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'audit_refuse_change' ORDER BY 1
"""
"""The tables whose rows stay as they were written."""

_TOO_MUCH = """
SELECT r.rolsuper OR EXISTS (
    SELECT FROM pg_class c WHERE c.relname = ANY (:kept) AND c.relnamespace = 'public'::regnamespace
    AND (pg_has_role(r.oid, c.relowner, 'MEMBER')
         OR has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE'))
) OR has_parameter_privilege(r.oid, 'session_replication_role', 'SET')
FROM pg_roles r WHERE r.rolname = current_user
"""


class NoSuchRole(Exception):
    """The role that shall serve does not exist; the message says how it is made."""


async def let_serve(owner_dsn: str, serving_dsn: str) -> str:
    """Give the role of `serving_dsn` what serving needs, and take from it what it does not; answers its name.

    To be repeated after each migration, as `guahao migrate` does: new tables need it. Raises `NoSuchRole`.
    """
    role = make_url(serving_dsn).username or ""
    engine = make_engine(owner_dsn, pool_size=1, timeouts=MIGRATING)
    try:
        async with engine.begin() as connection:
            await _grant(connection, role)
    finally:
        await engine.dispose()
    return role


async def _grant(connection: AsyncConnection, role: str) -> None:
    quoted = await connection.scalar(
        text("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = :role"), {"role": role}
    )
    if quoted is None:
        message = f"there is no database role {role!r}; make it with: CREATE ROLE ... LOGIN PASSWORD '...'"
        raise NoSuchRole(message)
    kept = ", ".join(await _kept_tables(connection))
    for statement in (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {quoted}",
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}",
        f"REVOKE UPDATE, DELETE ON {kept} FROM {quoted}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}",
    ):
        await connection.execute(text(statement))


async def _kept_tables(db: AsyncConnection | AsyncSession) -> list[str]:
    return [row.relname for row in await db.execute(text(_KEPT))]


async def may_rewrite_the_trail(db: AsyncSession) -> bool:
    """Tell whether this connection's role could change or delete what must stay, or switch its guards off."""
    return bool(await db.scalar(text(_TOO_MUCH), {"kept": await _kept_tables(db)}))
