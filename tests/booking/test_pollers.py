from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.service.expire import expire_holds
from guahao.booking.service.suspension import refund_undecided
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.relay import Relay
from guahao.web.metrics import scrape
from guahao.web.wiring import _NUMBERS

pytestmark = pytest.mark.anyio

Work = Callable[[Sessions], Awaitable[object]]


def in_transaction(job: Callable[[AsyncSession], Awaitable[int]]) -> Work:
    async def run(sessions: Sessions) -> None:
        async with transaction(sessions) as db:
            await job(db)

    return run


async def statements_of(sessions: Sessions, work: Work) -> list[str]:
    """What `work` sends to the database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    async with sessions() as db:
        engine = (await db.connection()).engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await work(sessions)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


async def forget_what_was(db: AsyncSession) -> None:
    """What earlier tests left in files and statistics, by which plans are chosen; undone at the end."""
    connection = await db.connection()
    for command in (
        "SET LOCAL session_replication_role = replica",
        "TRUNCATE appointment, event CASCADE",
        "SET LOCAL session_replication_role = origin",
        "DELETE FROM pg_statistic WHERE starelid >= 16384",
    ):
        await connection.exec_driver_sql(command)


async def plan_without_values(db: AsyncSession, statement: str) -> str:
    """How the database runs a statement whose values it does not know, if an index can be had."""
    values = len(set(re.findall(r"\$\d+", statement)))
    arguments = f"({', '.join(['NULL'] * values)})" if values else ""
    connection = await db.connection()
    for command in (
        "SET LOCAL plan_cache_mode = force_generic_plan",
        "SET LOCAL enable_seqscan = off",
        f"PREPARE asked AS {statement}",
    ):
        await connection.exec_driver_sql(command)
    lines = (await db.execute(text(f"EXPLAIN EXECUTE asked{arguments}"))).scalars().all()
    await connection.exec_driver_sql("DEALLOCATE asked")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (in_transaction(expire_holds), "appointment_hold_idx"),
        (in_transaction(refund_undecided), "appointment_decide_idx"),
        (lambda sessions: Relay(sessions, ()).tell_batch(), "event_pending_idx"),
        (lambda sessions: scrape(sessions, _NUMBERS), "appointment_hold_idx"),
        (lambda sessions: scrape(sessions, _NUMBERS), "event_pending_idx"),
    ],
)
async def test_what_runs_all_the_time_finds_its_few_rows_by_an_index(
    sessions: Sessions, db: AsyncSession, work: Work, index: str
) -> None:
    sent = await statements_of(sessions, work)
    await forget_what_was(db)

    plans = [await plan_without_values(db, one) for one in sent]

    assert any(index in plan for plan in plans), plans
