"""The headline claim, over real HTTP against real server processes: what is full is full, every time."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from bench import client, seed, stage

ROUNDS = 50
AT_ONCE = 200
PLACES = 5
SESSIONS = ROUNDS * 2 // seed.SLOTS_PER_SESSION
TOWN = seed.Town(people=ROUNDS * 2 * AT_ONCE, sessions=SESSIONS, capacity=PLACES)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("last-places")
    folder.chmod(0o755)
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn, TOWN))
        yield dsn, folder


def wishes(slot: int) -> list[bytes]:
    people = range((slot - 1) * AT_ONCE + 1, slot * AT_ONCE + 1)
    return [
        client.post(
            "/api/v1/appointments",
            json.dumps({"slot_id": seed.slot_id(slot), "patient_id": seed.directory_id(person)}),
            token=seed.token(person),
            key=f"wish-{person}",
        )
        for person in people
    ]


async def rows_of(connection: asyncpg.Connection, slot: int) -> tuple[int, ...]:
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM appointment WHERE slot_id = slot.id),"
        " (SELECT count(DISTINCT person_id) FROM appointment WHERE slot_id = slot.id AND state = 'held'),"
        " (SELECT count(*) FROM payment_order o JOIN appointment a ON a.order_id = o.id"
        "  WHERE a.slot_id = slot.id),"
        " (SELECT count(*) FROM place_log l WHERE l.slot_id = slot.id), free, held, moves"
        " FROM slot WHERE id = $1",
        seed.slot_id(slot),
    )
    assert row is not None
    return tuple(row)


@pytest.mark.timeout(280)
@pytest.mark.parametrize("workers", [1, 2])
def test_200_requests_at_once_for_5_places_make_5_bookings_50_times_in_a_row(
    town: tuple[str, Path], workers: int
) -> None:
    dsn, folder = town

    async def all_rounds(port: int) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for number in range(ROUNDS):
                slot = (workers - 1) * ROUNDS + number + 1
                load = await client.run_patiently(port, wishes(slot), connections=AT_ONCE)
                assert load.statuses == {201: PLACES, 409: AT_ONCE - PLACES}
                assert await rows_of(connection, slot) == (5, 5, 5, 5, 0, 5, 5)
        finally:
            await connection.close()

    with stage.serving(dsn, folder, workers=workers) as port:
        asyncio.run(all_rounds(port))
