"""Bookings over HTTP against the raw database, on an empty and on a full appointment table."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
from collections.abc import Iterator
from pathlib import Path

from bench import client, raw, seed, stage
from bench.report import line, ratio

CONNECTIONS = 64
ROUNDS = 3
BOOKINGS = 3_000
RAW_SECONDS = 5
RAW_CLIENTS = 32
HISTORY = 1_000_000


class Bookings:
    """Requests for places, each by another person, spread over all slots."""

    def __init__(self) -> None:
        """Start with the first person."""
        self._people = iter(range(1, seed.RAW_PEOPLE + 1))

    def requests(self, count: int) -> list[bytes]:
        """The next so many requests."""
        return [self._request(next(self._people)) for _ in range(count)]

    def _request(self, person: int) -> bytes:
        slot = random.randint(1, seed.SLOTS)
        body = json.dumps({"slot_id": seed.slot_id(slot), "patient_id": seed.directory_id(person)})
        return client.post("/api/v1/appointments", body, token=seed.token(person), key=f"bench-{person}")


def against_raw(folder: Path) -> Iterator[str]:
    """Tell bookings/s over HTTP beside pgbench writing the same rows, in turn."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn))
        bookings = Bookings()
        with stage.serving(dsn, folder, workers=2) as port:
            book(port, bookings, 1_000)
            pairs = []
            for _ in range(ROUNDS):
                http = book(port, bookings, BOOKINGS)
                pairs.append((http, raw.bookings_per_second(dsn, clients=RAW_CLIENTS, seconds=RAW_SECONDS)))
    middle = sorted(pairs, key=lambda pair: pair[0].per_second / pair[1])[len(pairs) // 2]
    yield line(f"raw bookings/s, pgbench, {RAW_CLIENTS} clients", middle[1])
    yield line(f"HTTP bookings/s, 2 workers, {CONNECTIONS} connections", middle[0].per_second)
    yield f"  p50 {middle[0].percentile_ms(0.5):.0f} ms, p99 {middle[0].percentile_ms(0.99):.0f} ms"
    yield ratio("HTTP / raw", middle[0].per_second / middle[1], 0.35)


def with_history(folder: Path) -> Iterator[str]:
    """Tell bookings/s with few and with a million appointments in the table."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn))
        bookings = Bookings()
        with stage.serving(dsn, folder, workers=2) as port:
            book(port, bookings, 1_000)
            empty = [book(port, bookings, BOOKINGS).per_second for _ in range(ROUNDS)]
            asyncio.run(seed.add_history(dsn, HISTORY))
            book(port, bookings, 1_000)
            full = [book(port, bookings, BOOKINGS).per_second for _ in range(ROUNDS)]
    yield line("bookings/s, few appointments", statistics.median(empty))
    yield line(f"bookings/s, {HISTORY:,} appointments", statistics.median(full))
    yield ratio("full table / empty table", statistics.median(full) / statistics.median(empty), 0.9)


def book(port: int, bookings: Bookings, count: int) -> client.Load:
    """Make so many bookings; every one must succeed."""
    load = asyncio.run(client.run(port, bookings.requests(count), connections=CONNECTIONS))
    if set(load.statuses) != {201}:
        message = f"not all bookings were made: {dict(load.statuses)}"
        raise RuntimeError(message)
    return load
