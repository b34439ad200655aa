"""`guahao retention` as an operator runs it: counted first, then forgotten in parts, the trail uncut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web.migrate import upgrade
from tests.database import folder
from tests.web.processes import environment, guahao

DUE = 502
KINDS = ("patient.phone", "consent", "person", "person.identity", "credit_event", "booking_block")

_PERSONS = """
INSERT INTO person
  (id, document_type, document_index, document_sealed, name_sealed, birth_date, sex, created_at)
SELECT gen_random_uuid(), 'passport', decode(md5($2 || n::text), 'hex'), '', '', '1980-01-01', 'male',
       now() - interval '90 days'
FROM generate_series(1, $1::int) n RETURNING id
"""
_LISTINGS = """
INSERT INTO patient (id, hospital_id, person_id, relation, phone_sealed, phone_index, deleted_at)
SELECT gen_random_uuid(), 1, id, 'self', 'sealed', 'index', now() - $2::interval FROM unnest($1::uuid[]) id
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    made = folder()
    server = EmbeddedPostgres(made / "pg")
    server.start()
    upgrade(server.dsn)
    yield made
    server.stop()


def rows(data_dir: Path, *statements: tuple[str, *tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    async def run() -> list[list[tuple[Any, ...]]]:
        connection = await asyncpg.connect(EmbeddedPostgres(data_dir / "pg").dsn)
        try:
            return [[tuple(row) for row in await connection.fetch(*statement)] for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def taken_out(data_dir: Path, count: int, *, days: int) -> list[Any]:
    """Persons whom a desk listed with a phone until so many days ago."""
    (found,) = rows(data_dir, (_PERSONS, count, str(days)))
    ids = [id_ for (id_,) in found]
    rows(data_dir, (_LISTINGS, ids, timedelta(days=days)))
    return ids


def told(kinds: dict[str, int], word: str) -> list[str]:
    counts = dict.fromkeys(KINDS, 0) | kinds
    return [
        *(f"{kind}: {count} {word}" for kind, count in counts.items()),
        "audit_entry: kept for good, the trail is never cut",
    ]


def test_what_is_due_is_counted_then_forgotten_in_parts_and_the_trail_keeps_every_entry(
    data_dir: Path,
) -> None:
    variables = environment(data_dir, 20000)
    taken_out(data_dir, DUE, days=31)
    recent = taken_out(data_dir, 3, days=29)
    everything = (
        "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM patient WHERE phone_index <> '')",
    )
    left = ("SELECT person_id, phone_sealed, phone_index FROM patient ORDER BY person_id",)
    entries = ("SELECT data FROM audit_entry WHERE action = 'retention.forget' ORDER BY id",)

    counted = guahao(variables, "retention", "--dry-run")
    untouched = rows(data_dir, everything, entries)
    done = guahao(variables, "retention")
    kept, trail = rows(data_dir, left, entries)
    again = guahao(variables, "retention")
    (unchanged,) = rows(data_dir, entries)
    verified = guahao(variables, "audit", "verify")

    due = {"patient.phone": DUE + 3, "person": DUE}
    assert [one.returncode for one in (counted, done, again, verified)] == [0] * 4, (done.stderr, verified)
    assert counted.stdout.splitlines() == told(due, "due")
    assert untouched == [[(DUE + 3, DUE + 3)], []]
    assert done.stdout.splitlines() == told(due, "forgotten")
    assert kept == [(id_, None, None) for id_ in sorted(recent)]
    assert [json.loads(data) for (data,) in trail] == [
        {"patient.phone": 500},
        {"patient.phone": 5},
        {"person": 500},
        {"person": 2},
    ]
    assert again.stdout.splitlines() == told({}, "forgotten")
    assert unchanged == trail
