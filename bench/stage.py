"""The stage of a measurement: an embedded database of its own and the product's server on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web import migrate

_START_WITHIN_S = 150
_LOWEST_PORT, _HIGHEST_PORT = 20_000, 32_000


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """A migrated, empty database in `folder`, stopped at the end."""
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    try:
        migrate.upgrade(server.dsn)
        yield server.dsn
    finally:
        server.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses, below the range of client sockets."""
    start = _LOWEST_PORT + os.getpid() * 7 % (_HIGHEST_PORT - _LOWEST_PORT)
    port: int
    for port in (*range(start, _HIGHEST_PORT), *range(_LOWEST_PORT, start)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    message = "no free port"
    raise RuntimeError(message)


def environment(dsn: str, folder: Path, port: int) -> dict[str, str]:
    """Variables of a `guahao` that works on `dsn`, keeps its files in `folder` and listens on `port`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUAHAO_")}
    return kept | {
        "GUAHAO_ENVIRONMENT": "demo",
        "GUAHAO_DATABASE_URL": dsn,
        "GUAHAO_DATA_DIR": str(folder),
        "GUAHAO_PORT": str(port),
        "GUAHAO_DRAIN_S": "2",
        # what is measured is the server, not how it slows down one account
        "GUAHAO_BOOKING_LIMIT": "100000",
        "GUAHAO_STAFF_LIMIT": "100000",
    }


@contextmanager
def serving(dsn: str, folder: Path, *, workers: int) -> Iterator[int]:
    """Serve the product on `dsn` by so many processes; answers the port, ends them at the end."""
    port = free_port()
    guahao = Path(sys.executable).with_name("guahao")
    command = [str(guahao), "serve", "--workers", str(workers)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment(dsn, folder, port), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        await_answer(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def demo(folder: Path, clients: Path) -> Iterator[str]:
    """Run the whole demo with these built clients; answers its address, ends it at the end."""
    with database(folder) as dsn:
        port = free_port()
        variables = environment(dsn, folder, port) | {"GUAHAO_CLIENTS_DIR": str(clients)}
        with (folder / "demo.log").open("wb") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("guahao"), "demo"],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            await_answer(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server on `port` answers. Raises RuntimeError when `process` ends before."""
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, ConnectionError), urlopen(f"http://127.0.0.1:{port}/livez", timeout=5):
            return
        time.sleep(0.1)
    message = "the server did not start; see its log"
    raise RuntimeError(message)
