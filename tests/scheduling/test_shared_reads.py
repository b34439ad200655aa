"""Many readers of one moment cost one read; what does not exist or fails costs the others nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from guahao.catalog.models import RuleSetRow
from guahao.catalog.queries import forget_rules
from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id
from guahao.scheduling.queries.batched import Batched
from guahao.scheduling.queries.directory import Directory
from tests.factories.catalog import make_hospital
from tests.factories.scheduling import make_session

pytestmark = pytest.mark.anyio
STRANGERS = 200


@contextmanager
def statements(sessions: Sessions) -> Iterator[list[str]]:
    engine: AsyncEngine = sessions.kw["bind"]
    told: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        told.append(sql)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield told
    event.remove(engine.sync_engine, "before_cursor_execute", note)


def nobodys_hospitals() -> list[int]:
    return [2_000_000 + secrets.randbelow(1_000_000) * 2 + half for half in (0, 1) for _ in range(100)]


async def test_hospitals_that_do_not_exist_cost_one_statement_and_then_none(
    sessions: Sessions, db: AsyncSession
) -> None:
    directory = Directory(single_hospital=None)
    real = await make_hospital(db)
    await db.commit()
    unknown = dict.fromkeys(nobodys_hospitals(), frozenset[object]())

    with statements(sessions) as first:
        names = await directory.of_many(db, unknown)  # type: ignore[arg-type]  # nothing is needed of them
    with statements(sessions) as again:
        await directory.of_many(db, unknown)  # type: ignore[arg-type]

    assert (len(first), len(again)) == (1, 0)
    assert not any(one.is_visible for one in names.values())
    assert (await directory.of(db, real)).is_visible


async def test_readers_of_doctors_who_do_not_exist_slow_nobody_down(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    session = await make_session(db)
    await db.commit()
    path = "/api/v1/doctors/{}/sessions"
    real = path.format(session.doctor_id)
    assert (await client.get(real)).status_code == 200
    strangers = [path.format(new_id(hospital)) for hospital in nobodys_hospitals()]

    for _ in range(2):
        with statements(sessions) as told:
            answers = await asyncio.gather(*(client.get(one) for one in [*strangers, real]))
        assert [one.status_code for one in answers] == [404] * STRANGERS + [200]
        assert len(told) < 10, told


async def test_a_doctor_whose_hospital_cannot_be_read_fails_alone(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    broken, whole = await make_session(db), await make_session(db)
    await db.execute(
        update(RuleSetRow)
        .where(RuleSetRow.hospital_id == broken.hospital_id)
        .values(rules={"cancel_pause_count": "x"})
    )
    await db.commit()
    forget_rules(broken.hospital_id)

    answers = await asyncio.gather(
        *(client.get(f"/api/v1/doctors/{one.doctor_id}/sessions") for one in (broken, whole))
    )

    assert [one.status_code for one in answers] == [500, 200]


async def test_of_a_batch_one_key_fails_and_the_others_are_answered() -> None:
    batches: list[Sequence[int]] = []

    async def read(keys: Sequence[int]) -> Mapping[int, int | Exception]:
        batches.append(keys)
        return {key: KeyError(key) if key == 7 else key * 2 for key in keys}

    shared: Batched[int, int] = Batched(read)
    answers = await asyncio.gather(*(shared.get(key) for key in (1, 7, 7, 9)), return_exceptions=True)

    assert batches == [[1, 7, 9]]
    assert (answers[0], answers[3]) == (2, 18)
    assert [type(one) for one in answers[1:3]] == [KeyError, KeyError]
