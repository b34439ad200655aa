"""A migrated database for each test process, emptied before each test that uses it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web.migrate import upgrade_async

RUN_DIR = "GUAHAO_TEST_RUN_DIR"
"""Environment variable by which the processes of one test run share a folder."""

_CREATE = "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
_CLEAN = """
CREATE SCHEMA test;
CREATE TABLE test.kept AS SELECT 'alembic_version'::text AS name;
DO $$ DECLARE t text; filled bool; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t) INTO filled;
    IF filled THEN INSERT INTO test.kept VALUES (t); END IF;
  END LOOP;
END $$;
CREATE PROCEDURE test.clean() LANGUAGE plpgsql AS $$
DECLARE t record; filled bool;
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  FOR t IN SELECT c.relname, c.oid FROM pg_class c
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
             AND pg_relation_size(c.oid) > 0 AND c.relname NOT IN (SELECT name FROM test.kept) LOOP
    IF pg_relation_size(t.oid) > 4000000 THEN
      EXECUTE format('TRUNCATE public.%I CASCADE', t.relname);
    ELSE
      EXECUTE format('DELETE FROM public.%I', t.relname);
    END IF;
  END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
  FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
  PERFORM set_config('session_replication_role', 'origin', true);
END $$;
"""


def share_run_dir() -> None:
    """Make the run's folder, once, in the process that starts the others."""
    if RUN_DIR not in os.environ:
        os.environ[RUN_DIR] = tempfile.mkdtemp(prefix="guahao-test-")
        Path(os.environ[RUN_DIR]).chmod(0o755)


def folder() -> Path:
    """Make a folder that every OS account may enter, gone when the run ends."""
    made = Path(tempfile.mkdtemp(dir=os.environ[RUN_DIR]))
    made.chmod(0o755)
    return made


def end_run() -> None:
    """Stop the run's server, if one was started, and remove the folder."""
    folder = Path(os.environ.pop(RUN_DIR))
    if (folder / "pg").exists():
        EmbeddedPostgres(folder / "pg").stop()
    shutil.rmtree(folder, ignore_errors=True)


def server_dsn() -> str:
    """Address of a database on which databases may be created."""
    given = os.environ.get("GUAHAO_TEST_DATABASE_URL") or os.environ.get("GUAHAO_DATABASE_URL")
    if given:
        return given
    server = EmbeddedPostgres(Path(os.environ[RUN_DIR]) / "pg")
    server.start()
    return server.dsn


def address_of(dsn: str, database: str) -> str:
    """Name another database of the same server."""
    return make_url(dsn).set(database=database).render_as_string(hide_password=False)


async def execute(dsn: str, *statements: str) -> None:
    """Run statements outside a transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(server: str, name: str) -> None:
    await execute(server, _CREATE.format(name=name), f"ALTER DATABASE {name} SET synchronous_commit = off")
    await upgrade_async(address_of(server, name))
    await execute(address_of(server, name), _CLEAN)


@contextmanager
def migrated_database(purpose: str) -> Iterator[str]:
    """Address of a fresh migrated database of this test process for `purpose`, a word of a name."""
    server = server_dsn()
    run = Path(os.environ[RUN_DIR])
    template = run.name.replace("-", "_").lower()
    with (run / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run / "template").exists():
            asyncio.run(_make_template(server, template))
            (run / "template").touch()
        mine = f"{template}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{purpose}"
        asyncio.run(
            execute(
                server,
                f"CREATE DATABASE {mine} TEMPLATE {template}",
                f"ALTER DATABASE {mine} SET synchronous_commit = off",
            )
        )
    yield address_of(server, mine)
    asyncio.run(execute(server, f"DROP DATABASE {mine} WITH (FORCE)"))
