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

_START_WITHIN_S = 60
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
    for port in range(_LOWEST_PORT, _HIGHEST_PORT):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    message = "no free port"
    raise RuntimeError(message)


@contextmanager
def serving(dsn: str, folder: Path, *, workers: int) -> Iterator[int]:
    """Serve the product on `dsn` by so many processes; answers the port, ends them at the end."""
    port = free_port()
    environment = os.environ | {
        "GUAHAO_DATABASE_URL": dsn,
        "GUAHAO_DATA_DIR": str(folder),
        "GUAHAO_PORT": str(port),
        "GUAHAO_DRAIN_S": "2",
    }
    guahao = Path(sys.executable).with_name("guahao")
    command = [str(guahao), "serve", "--workers", str(workers)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, ConnectionError), urlopen(f"http://127.0.0.1:{port}/livez"):
            return
        time.sleep(0.1)
    message = "the server did not start; see server.log"
    raise RuntimeError(message)
