from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.database import execute

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 90


def commands_of(page: str) -> str:
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks, f"{page} shows no commands"
    return "\n".join(blocks)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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


def run(script: str, base: str) -> str:
    script = script.replace("BASE=http://127.0.0.1:8000", f"BASE={base}")
    assert base in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_chinese_readme_shows_the_same_commands() -> None:
    english, chinese = (
        [line for line in commands_of(page).splitlines() if not line.startswith("#")]
        for page in ("README.md", "README.zh-CN.md")
    )

    assert chinese == english


@pytest.mark.timeout(240)
def test_the_commands_of_the_readme_lead_to_a_booked_place(demo: str) -> None:
    shown = run(commands_of("README.md"), demo)

    assert re.search(r"^booked number [1-9]\d* 20\d\d-", shown.splitlines()[-1])


@pytest.mark.timeout(240)
def test_the_tutorial_books_moves_and_cancels(demo: str) -> None:
    shown = run(commands_of("docs/tutorial/first-booking.md"), demo)

    assert shown.splitlines()[-1] == "cancelled_by_patient"
