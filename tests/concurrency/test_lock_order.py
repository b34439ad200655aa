"""Everybody locks in one order, so that bookings and cancellations never wait for each other in a circle."""

import asyncio
import json
import random
from pathlib import Path

import asyncpg

from bench import client, seed
from tests.factories.village import PEOPLE, village

SESSIONS = 2
FREE_OF_CHARGE = seed.Town(people=PEOPLE, sessions=SESSIONS, capacity=PEOPLE, free_every=1)


def booking(person: int) -> bytes:
    slot = random.randint(1, SESSIONS * seed.SLOTS_PER_SESSION)
    body = json.dumps({"slot_id": seed.slot_id(slot), "patient_id": seed.directory_id(person)})
    return client.post("/api/v1/appointments", body, token=seed.token(person), key=f"k{person}")


def cancellation(row: asyncpg.Record) -> bytes:
    token = seed.token(int(str(row["person_id"])[-8:], 16))
    return client.post(f"/api/v1/appointments/{row['id']}/cancel", "", token=token, key=f"c{row['id']}")


async def fetch(dsn: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def test_bookings_with_numbers_and_cancellations_at_once_never_deadlock(tmp_path: Path) -> None:
    with village(tmp_path, town=FREE_OF_CHARGE, workers=2) as served:
        first = [booking(person) for person in range(1, 301)]
        load = asyncio.run(client.run_patiently(served.port, first, connections=32))
        assert load.statuses == {201: 300}
        rows = asyncio.run(fetch(served.dsn, "SELECT id, person_id FROM appointment"))
        second = [booking(person) for person in range(301, 601)]
        mixed = [each for pair in zip(map(cancellation, rows), second, strict=True) for each in pair]

        load = asyncio.run(client.run_patiently(served.port, mixed, connections=64))

        assert load.statuses == {200: 300, 201: 300}
    log = (tmp_path / "pg" / "server.log").read_text("utf-8")
    assert "deadlock detected" not in log
