"""Commands that save an installation and bring it back: database and keys in one encrypted file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from guahao.kernel.db import MIGRATING, make_engine
from guahao.kernel.settings import Settings
from guahao.web import configuration
from guahao.web.backup.archive import Contents, RestoreFailed, check, load, save
from guahao.web.backup.envelope import BackupUnreadable
from guahao.web.backup.tools import NoProgram
from guahao.web.cli.console import Refused, err, out
from guahao.web.cli.data import bring_to_head
from guahao.web.cli.run import require_own_database
from guahao.web.revision import revision_of

_PASSPHRASE_MIN = 12
_FAILURES = (BackupUnreadable, RestoreFailed, NoProgram)


def backup(
    path: Annotated[Path, typer.Argument(help="The file to write; it is replaced only by a whole one.")],
) -> None:
    """Save the database and all keys into one encrypted file, while everything runs, and read it through."""
    settings = configuration.load()
    passphrase = _passphrase(settings)
    with configuration.database(settings) as (settings, _):
        dsn = _owner(settings)
        revision, server_major, _ = asyncio.run(_state(dsn))
        if revision is None:
            message = "the database is empty; there is nothing to save"
            raise Refused(message)
        keys = settings.keys_path
        try:
            contents = save(
                path, dsn=dsn, keys=keys, revision=revision, server_major=server_major, passphrase=passphrase
            )
        except _FAILURES as error:
            raise Refused(str(error)) from error
    _tell(path, contents)


def restore(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that backup wrote.")],
    only_check: Annotated[bool, typer.Option("--check", help="Only read it through.")] = False,  # noqa: FBT002
) -> None:
    """Bring database and keys back, into an empty database and an empty or missing folder of keys."""
    settings = configuration.load()
    passphrase = _passphrase(settings)
    try:
        if only_check:
            contents = check(path, passphrase=passphrase)
        else:
            with configuration.database(settings) as (settings, _):
                contents = _restore(settings, path, passphrase)
    except _FAILURES as error:
        raise Refused(str(error)) from error
    _tell(path, contents)


def _restore(settings: Settings, path: Path, passphrase: str) -> Contents:
    keys = settings.keys_path
    if keys.exists() and any(keys.iterdir()):
        message = f"{keys} holds keys already; restore into an empty folder"
        raise Refused(message)
    dsn = _owner(settings)
    _, _, is_empty = asyncio.run(_state(dsn))
    if not is_empty:
        message = "the database has tables already; restore into an empty one"
        raise Refused(message)
    contents = load(path, passphrase=passphrase, dsn=dsn, keys=keys)
    bring_to_head(settings)
    require_own_database(settings)
    return contents


def _owner(settings: Settings) -> str:
    assert settings.database_url is not None
    return (settings.owner_database_url or settings.database_url).get_secret_value()


async def _state(dsn: str) -> tuple[str | None, int, bool]:
    """Tell a database's revision, its server's version, and whether it has no table."""
    engine = make_engine(dsn, pool_size=1, timeouts=MIGRATING)
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    try:
        async with engine.connect() as connection:
            version = int(await connection.scalar(text("SHOW server_version_num")) or 0)
            is_empty = not await connection.scalar(text(tables))
            return await revision_of(connection), version // 10_000, is_empty
    finally:
        await engine.dispose()


def _passphrase(settings: Settings) -> str:
    given = settings.backup_passphrase
    if given is not None:
        passphrase = given.get_secret_value()
    elif sys.stdin.isatty():
        passphrase = typer.prompt("Passphrase", hide_input=True, err=True)
    else:
        passphrase = sys.stdin.readline().rstrip("\n")
    if len(passphrase) < _PASSPHRASE_MIN:
        message = "the passphrase needs 12 characters or more; nobody opens the backup without it"
        raise Refused(message)
    return passphrase


def _tell(path: Path, contents: Contents) -> None:
    manifest = contents.manifest
    made_at = manifest.made_at.isoformat(timespec="seconds")
    out.print(
        f"{path}: database of {made_at} at revision {manifest.revision},"
        f" {contents.database_bytes} bytes; {len(contents.keys)} key files",
        markup=False,
    )
    err.print("The backup was read through, and is whole.")
