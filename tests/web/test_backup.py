"""A backup brings everything back: database and keys, on a real PostgreSQL, through the commands."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from guahao.audit.jobs import seal_entries
from guahao.identity.queries.seal_sample import opens_what_is_sealed
from guahao.identity.service.account import register
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing, load_key_ring
from guahao.kernel.db import make_engine, make_sessions, transaction
from guahao.web.backup import archive
from guahao.web.backup.envelope import BackupUnreadable, OpeningReader, SealingWriter
from tests.database import address_of, execute, migrated_database
from tests.web.processes import environment, guahao

PASSPHRASE = "correct horse battery staple"
COUNTS = """
SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM audit_entry), (SELECT count(*) FROM audit_seal),
  (SELECT version_num FROM alembic_version)
"""


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with migrated_database("backup") as address:
        yield address


@pytest.fixture
def empty(dsn: str) -> Iterator[str]:
    name = f"{make_url(dsn).database}_restored"
    asyncio.run(execute(dsn, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"))
    yield address_of(dsn, name)
    asyncio.run(execute(dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def fill(dsn: str, key_ring: KeyRing) -> None:
    engine = make_engine(dsn, pool_size=1)
    sessions = make_sessions(engine)
    async with transaction(sessions) as db:
        made = {"username": "somebody", "password_hash": "x", "now": utc_now()}
        await register(db, key_ring=key_ring, phone="13800138000", **made)
    async with transaction(sessions) as db:
        await seal_entries(db, key=key_ring.audit)
    await engine.dispose()


async def opens(dsn: str, key_ring: KeyRing) -> bool:
    engine = make_engine(dsn, pool_size=1)
    try:
        async with make_sessions(engine)() as db:
            return await opens_what_is_sealed(db, key_ring)
    finally:
        await engine.dispose()


async def counts(dsn: str) -> tuple[object, ...]:
    connection = await asyncpg.connect(dsn)
    try:
        return tuple(await connection.fetchrow(COUNTS) or ())
    finally:
        await connection.close()


def test_what_was_saved_comes_back_with_its_keys_and_its_chain(dsn: str, empty: str, tmp_path: Path) -> None:
    file = tmp_path / "night.backup"
    old = environment(tmp_path / "old", 20000, database_url=dsn, backup_passphrase=PASSPHRASE)
    new = environment(tmp_path / "new", 20000, database_url=empty, backup_passphrase=PASSPHRASE)
    own = load_key_ring(tmp_path / "old" / "keys", production=False)
    asyncio.run(fill(dsn, own))
    misleading = {"PGHOSTADDR": "127.0.0.9", "PGSERVICE": "elsewhere"}

    saved = guahao(old | misleading, "backup", str(file))
    checked = guahao(old, "restore", "--check", str(file))
    restored = guahao(new | misleading, "restore", str(file))

    assert (saved.returncode, checked.returncode, restored.returncode) == (0, 0, 0), restored.stderr
    assert "4 key files" in saved.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert asyncio.run(counts(empty)) == asyncio.run(counts(dsn))
    keys = tmp_path / "new" / "keys"
    assert (keys.stat().st_mode & 0o777, (keys / "blind.key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert load_key_ring(keys, production=False).check_values() == own.check_values()
    assert asyncio.run(opens(empty, own))
    assert guahao(new, "audit", "verify").returncode == 0

    again = guahao(new, "restore", str(file))
    assert (again.returncode, "holds keys already" in again.stderr) == (1, True)


def test_nothing_is_restored_over_what_is_there_or_from_what_does_not_open(
    dsn: str, empty: str, tmp_path: Path
) -> None:
    file, cut = tmp_path / "night.backup", tmp_path / "cut.backup"
    old = environment(tmp_path / "old", 20000, database_url=dsn, backup_passphrase=PASSPHRASE)
    load_key_ring(tmp_path / "old" / "keys", production=False)
    assert guahao(old, "backup", str(file)).returncode == 0
    cut.write_bytes(file.read_bytes()[:-100])
    into_empty = environment(tmp_path / "new", 20000, database_url=empty, backup_passphrase=PASSPHRASE)

    filled = guahao(into_empty | {"GUAHAO_DATABASE_URL": dsn}, "restore", str(file))
    other = guahao(into_empty | {"GUAHAO_BACKUP_PASSPHRASE": "another passphrase"}, "restore", str(file))
    torn = guahao(into_empty, "restore", str(cut))
    short = guahao(into_empty | {"GUAHAO_BACKUP_PASSPHRASE": "short"}, "backup", str(tmp_path / "x"))

    assert [done.returncode for done in (filled, other, torn, short)] == [1, 1, 1, 1]
    assert "the database has tables already" in filled.stderr
    assert "the passphrase is another one" in other.stderr
    assert "changed or cut off" in torn.stderr or "another one" in torn.stderr
    assert "12 characters" in short.stderr
    assert not (tmp_path / "new" / "keys").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.backup", "night.backup", "old"]
    tables = "SELECT 1 / (1 - least(count(*), 1)) FROM pg_tables WHERE schemaname = 'public'"
    asyncio.run(execute(empty, tables))  # fails when there is one


@pytest.mark.timeout(30)
def test_a_program_that_complains_at_length_is_heard_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = tmp_path / "pg_dump"
    dump.write_text("#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\nexit 1\n")
    dump.chmod(0o755)
    monkeypatch.setattr(archive, "program", lambda *_, **__: dump)
    where = {"dsn": "postgresql://127.0.0.1/none", "keys": tmp_path, "passphrase": PASSPHRASE}

    with pytest.raises(archive.RestoreFailed) as failed:
        archive.save(tmp_path / "night.backup", revision="", server_major=18, **where)

    assert str(failed.value) == 300_000 * "x"


def sealed(content: bytes) -> bytes:
    out = io.BytesIO()
    writer = SealingWriter(out, PASSPHRASE)
    writer.write(content)
    writer.finish()
    return out.getvalue()


def opened(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return io.BufferedReader(OpeningReader(io.BytesIO(content), passphrase)).read()


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024])
def test_an_envelope_gives_back_what_was_put_in(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)

    assert opened(sealed(content[:size])) == content[:size]


WHOLE = sealed(b"x" * (2 * 1024 * 1024 + 7))


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.booleans())
def test_an_envelope_that_was_changed_or_cut_anywhere_does_not_open(place: int, is_cut: bool) -> None:
    changed = WHOLE[:place] if is_cut else WHOLE[:place] + bytes([WHOLE[place] ^ 1]) + WHOLE[place + 1 :]

    with pytest.raises(BackupUnreadable):
        opened(changed)


def test_chunks_that_changed_places_do_not_open() -> None:
    head, chunk = 39, 1024 * 1024 + 16
    first, second = WHOLE[head : head + chunk], WHOLE[head + chunk : head + 2 * chunk]

    with pytest.raises(BackupUnreadable):
        opened(WHOLE[:head] + second + first + WHOLE[head + 2 * chunk :])
    with pytest.raises(BackupUnreadable):
        opened(WHOLE[: head + chunk])
    with pytest.raises(BackupUnreadable):
        opened(WHOLE, "another passphrase")
