"""Reads the settings, and the environment in which child processes read the same ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from guahao.kernel.crypto import KeysUnusable, require_private
from guahao.kernel.postgres import EmbeddedPostgres
from guahao.kernel.settings import Environment, Settings

SECRETS_DIR = "GUAHAO_SECRETS_DIR"
"""A folder with one file for each secret, named like the variable in small letters."""


class BadSettings(Exception):
    """Settings that cannot be used; `faults` names each."""

    def __init__(self, faults: list[str]) -> None:
        """Carry what is wrong, one line each."""
        super().__init__("; ".join(faults))
        self.faults = faults


def load(*, default: Environment = Environment.PRODUCTION) -> Settings:
    """Read GUAHAO_* variables and secret files; `default` stands where no environment is named.

    Raises `BadSettings`.
    """
    folder = os.environ.get(SECRETS_DIR)
    if folder is not None and not Path(folder).is_dir():
        raise BadSettings([f"{SECRETS_DIR}: {folder} is not a folder"])
    try:
        _require_texts(folder)
        settings = Settings(_secrets_dir=folder)
        is_named = "environment" in settings.model_fields_set
        return settings if is_named else Settings(_secrets_dir=folder, environment=default)
    except ValidationError as error:
        raise BadSettings([_said(fault) for fault in error.errors(include_input=False)]) from None


def _said(fault: ErrorDetails) -> str:
    name = "_".join(str(part) for part in fault["loc"]).upper()
    return f"GUAHAO_{name}: {fault['msg'].removeprefix('Value error, ')}"


def _require_texts(folder: str | None) -> None:
    """Name the secret files that hold no text. Raises `BadSettings`."""
    found = []
    for path in secret_files(folder):
        try:
            path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            found.append(f"{path.name.upper()}: the file {path} cannot be read as text")
    if found:
        raise BadSettings(found)


def secret_files(folder: str | None) -> list[Path]:
    """The files of the folder of secrets that are settings, whatever they turn out to be."""
    return [] if folder is None else sorted(Path(folder).glob("guahao_*"))


def exposed_secrets(settings: Settings) -> list[str]:
    """Name the secret files of production that others can read."""
    folder = os.environ.get(SECRETS_DIR)
    if folder is None or settings.environment is not Environment.PRODUCTION:
        return []
    found = []
    for path in [Path(folder), *secret_files(folder)]:
        try:
            require_private(path)
        except KeysUnusable as error:
            found.append(f"{SECRETS_DIR}: {error}")
    return found


@contextmanager
def database(settings: Settings) -> Iterator[tuple[Settings, EmbeddedPostgres | None]]:
    """Answer settings with a database address, starting the embedded server when none was given.

    A server that ran already is left running at the end, for those who started it. Raises `BadSettings` in
    production without an address.
    """
    if settings.database_url is not None:
        yield settings, None
        return
    if settings.environment is Environment.PRODUCTION:
        fault = "GUAHAO_DATABASE_URL: missing; to try things out set GUAHAO_ENVIRONMENT=demo"
        raise BadSettings([fault])
    server = EmbeddedPostgres(settings.data_dir / "pg")
    ran_already = server.postmaster_pid() is not None  # one too busy to answer is not ours to stop
    server.start()
    try:
        yield settings.model_copy(update={"database_url": SecretStr(server.dsn)}), server
    finally:
        if not ran_already:
            server.stop()


def environment_of(settings: Settings) -> dict[str, str]:
    """Spell `settings` as variables, so that a child process reads exactly these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GUAHAO_")}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            inherited[f"GUAHAO_{name.upper()}"] = str(value)
    return inherited
