"""Lists of the console over HTTP: a hospital with 1,000,000 bookings against one with 1,000.

Each list is asked in turn of two servers, each on a database of its own with the same hospital, people and
sessions, so that only the number of bookings and orders differs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from bench import seed, stage
from bench.report import at_most, figure
from guahao.identity.service.token import hash_of
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import load_key_ring
from guahao.kernel.settings import Environment, Settings

FEW, MANY = 1_000, 1_000_000
PEOPLE = DOCTORS = 20
"""So few that each of them fills a page even among the few bookings."""
ROUNDS = 41
GOAL = 1.5
_TOKEN = "bench-staff"  # noqa: S105  # of a database that lives as long as the measurement
_TOWN = seed.Town(people=PEOPLE)

_STAFF = """
INSERT INTO staff (id, username, password_hash, name, roles)
  VALUES ($1, 'bench', '', '测速员', ARRAY['desk', 'finance', 'hospital_admin'])
"""
_LOGIN = """
INSERT INTO login (token_hash, id, staff_id, kind, device, created_at, last_seen_at, idle_expires_at,
    expires_at)
  VALUES ($1, $2, $2, 'password', 'bench', now(), now(), now() + interval '30 minutes',
    now() + interval '12 hours')
"""
_BOOKINGS = f"""
SET session_replication_role = replica;
INSERT INTO payment_order (hospital_id, id, subject, account_id, amount_fen, state, paid_at, created_at)
  SELECT 1, {seed.SLOT_ID.format(n="n + 268435456")}, 'past:' || n,
    {seed.DIRECTORY_ID.format(n=f"n % {PEOPLE} + 1")}, 5000, 'paid', at, at
  FROM generate_series(1, $1) n, LATERAL (SELECT now() - interval '25 seconds' * n AS at) x;
INSERT INTO appointment (hospital_id, id, account_id, patient_id, person_id, slot_id, session_id,
    department_id, doctor_id, order_id, date, starts_at, ends_at, state, channel, rule_version, created_at,
    booked_at, ended_at)
  SELECT 1, {seed.SLOT_ID.format(n="n + 268435456")}, person, person, person,
    {seed.SLOT_ID.format(n=f"n % {DOCTORS} * 4 + 1")}, {seed.SLOT_ID.format(n=f"n % {DOCTORS} + 1")},
    {seed.SLOT_ID.format(n=1)}, {seed.SLOT_ID.format(n=f"n % {DOCTORS} + 1")},
    {seed.SLOT_ID.format(n="n + 268435456")}, (day AT TIME ZONE 'Asia/Shanghai')::date, day,
    day + interval '30 minutes', 'cancelled_by_patient', 'online', 1, day - interval '3 days',
    day - interval '3 days', day - interval '2 days'
  FROM generate_series(1, $1) n, LATERAL (SELECT {seed.DIRECTORY_ID.format(n=f"n % {PEOPLE} + 1")} AS person,
    now() - interval '25 seconds' * n AS day) x;
RESET session_replication_role;
"""


def measure(folder: Path) -> Iterator[str]:
    """Tell for each list how long it takes, and the ratio between the two hospitals."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(_hospital(folder / str(rows), rows)) for rows in (FEW, MANY))
        for (what, path), (_, same) in zip(_lists(few), _lists(many), strict=True):
            quick, slow = _in_turn((few, path), (many, same))
            yield figure(f"{what}, {MANY:,} bookings", slow * 1000, "ms")
            yield at_most(f"{what}, {MANY:,} / {FEW:,}", slow / quick, GOAL)


@contextmanager
def _hospital(folder: Path, rows: int) -> Iterator[httpx.Client]:
    folder.mkdir(mode=0o755)
    with stage.database(folder) as dsn:
        asyncio.run(_fill(dsn, folder, rows))
        with (
            stage.serving(dsn, folder, workers=1) as port,
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}/api/v1/staff",
                headers={"Authorization": f"Bearer {_TOKEN}"},
                timeout=60,
            ) as http,
        ):
            yield http


async def _fill(dsn: str, folder: Path, rows: int) -> None:
    await seed.seed(dsn, _TOWN)
    keys = load_key_ring(Settings(environment=Environment.DEMO, data_dir=folder).keys_path, production=False)
    connection = await asyncpg.connect(dsn)
    try:
        people = [UUID(seed.directory_id(number)) for number in range(1, PEOPLE + 1)]
        await connection.executemany(
            "UPDATE person SET name_sealed = $2, document_sealed = $3 WHERE id = $1",
            [
                (
                    one,
                    keys.seal("基准甲", field="person.name_sealed", row=one),
                    keys.seal("11010119900101001X", field="person.document_sealed", row=one),
                )
                for one in people
            ],
        )
        staff = UUID(seed.directory_id(PEOPLE + 1))
        await connection.execute(_STAFF, staff)
        await connection.execute(_LOGIN, hash_of(_TOKEN), staff)
        await connection.execute(_BOOKINGS.replace("$1", str(rows)))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _lists(http: httpx.Client) -> Iterator[tuple[str, str]]:
    here = "hospital_id=1"
    today = local_date(datetime.now(UTC)).isoformat()
    doctor, patient = seed.slot_id(7), seed.directory_id(7)
    bookings = f"/appointments?{here}&limit=50"
    yield "bookings, newest first", bookings
    yield "bookings, soonest visit first", f"{bookings}&sort=starts_at"
    yield "bookings of a day", f"{bookings}&date={today}&sort=starts_at"
    yield "bookings of a doctor", f"{bookings}&doctor_id={doctor}"
    yield "bookings of a patient", f"{bookings}&patient_id={patient}"
    yield "bookings, the tenth page", f"{bookings}&cursor={_tenth(http, bookings)}"
    yield "orders, newest first", f"/orders?{here}&limit=50"
    yield "orders that are paid", f"/orders?{here}&limit=50&state=paid"


def _tenth(http: httpx.Client, path: str) -> str:
    cursor = ""
    for _ in range(9):
        cursor = str(_asked(http, f"{path}&cursor={cursor}" if cursor else path))
    return cursor


def _asked(http: httpx.Client, path: str) -> str | None:
    """The cursor of the page after this one."""
    answer = http.get(path).raise_for_status().json()
    if not answer["items"]:
        message = f"nothing to list: {path}"
        raise RuntimeError(message)
    cursor: str | None = answer["next_cursor"]
    return cursor


def _in_turn(*asked: tuple[httpx.Client, str]) -> list[float]:
    """Seconds of an answer of each, the middle of many asked in turn."""
    taken: list[list[float]] = [[] for _ in asked]
    for _ in range(ROUNDS):
        for (http, path), seconds in zip(asked, taken, strict=True):
            began = time.perf_counter()
            _asked(http, path)
            seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds) for seconds in taken]
