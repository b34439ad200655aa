"""Real processes of the product for tests: started, asked, stopped; each test ends what it starts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOWEST_PORT, HIGHEST_PORT = 20_000, 32_000
GUAHAO = str(Path(sys.executable).with_name("guahao"))


def free_port() -> int:
    """Find a port below the range that the system gives to outgoing connections."""
    start = LOWEST_PORT + os.getpid() * 7 % (HIGHEST_PORT - LOWEST_PORT)
    port: int
    for port in (*range(start, HIGHEST_PORT), *range(LOWEST_PORT, start)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError


def environment(data_dir: Path, port: int, **settings: object) -> dict[str, str]:
    """Variables for a command that uses `data_dir` and `port`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUAHAO_")}
    given = {
        "environment": "demo",
        "data_dir": data_dir,
        "port": port,
        "public_url": f"http://127.0.0.1:{port}",
        **settings,
    }
    return kept | {f"GUAHAO_{name.upper()}": str(value) for name, value in given.items()}


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; one that does not within 30 s is killed, and TimeoutExpired raised."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def running(command: str, variables: dict[str, str], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `guahao command` until the block ends."""
    arguments = [GUAHAO, command, *options]
    with subprocess.Popen(
        arguments, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            end(process)


def guahao(variables: dict[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [GUAHAO, *arguments]
    return subprocess.run(
        command, env=variables, input=given, capture_output=True, text=True, check=False, timeout=100
    )


def get(port: int, path: str) -> tuple[int, bytes]:
    """Ask once; status 0 when nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def until(port: int, path: str, status: int, *, within_s: float = 150) -> bytes:
    """Ask until the answer has `status`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found, content = get(port, path)
        if found == status:
            return content
        time.sleep(0.1)
    message = f"{path} did not answer {status}: {found} {content[:500]!r}"
    raise AssertionError(message)


def checks(port: int) -> dict[str, bool]:
    """Answer the checks of /readyz."""
    found: dict[str, bool] = json.loads(get(port, "/readyz")[1])["checks"]
    return found
