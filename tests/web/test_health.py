import httpx
import pytest
from alembic.script import ScriptDirectory
from fastapi import FastAPI
from sqlalchemy import text

from guahao.kernel.db import Sessions, transaction
from guahao.web.migrate import _config
from guahao.web.revision import head

pytestmark = pytest.mark.anyio

BEAT = text("INSERT INTO worker_heartbeat (id) VALUES (gen_random_uuid())")


async def test_the_process_is_ready_when_everything_is(client: httpx.AsyncClient, sessions: Sessions) -> None:
    before = await client.get("/readyz")
    async with transaction(sessions) as db:
        await db.execute(BEAT)

    after = await client.get("/readyz")

    assert (before.status_code, before.json()["checks"]["worker"]) == (503, False)
    assert (after.status_code, set(after.json()["checks"].values())) == (200, {True})


async def test_a_draining_process_lives_but_is_not_ready(
    client: httpx.AsyncClient, app: FastAPI, sessions: Sessions
) -> None:
    async with transaction(sessions) as db:
        await db.execute(BEAT)
    app.state.draining = True

    ready = await client.get("/readyz")

    assert (ready.status_code, ready.json()["checks"]["not_draining"]) == (503, False)
    assert ready.headers["connection"] == "close"
    assert (await client.get("/livez")).status_code == 200


async def test_the_numbers_name_routes_and_not_paths(client: httpx.AsyncClient) -> None:
    await client.get("/problems/not-found")

    answer = await client.get("/metrics")

    assert 'guahao_requests_total{method="GET",route="/problems/{code}",status="200"}' in answer.text
    for name in (
        "guahao_events_pending",
        "guahao_events_dead",
        "guahao_job_lag_seconds",
        "guahao_hold_age_seconds",
        "guahao_refunds_payable_fen",
    ):
        assert f"\n{name} 0.0\n" in answer.text
    assert "\nguahao_database_up 1.0\n" in answer.text


async def test_the_row_of_a_removed_job_raises_no_alarm(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    late = "INSERT INTO job_run (name, due_at, failures) VALUES (:name, now() - interval '1 hour', 3)"
    async with transaction(sessions) as db:
        await db.execute(text(late), {"name": "booking.of_an_older_version"})

    removed = (await client.get("/metrics")).text
    async with transaction(sessions) as db:
        await db.execute(text(late), {"name": "booking.expire_holds"})
    ours = (await client.get("/metrics")).text

    assert "\nguahao_job_lag_seconds 0.0\n" in removed
    assert "\nguahao_jobs_failing 0.0\n" in removed
    assert "\nguahao_job_lag_seconds 36" in ours
    assert "\nguahao_jobs_failing 1.0\n" in ours


async def test_the_newest_revision_is_alembics_too() -> None:
    assert ScriptDirectory.from_config(_config()).get_heads() == [head()]
