"""A real `guahao demo` with its processes, port, database and data folder, shared by the journeys."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.database import migrated_database
from tests.e2e.desktop import Desktop
from tests.e2e.payer import Books, Sql, bookable_slots
from tests.e2e.screen import chromium
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 180


def free_port() -> int:
    """A port below those that the system gives to outgoing connections."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.randrange(20_000, 32_000)
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def demo_database() -> Iterator[str]:
    with migrated_database("demo") as dsn:
        yield dsn


@pytest.fixture(scope="session")
def demo(demo_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_demo(demo_database, tmp_path_factory.mktemp("demo")) as base:
        yield base


@contextmanager
def running_demo(dsn: str, folder: Path) -> Iterator[str]:
    """Start `guahao demo` on this database; answers its address, ends it at the end."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    given = {
        "GUAHAO_DATABASE_URL": dsn,
        "GUAHAO_DATA_DIR": str(folder),
        "GUAHAO_PORT": str(port),
        "GUAHAO_PUBLIC_URL": base,
    }
    with (folder / "demo.log").open("wb") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("guahao"), "demo"],
            env=os.environ | given,
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
    try:
        wait_until_ready(server, base, folder / "demo.log")
        yield base
    finally:
        server.terminate()
        assert server.wait(30) == 0


def wait_until_ready(server: subprocess.Popen[bytes], base: str, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"{base}/readyz", timeout=1).status_code == httpx.codes.OK:
                return
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
    pytest.fail(log.read_text("utf-8")[-4000:])


@pytest.fixture(scope="module")
def world(demo: str, demo_database: str) -> Iterator[World]:
    sql = Sql(demo_database)
    with chromium() as browser:
        yield World(
            base=demo,
            dsn=demo_database,
            sql=sql,
            books=Books(sql=sql, since=sql.rows("SELECT now()")[0][0]),
            browser=browser,
            slots=iter(list(bookable_slots(demo))),
        )


@pytest.fixture
def signed_in(world: World, tmp_path: Path) -> Iterator[Callable[[str], Desktop]]:
    """Open the console in a browser of its own, signed in by a role of the demo's staff."""
    opened: list[Desktop] = []

    def sign_in(role: str) -> Desktop:
        desktop = Desktop(world.browser, tmp_path, world.base)
        opened.append(desktop)
        desktop.sign_in(f"demo_{role}")
        return desktop

    yield sign_in
    for desktop in opened:
        desktop.context.close()
