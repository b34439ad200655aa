"""A real `guahao demo` of the module's own: its processes, its port, its database and data folder."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.database import execute
from tests.e2e.payer import Books, Sql, bookable_slots
from tests.e2e.screen import program
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


@pytest.fixture(scope="module")
def demo(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tmp_path = tmp_path_factory.mktemp("demo")
    asyncio.run(execute(database, "CALL test.clean()"))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    given = {
        "GUAHAO_DATABASE_URL": database,
        "GUAHAO_DATA_DIR": str(tmp_path),
        "GUAHAO_PORT": str(port),
        "GUAHAO_PUBLIC_URL": base,
    }
    with (tmp_path / "demo.log").open("wb") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("guahao"), "demo"],
            env=os.environ | given,
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
    try:
        wait_until_ready(server, base, tmp_path / "demo.log")
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
def world(demo: str, database: str) -> Iterator[World]:
    chromium = program()
    if chromium is None:
        pytest.skip("no Chromium on this machine: `make test` installs it where it may, else apt install it")
    sql = Sql(database)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield World(
            base=demo,
            dsn=database,
            sql=sql,
            books=Books(sql=sql),
            browser=browser,
            slots=iter(list(bookable_slots(demo))),
        )
        browser.close()
