"""The hottest read of the release minute against a static answer of the same size from the same server."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import client, seed, stage
from bench.report import line, ratio

CONNECTIONS = 64
READS = 4_000
ROUNDS = 3


def _serve_static(port: int, size: int) -> None:
    body = b"[" + b" " * (size - 2) + b"]"

    async def answer(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    app = Starlette(routes=[Route("/", answer)])
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="error")


def measure(folder: Path) -> Iterator[str]:
    """Tell answers/s of one doctor's sessions, of many doctors' in turn, and of the static answer."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn))
        asyncio.run(seed.add_afternoons(dsn))
        with stage.serving(dsn, folder, workers=1) as port:
            doctor = f"/api/v1/doctors/{seed.slot_id(10)}/sessions"
            with urlopen(f"http://127.0.0.1:{port}{doctor}") as answer:
                size = len(answer.read())
            static_port = stage.free_port()
            static = multiprocessing.get_context("spawn").Process(
                target=_serve_static, args=(static_port, size), daemon=True
            )
            static.start()
            try:
                _await(static_port)
                triples = [_round(port, static_port, doctor) for _ in range(ROUNDS)]
            finally:
                static.terminate()
                static.join()
    middle = sorted(triples, key=lambda one: one[0] / one[2])[ROUNDS // 2]
    yield line(f"static answers/s of {size:,} bytes, {CONNECTIONS} connections", middle[2])
    yield line("one doctor's sessions/s", middle[0])
    yield line("241 doctors' sessions/s in turn", middle[1])
    yield ratio("one doctor / static", middle[0] / middle[2], 0.2)


def _await(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)


def _round(port: int, static_port: int, doctor: str) -> tuple[float, float, float]:
    doctors = [f"/api/v1/doctors/{seed.slot_id(number)}/sessions" for number in range(10, 251)]
    one = [client.get(doctor)] * READS
    many = [client.get(doctors[number % len(doctors)]) for number in range(READS)]
    static = [client.get("/")] * READS
    return (_rate(port, one), _rate(port, many), _rate(static_port, static))


def _rate(port: int, requests: list[bytes]) -> float:
    load = asyncio.run(client.run(port, requests, connections=CONNECTIONS))
    if set(load.statuses) != {200}:
        message = f"not every answer was good: {dict(load.statuses)}"
        raise RuntimeError(message)
    return load.per_second
