"""Bookings over HTTP against the raw database, on an empty and on a full appointment table."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
from collections.abc import Iterator
from pathlib import Path

from bench import client, raw, seed, stage

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


def measure(folder: Path) -> Iterator[str]:
    """Tell the figures line by line."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn))
        bookings = Bookings()
        with stage.serving(dsn, folder, workers=2) as port:
            _round(port, bookings, 500)
            pairs = []
            for _ in range(ROUNDS):
                http = _round(port, bookings, BOOKINGS)
                pairs.append((http, raw.bookings_per_second(dsn, clients=RAW_CLIENTS, seconds=RAW_SECONDS)))
            yield from _against_raw(pairs)
            empty = [_round(port, bookings, BOOKINGS).per_second for _ in range(ROUNDS)]
            asyncio.run(seed.add_history(dsn, HISTORY))
            _round(port, bookings, 500)
            full = [_round(port, bookings, BOOKINGS).per_second for _ in range(ROUNDS)]
        yield _line("bookings/s, few rows", statistics.median(empty))
        yield _line(f"bookings/s, {HISTORY:,} appointments", statistics.median(full))
        yield _ratio("full table / empty table", statistics.median(full) / statistics.median(empty), 0.9)


def _round(port: int, bookings: Bookings, count: int) -> client.Load:
    load = asyncio.run(client.run(port, bookings.requests(count), connections=CONNECTIONS))
    if set(load.statuses) != {201}:
        message = f"not all bookings were made: {dict(load.statuses)}"
        raise RuntimeError(message)
    return load


def _against_raw(pairs: list[tuple[client.Load, float]]) -> Iterator[str]:
    middle = sorted(pairs, key=lambda pair: pair[0].per_second / pair[1])[len(pairs) // 2]
    yield _line(f"raw bookings/s, pgbench, {RAW_CLIENTS} clients", middle[1])
    yield _line(f"HTTP bookings/s, 2 workers, {CONNECTIONS} connections", middle[0].per_second)
    yield f"  p50 {middle[0].percentile_ms(0.5):.0f} ms, p99 {middle[0].percentile_ms(0.99):.0f} ms"
    yield _ratio("HTTP / raw", middle[0].per_second / middle[1], 0.35)


def _line(what: str, value: float) -> str:
    return f"  {what:<55}{value:>10.0f}"


def _ratio(what: str, value: float, goal: float) -> str:
    return f"  {what:<55}{value:>10.2f}   goal {goal:.2f} {'reached' if value >= goal else 'MISSED'}"
