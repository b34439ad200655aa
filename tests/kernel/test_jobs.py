import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel import jobs
from guahao.kernel.db import (
    MIGRATING,
    SERVING,
    WORKING,
    Sessions,
    Timeouts,
    make_engine,
    make_sessions,
    transaction,
)
from guahao.kernel.jobs import Job, JobRun, WorkerHeartbeat

pytestmark = pytest.mark.anyio


class Work:
    def __init__(self, *batches: int | Exception) -> None:
        self.batches = list(batches)
        self.calls = 0
        self.idle = asyncio.Event()

    async def run(self, db: AsyncSession) -> int:
        self.calls += 1
        await db.execute(text("SELECT 1"))
        batch = self.batches.pop(0) if self.batches else 0
        if not self.batches:
            self.idle.set()
        if isinstance(batch, Exception):
            raise batch
        return batch

    @property
    def job(self) -> Job:
        return Job(name="work", every=timedelta(hours=1), run=self.run)


async def row_of(sessions: Sessions) -> JobRun:
    async with transaction(sessions) as db:
        return (await db.scalars(select(JobRun))).one()


async def test_a_job_repeats_while_there_is_work_and_then_waits(sessions: Sessions) -> None:
    work = Work(5, 3, 0)
    stopping = asyncio.Event()

    running = asyncio.create_task(jobs.run_due(sessions, [work.job], stopping))
    await work.idle.wait()
    stopping.set()
    await running

    row = await row_of(sessions)
    assert (work.calls, row.done, row.failures, row.last_error) == (3, 8, 0, None)
    async with transaction(sessions) as db:
        left = await db.scalar(select(JobRun.due_at - func.now()))
    assert timedelta(minutes=59) < left < timedelta(minutes=61)


async def test_a_failing_job_is_recorded_and_put_off(sessions: Sessions) -> None:
    work = Work(ValueError("13800138000"), 0)
    await jobs.enter(sessions, [work.job])

    assert await jobs.run_once(sessions, work.job) is None

    row = await row_of(sessions)
    assert (row.failures, row.last_error) == (1, "ValueError")
    assert await jobs.run_once(sessions, work.job) is None
    assert work.calls == 1


async def test_a_job_runs_in_one_worker_at_a_time(sessions: Sessions) -> None:
    work = Work(1)
    await jobs.enter(sessions, [work.job])
    async with transaction(sessions) as db:
        await db.execute(select(JobRun).with_for_update())

        assert await jobs.run_once(sessions, work.job) is None

    assert work.calls == 0


async def test_a_beating_worker_is_alive_and_a_silent_one_is_not(sessions: Sessions) -> None:
    stopping = asyncio.Event()
    async with transaction(sessions) as db:
        assert not await jobs.worker_is_alive(db)

    beating = asyncio.create_task(jobs.beat(sessions, uuid4(), stopping))
    async with asyncio.timeout(30):
        alive = False
        while not alive:
            async with transaction(sessions) as db:
                alive = await jobs.worker_is_alive(db)
    async with transaction(sessions) as db:
        await db.execute(update(WorkerHeartbeat).values(beaten_at=func.now() - jobs.BEAT_FRESH))
        assert not await jobs.worker_is_alive(db)
    stopping.set()
    await beating

    async with transaction(sessions) as db:
        assert await db.scalar(select(func.count()).select_from(WorkerHeartbeat)) == 0


async def test_an_errand_runs_outside_a_transaction_and_is_leased_meanwhile(sessions: Sessions) -> None:
    seen: list[int | None] = []

    async def run(own: Sessions) -> int:
        seen.append(await jobs.run_once(own, errand))
        return 0

    errand = jobs.Errand(name="errand", every=timedelta(hours=1), run=run)
    await jobs.enter(sessions, [errand])

    assert await jobs.run_once(sessions, errand) == 0

    row = await row_of(sessions)
    assert (seen, row.failures) == ([None], 0)


async def test_an_errand_that_fails_is_recorded_and_put_off(sessions: Sessions) -> None:
    async def run(_: Sessions) -> int:
        raise ValueError("13800138000")

    errand = jobs.Errand(name="errand", every=timedelta(hours=1), run=run)
    await jobs.enter(sessions, [errand])

    assert await jobs.run_once(sessions, errand) is None

    row = await row_of(sessions)
    assert (row.failures, row.last_error) == (1, "ValueError")


async def hung_job(database: str, began: asyncio.Event) -> None:
    """Run a job whose process hangs in its transaction, and is not even there to notice the time."""
    engine = make_engine(database, pool_size=1, timeouts=Timeouts(idle_s=0.5))

    async def hang(db: AsyncSession) -> int:
        await db.execute(text("SELECT 1"))
        began.set()
        await asyncio.Event().wait()
        return 1

    try:
        await jobs.run_once(
            make_sessions(engine),
            Job(name="work", every=timedelta(hours=1), run=hang, limit=timedelta(days=1)),
        )
    finally:
        await engine.dispose()


async def test_a_job_that_hangs_in_one_worker_soon_runs_in_another(sessions: Sessions, database: str) -> None:
    work = Work(1)
    await jobs.enter(sessions, [work.job])
    began = asyncio.Event()
    hanging = asyncio.create_task(hung_job(database, began))
    await began.wait()
    assert await jobs.run_once(sessions, work.job) is None

    async with asyncio.timeout(30):
        stopping = asyncio.Event()
        elsewhere = asyncio.create_task(jobs.run_due(sessions, [work.job], stopping))
        await work.idle.wait()
    stopping.set()
    await elsewhere

    row = await row_of(sessions)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert (row.done, row.failures) == (1, 0)


async def test_a_batch_that_takes_too_long_is_rolled_back_and_put_off(sessions: Sessions) -> None:
    async def endless(db: AsyncSession) -> int:
        await db.execute(text("INSERT INTO worker_heartbeat (id) VALUES (gen_random_uuid())"))
        await asyncio.Event().wait()
        return 1

    job = Job(name="work", every=timedelta(hours=1), run=endless, limit=timedelta(seconds=0.3))
    await jobs.enter(sessions, [job])

    assert await jobs.run_once(sessions, job) is None

    row = await row_of(sessions)
    assert (row.failures, row.last_error) == (1, "TimeoutError")
    async with transaction(sessions) as db:
        assert await db.scalar(select(func.count()).select_from(WorkerHeartbeat)) == 0


@pytest.mark.parametrize("timeouts", [SERVING, WORKING, MIGRATING])
async def test_every_connection_brings_its_own_timeouts(database: str, timeouts: Timeouts) -> None:
    engine = make_engine(database, pool_size=1, timeouts=timeouts)
    names = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    ]
    async with engine.connect() as connection:
        seen = [
            await connection.scalar(
                text("SELECT extract(epoch FROM current_setting(:name)::interval)"), {"name": name}
            )
            for name in names
        ]
    await engine.dispose()

    assert [float(value) for value in seen] == [timeouts.statement_s, timeouts.lock_s, timeouts.idle_s]
