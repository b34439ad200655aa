from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from guahao.kernel.db import Sessions, Timeouts, make_engine, make_sessions
from guahao.kernel.settings import Settings
from guahao.web.app import create_app

pytestmark = pytest.mark.anyio


@pytest.fixture
async def impatient(database: str, sessions: Sessions) -> AsyncIterator[Sessions]:
    """Sessions on a single connection that gives up after two seconds."""
    del sessions
    engine = make_engine(database, pool_size=1, plans_once=True, timeouts=Timeouts(statement_s=1))
    yield make_sessions(engine)
    await engine.dispose()


async def test_a_frozen_database_is_answered_for_and_comes_back_by_itself(
    impatient: Sessions, settings: Settings
) -> None:
    app = create_app(settings, sessions=impatient)
    async with impatient() as db:
        backend = await db.scalar(text("SELECT pg_backend_pid()"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        os.kill(backend, signal.SIGSTOP)
        try:
            frozen = await client.get("/api/v1/hospitals")
        finally:
            os.kill(backend, signal.SIGCONT)
        thawed = await client.get("/api/v1/hospitals")

    assert (frozen.status_code, frozen.json()["code"]) == (503, "temporarily-unavailable")
    assert int(frozen.headers["retry-after"]) > 0
    assert thawed.status_code == 200
