"""The database is killed, or its disk is full: 503, nothing half written, nothing acknowledged lost."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench import seed, stage
from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web import migrate
from tests.factories.booking import Booker, make_booker
from tests.factories.scheduling import counters, make_slot
from tests.web.processes import environment, free_port, running, until

TOWN = seed.Town(people=2000, sessions=5, capacity=100)
WRITTEN = ("payment_order", "appointment", "event", "audit_entry", "place_log", "idempotency_key")
_LAW = """
SELECT (SELECT count(*) FROM appointment), (SELECT count(*) FROM payment_order),
  (SELECT count(*) FROM event), (SELECT count(*) FROM audit_entry WHERE action = 'appointment.hold'),
  (SELECT count(*) FROM place_log), (SELECT sum(held)::int FROM slot), (SELECT sum(moves)::int FROM slot),
  (SELECT count(*) FROM idempotency_key)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("table", WRITTEN)
async def test_a_full_disk_is_told_and_nothing_is_half_written(
    client: httpx.AsyncClient, db: AsyncSession, table: str
) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await db.execute(
        text(
            "CREATE FUNCTION test.disk_full() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
        )
    )
    await db.execute(
        text(f"CREATE TRIGGER disk_full BEFORE INSERT ON {table} EXECUTE FUNCTION test.disk_full()")
    )
    await db.commit()
    try:
        refused = await book(client, booker, str(slot.id))
    finally:
        await db.execute(text("DROP FUNCTION test.disk_full() CASCADE"))
        await db.commit()

    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily-unavailable")
    assert refused.headers["retry-after"] == "2"
    assert await counters(db, slot.id) == {"free": 5}
    for each in WRITTEN:
        assert await db.scalar(text(f"SELECT count(*) FROM {each}")) == 0
    assert (await book(client, booker, str(slot.id))).status_code == 201
    assert await counters(db, slot.id) == {"free": 4, "held": 1}


async def book(client: httpx.AsyncClient, booker: Booker, slot_id: str) -> httpx.Response:
    wish = {"slot_id": slot_id, "patient_id": str(booker.patient_id)}
    headers = booker.headers | {"Idempotency-Key": "k1"}
    return await client.post("/api/v1/appointments", json=wish, headers=headers)


def wish(http: httpx.Client, person: int) -> httpx.Response:
    """One booking of this person, under this person's key."""
    slot = person % (TOWN.sessions * seed.SLOTS_PER_SESSION) + 1
    return http.post(
        "/api/v1/appointments",
        json={"slot_id": seed.slot_id(slot), "patient_id": seed.directory_id(person)},
        headers={"Authorization": f"Bearer {seed.token(person)}", "Idempotency-Key": f"k{person}"},
    )


def until_booked(http: httpx.Client, person: int) -> httpx.Response:
    """Ask again as told, for at most a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = wish(http, person)
        if answer.status_code == 201:
            return answer
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        time.sleep(0.2)
    raise TimeoutError


async def told_and_there(dsn: str, acknowledged: set[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        there = {str(row["id"]) for row in await connection.fetch("SELECT id FROM appointment")}
        counted = set(await connection.fetchrow(_LAW) or ())
    finally:
        await connection.close()
    assert acknowledged == there
    assert counted == {len(there)}


def test_a_killed_database_is_told_and_recovered_from_without_a_restart(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server = EmbeddedPostgres(tmp_path / "pg")
    with stage.database(tmp_path) as dsn:
        asyncio.run(seed.seed(dsn, TOWN))
        server.start()
        with (
            stage.serving(dsn, tmp_path, workers=1) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http,
        ):
            acknowledged = {wish(http, person).json()["id"] for person in range(1, 21)}
            pid = server.postmaster_pid()
            assert pid is not None

            os.kill(pid, signal.SIGKILL)
            answers = [wish(http, person) for person in range(21, 31)]
            server.start()
            acknowledged |= {until_booked(http, person).json()["id"] for person in range(21, 41)}

        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} == {"temporarily-unavailable"}
        assert {answer.headers["retry-after"] for answer in answers} == {"2"}
        asyncio.run(told_and_there(dsn, acknowledged))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a disk of its own needs root, to mount a tmpfs; 53100 is tested above for everybody")
    folder = Path(tempfile.mkdtemp(prefix="guahao-small-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192m,mode=755", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        EmbeddedPostgres(folder / "pg").stop()
        subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def fill(disk: Path) -> Path:
    """Leave not a byte free; answers the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1024 * 1024))
        except OSError:
            pass
    return filler


def test_a_disk_that_really_fills_up_loses_nothing(small_disk: Path) -> None:
    server = EmbeddedPostgres(small_disk / "pg")
    server.start()
    migrate.upgrade(server.dsn)
    asyncio.run(seed.seed(server.dsn, TOWN))
    port = free_port()
    acknowledged: set[str] = set()
    statuses: set[int] = set()
    with (
        running("serve", environment(small_disk, port, drain_s=1)),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http,
    ):
        until(port, "/livez", 200)
        acknowledged |= {wish(http, person).json()["id"] for person in range(1, 21)}

        filler = fill(small_disk)
        for person in range(21, 2000):
            answer = wish(http, person)
            statuses.add(answer.status_code)
            if answer.status_code == 503:
                assert answer.json()["code"] == "temporarily-unavailable"
                break
            acknowledged.add(answer.json()["id"])
        first_refused = person
        filler.unlink()
        acknowledged |= {
            until_booked(http, person).json()["id"] for person in range(first_refused, first_refused + 20)
        }

    assert statuses <= {201, 503}
    assert 503 in statuses
    asyncio.run(told_and_there(server.dsn, acknowledged))
