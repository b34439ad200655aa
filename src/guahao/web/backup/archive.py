"""What is in a backup: a manifest, the key files, the database as pg_dump writes it, and a check sum."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from guahao.web.backup.envelope import BackupUnreadable, OpeningReader, SealingWriter
from guahao.web.backup.tools import address_and_environment, program

_PART = 8 * 1024 * 1024
_MANIFEST, _SUM, _KEYS, _DATABASE = "manifest.json", "sum.json", "keys", "database"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was saved, and when."""

    made_at: datetime
    revision: str
    server_major: int


class _Sum(msgspec.Struct, frozen=True, kw_only=True):
    bytes: int
    sha256: str


class RestoreFailed(Exception):
    """The database did not take the backup; the message is PostgreSQL's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a backup was found to hold."""

    manifest: Manifest
    keys: tuple[str, ...]
    database_bytes: int


def save(
    target: Path, *, dsn: str, keys: Path, revision: str, server_major: int, passphrase: str
) -> Contents:
    """Write the backup beside `target`, read it through once, then give it its name; the file is private.

    The database is of one moment, and is served meanwhile. Raises `NoProgram`, `RestoreFailed` or
    `BackupUnreadable`.
    """
    draft = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            sealed = SealingWriter(out, passphrase)
            with tarfile.open(fileobj=sealed, mode="w|") as archive:
                manifest = Manifest(made_at=datetime.now(UTC), revision=revision, server_major=server_major)
                _add(archive, _MANIFEST, msgspec.json.encode(manifest))
                for path in sorted(path for path in keys.rglob("*") if path.is_file()):
                    _add(archive, f"{_KEYS}/{path.relative_to(keys).as_posix()}", path.read_bytes())
                _add(archive, _SUM, msgspec.json.encode(_dump(archive, dsn, server_major)))
            sealed.finish()
            out.flush()
            os.fsync(out.fileno())
        contents = check(draft, passphrase=passphrase)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return contents


def _dump(archive: tarfile.TarFile, dsn: str, server_major: int) -> _Sum:
    address, environment = address_and_environment(dsn)
    options = ["--format=custom", "--no-owner", "--no-privileges", "--dbname", address]
    command = [str(program("pg_dump", server_major=server_major)), *options]
    size, digest, number = 0, hashlib.sha256(), 0
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said) as dump,
    ):
        assert dump.stdout is not None
        while part := dump.stdout.read(_PART):
            _add(archive, f"{_DATABASE}/{number:06}", part)
            size, number = size + len(part), number + 1
            digest.update(part)
        _end(dump, said)
    return _Sum(bytes=size, sha256=digest.hexdigest())


def _end(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Wait for a program that wrote what it has to say into a file: a pipe nobody reads would stop it."""
    if process.wait() != 0:
        said.seek(0)
        raise RestoreFailed(said.read().decode(errors="replace").strip())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


class Reading:
    """One pass through a backup: `parts` are those of the database, and the keys are at hand after them."""

    def __init__(self, source: Path, passphrase: str) -> None:
        """Name the file."""
        self._source, self._passphrase = source, passphrase
        self.manifest: Manifest | None = None
        self.keys: dict[str, bytes] = {}
        self.size = 0
        self._digest = hashlib.sha256()

    def parts(self) -> Iterator[bytes]:
        """Answer the database part by part, to the end of a whole backup. Raises `BackupUnreadable`."""
        is_whole = False
        with self._source.open("rb") as file:
            reader = io.BufferedReader(OpeningReader(file, self._passphrase), 1024 * 1024)
            try:
                with tarfile.open(fileobj=reader, mode="r|") as archive:
                    for member in archive:
                        content = self._content(archive.extractfile(member))
                        if member.name.startswith(f"{_DATABASE}/"):
                            self.size += len(content)
                            self._digest.update(content)
                            yield content
                        else:
                            is_whole = self._note(member.name, content) or is_whole
            except tarfile.TarError as error:
                raise BackupUnreadable(str(error)) from error
        if not is_whole:
            message = "the backup is not whole: it was never finished"
            raise BackupUnreadable(message)

    @staticmethod
    def _content(member: IO[bytes] | None) -> bytes:
        return b"" if member is None else member.read()

    def _note(self, name: str, content: bytes) -> bool:
        """Keep a manifest or key; answer whether this was the sum of a database that fits it."""
        if name == _MANIFEST:
            self.manifest = msgspec.json.decode(content, type=Manifest)
        elif name.startswith(f"{_KEYS}/") and ".." not in PurePosixPath(name).parts:
            self.keys[name.removeprefix(f"{_KEYS}/")] = content
        elif name == _SUM:
            expected = msgspec.json.decode(content, type=_Sum)
            return expected == _Sum(bytes=self.size, sha256=self._digest.hexdigest())
        return False

    @property
    def contents(self) -> Contents:
        """What was read."""
        assert self.manifest is not None
        return Contents(manifest=self.manifest, keys=tuple(sorted(self.keys)), database_bytes=self.size)


def check(source: Path, *, passphrase: str) -> Contents:
    """Decrypt all of a backup and let pg_restore read its table of contents. Raises what reading raises."""
    reading = Reading(source, passphrase)
    _feed(reading, ["--list"], environment=dict(os.environ))
    return reading.contents


def load(source: Path, *, passphrase: str, dsn: str, keys: Path) -> Contents:
    """Restore the database, in one transaction, and then the keys; both places must be empty.

    Raises `RestoreFailed` or `BackupUnreadable`; then neither was changed.
    """
    address, environment = address_and_environment(dsn)
    reading = Reading(source, passphrase)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _feed(reading, [*options, "--dbname", address], environment=environment)
    _write_keys(reading.keys, keys)
    return reading.contents


def _feed(reading: Reading, options: list[str], *, environment: dict[str, str]) -> None:
    parts = reading.parts()
    first = next(parts, b"")  # after it the manifest is known
    if reading.manifest is None:
        message = "the backup says nothing of itself"
        raise BackupUnreadable(message)
    command = [str(program("pg_restore", server_major=reading.manifest.server_major)), *options]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as restore,
    ):
        assert restore.stdin is not None
        try:
            with suppress(BrokenPipeError):  # a program that ends early says why on stderr
                restore.stdin.write(first)
                for part in parts:
                    restore.stdin.write(part)
        except BackupUnreadable:
            restore.kill()
            raise
        for _ in parts:  # what it did not need, such as the data when it only lists
            pass
        with suppress(BrokenPipeError):
            restore.stdin.close()
        _end(restore, said)


def _write_keys(found: dict[str, bytes], keys: Path) -> None:
    fresh = keys.with_name(f".{keys.name}-{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700, parents=True)
    for name, content in found.items():
        path = fresh / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    if keys.exists():
        keys.rmdir()  # it is empty, or this fails
    fresh.rename(keys)
