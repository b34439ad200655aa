"""Commands that run: serve, worker, check-config."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from guahao.identity.service.setup import needs_first_admin, offer_setup, setup_file
from guahao.kernel import log
from guahao.kernel.crypto import KeyRing, KeysUnusable
from guahao.kernel.db import make_engine, make_sessions, transaction
from guahao.kernel.postgres import DatabaseServerError, EmbeddedPostgres
from guahao.kernel.settings import Settings
from guahao.web import configuration, installation, money, production, supervisor, wiring
from guahao.web.cli.console import Refused, complain, err
from guahao.web.refusal import is_unreachable
from guahao.web.revision import head, revision_of
from guahao.web.supervisor import Child

GIVEN_UP = "a process keeps dying; the lines above say why"
Host = Annotated[str | None, typer.Option(help="Address to listen on; GUAHAO_HOST when not given.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port; GUAHAO_PORT when not given.")]
Workers = Annotated[int | None, typer.Option(min=1, max=64, help="Server processes; GUAHAO_WORKERS.")]


def serve(host: Host = None, port: Port = None, workers: Workers = None) -> None:
    """Serve the API until SIGTERM or Ctrl-C, which finish what was accepted."""
    settings = with_options(configuration.load(), host=host, port=port, workers=workers)
    run(settings, with_server=True, with_worker=False)


def worker() -> None:
    """Tell events and run timed jobs until SIGTERM or Ctrl-C."""
    run(configuration.load(), with_server=False, with_worker=True)


def check_config() -> None:
    """Check all settings, keys and, where it answers, the database; name everything that is wrong."""
    settings = configuration.load()
    found, key_ring = unfit(settings)
    if key_ring is not None and settings.database_url is not None:
        try:
            asyncio.run(require_migrated(settings))
            found += asyncio.run(_installation_faults(settings, key_ring))
        except Exception as error:
            if not isinstance(error, Refused) and not is_unreachable(error):
                raise
            err.print(f"The database was not checked: {str(error) or type(error).__name__}.", markup=False)
    if found:
        raise configuration.BadSettings(found)
    tell_warnings(settings)
    err.print(f"The settings are fit for {settings.environment.value}.")


async def _installation_faults(
    settings: Settings, key_ring: KeyRing, *, remembers: bool = False
) -> list[str]:
    """Compare keys, environment and role with what the database remembers; a fit start is remembered."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2)
    try:
        async with transaction(make_sessions(engine)) as db:
            found = await installation.faults(db, environment=settings.environment, key_ring=key_ring)
            if remembers and not found:
                await installation.remember(db, environment=settings.environment, key_ring=key_ring)
            return found
    finally:
        await engine.dispose()


def require_own_database(settings: Settings) -> None:
    """Refuse a database that belongs to other keys or to the other environment. Raises `BadSettings`."""
    found = asyncio.run(_installation_faults(settings, wiring.key_ring_of(settings), remembers=True))
    if found:
        raise configuration.BadSettings(found)


def run(settings: Settings, *, with_server: bool, with_worker: bool) -> None:
    """Run the asked processes until told to stop. Raises `Refused` or `BadSettings`."""
    refuse_unfit(settings)
    log.configure(level=settings.log_level)
    stopping = supervisor.stop_signals()
    with configuration.database(settings) as (found, server), children_of(found) as make:
        asyncio.run(require_migrated(found))
        require_own_database(found)
        children: list[Child] = []
        if with_server:
            require_free_port(settings)
            asyncio.run(tell_setup_code(found))
            children += make("guahao.web.server", settings.workers)
        if with_worker:
            children += make("guahao.web.worker", 1)
        keep = tending(server)
        if not supervisor.supervise(children, stopping, grace_s=settings.drain_s, tick=keep):
            raise Refused(GIVEN_UP)


def with_options(settings: Settings, *, host: str | None, port: int | None, workers: int | None) -> Settings:
    """Answer settings in which the options given on the command line stand."""
    given = {"host": host, "port": port, "workers": workers}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


def refuse_unfit(settings: Settings) -> None:
    """Refuse settings that are not fit for their environment. Raises `BadSettings`."""
    found, _ = unfit(settings)
    if found:
        raise configuration.BadSettings(found)
    tell_warnings(settings)


def unfit(settings: Settings) -> tuple[list[str], KeyRing | None]:
    """Name what no process starts with, and give the keys if they can be used."""
    found = [
        *production.faults(settings),
        *money.key_faults(settings),
        *configuration.exposed_secrets(settings),
    ]
    try:
        return found, wiring.key_ring_of(settings)
    except KeysUnusable as error:
        return [*found, f"GUAHAO_KEYS_DIR: {error}"], None


def tell_warnings(settings: Settings) -> None:
    """Tell what is accepted but likely a mistake."""
    for warning in production.warnings(settings):
        err.print(f"Warning: {warning}")


async def require_migrated(settings: Settings) -> None:
    """Refuse a database that is not at the newest revision. Raises `Refused`."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2)
    try:
        async with engine.connect() as connection:
            revision = await revision_of(connection)
    finally:
        await engine.dispose()
    if revision != head():
        have = revision or "none"
        message = f"the database is at revision {have}, this program needs {head()}; run: guahao migrate"
        raise Refused(message)


async def tell_setup_code(settings: Settings) -> None:
    """Tell where the first administrator is made, and by which code, while there is nobody yet."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2)
    try:
        async with transaction(make_sessions(engine)) as db:
            is_new = await needs_first_admin(db)
    finally:
        await engine.dispose()
    if is_new:
        file = setup_file(settings.data_dir)
        code = offer_setup(file)
        known = f"code {code}" if sys.stderr.isatty() else f"the code in {file}"  # a log keeps no secret
        err.print(f"Nobody works here yet. Set up at {settings.public_url}/console/setup with {known}")


def require_free_port(settings: Settings) -> None:
    """Refuse a port that another program uses. Raises `Refused`."""
    _require_free(settings.host, settings.port)
    if settings.metrics_port is not None:
        _require_free(settings.metrics_host, settings.metrics_port)


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = "is in use; stop that program or choose another GUAHAO_PORT"
            else:
                why = f"cannot be opened: {error.strerror}"
            message = f"{host}:{port} {why}"
            raise Refused(message) from error


def tending(server: EmbeddedPostgres | None) -> Callable[[], None]:
    """Answer what looks after the embedded server: started again when it has crashed."""

    def tend() -> None:
        if server is not None and server.postmaster_pid() is None:
            log.logger().error("process-died", process="postgres")
            try:
                server.start()
            except DatabaseServerError as error:
                complain(str(error))

    return tend


@contextmanager
def children_of(settings: Settings) -> Iterator[Callable[[str, int], list[Child]]]:
    """Answer a maker of `count` child processes that share these settings and one set of counters."""
    environment = configuration.environment_of(settings)
    counters = tempfile.mkdtemp(prefix="guahao-counters-")
    if settings.workers > 1:
        environment["PROMETHEUS_MULTIPROC_DIR"] = counters

    def make(module: str, count: int) -> list[Child]:
        name = module.rpartition(".")[2]
        return [
            Child(name=f"{name}-{number}", module=module, environment=environment) for number in range(count)
        ]

    try:
        yield make
    finally:
        shutil.rmtree(counters, ignore_errors=True)
