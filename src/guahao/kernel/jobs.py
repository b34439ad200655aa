"""Work done by the clock: each job's next due time is a row, so any number of workers may run."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Integer,
    Update,
    bindparam,
    cast,
    delete,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Sessions, affected, transaction
from guahao.kernel.log import describe, logger

BEAT_EVERY = timedelta(seconds=5)
BEAT_FRESH = timedelta(seconds=30)
"""A worker that has not beaten for this long counts as gone."""

_RETRY_AT_MOST = timedelta(minutes=5)
_POLL_S = 0.5
_BOUND = select(func.set_config("transaction_timeout", bindparam("limit"), true())).where(
    cast(func.current_setting("server_version_num"), Integer) >= 170_000
)
"""PostgreSQL 17 and newer end the transaction a second after the worker's own clock should have; before, a
worker that is frozen loses it by `Timeouts.idle_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Periodic work: `run` does one bounded batch in one transaction and answers how many it did.

    While it answers more than zero it is called again at once; then it waits for `every`. One
    worker at a time runs a job, so `run` needs no lock against itself. A batch that takes longer than
    `limit` is rolled back, so that no worker keeps a job from the others, whatever became of it.
    """

    name: str
    every: timedelta
    run: Callable[[AsyncSession], Awaitable[int]]
    limit: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Periodic work that calls remote systems: `run` opens its own short transactions between the calls.

    It does one bounded batch well within `lease` and answers how many it did. A worker that dies is
    replaced after the lease, so `run` must be safe to run twice at once: it claims its rows itself.
    """

    name: str
    every: timedelta
    run: Callable[[Sessions], Awaitable[int]]
    lease: timedelta = timedelta(minutes=2)


class JobRun(Base):
    """When a job is due and how its last run went."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]


class WorkerHeartbeat(Base):
    """A living worker."""

    __tablename__ = "worker_heartbeat"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    beaten_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


Timed = Job | Errand


async def enter(sessions: Sessions, jobs: Sequence[Timed]) -> None:
    """Give every job its row; new ones are due at once."""
    async with transaction(sessions) as db:
        for job in jobs:
            await db.execute(insert(JobRun).values(name=job.name).on_conflict_do_nothing())


async def run_once(sessions: Sessions, job: Timed) -> int | None:
    """Run one batch of `job` if it is due and no other worker runs it; answers how many it did.

    None when it was not due or failed; a failure is recorded and puts the job off, longer each time.
    """
    try:
        if isinstance(job, Errand):
            return await _run_errand(sessions, job)
        async with asyncio.timeout(job.limit.total_seconds()), transaction(sessions) as db:
            due = select(JobRun.name).where(JobRun.name == job.name, JobRun.due_at <= func.now())
            if await db.scalar(due.with_for_update(skip_locked=True)) is None:
                return None
            await db.execute(_BOUND, {"limit": f"{math.ceil(job.limit.total_seconds()) + 1}s"})
            done = await job.run(db)
            await db.execute(_finished(job, done))
            return done
    except Exception as error:  # noqa: BLE001  # a failing job must not end the worker
        logger().error("job-failed", job=job.name, **describe(error))
        await _record_failure(sessions, job, error)
        return None


async def _run_errand(sessions: Sessions, errand: Errand) -> int | None:
    due = (
        select(JobRun.name)
        .where(JobRun.name == errand.name, JobRun.due_at <= func.now())
        .with_for_update(skip_locked=True)
    )
    lease = update(JobRun).where(JobRun.name == due.scalar_subquery())
    async with transaction(sessions) as db:
        if not affected(await db.execute(lease.values(due_at=func.now() + errand.lease))):
            return None
    done = await errand.run(sessions)
    async with transaction(sessions) as db:
        await db.execute(_finished(errand, done))
    return done


def _finished(job: Timed, done: int) -> Update:
    return (
        update(JobRun)
        .where(JobRun.name == job.name)
        .values(
            started_at=func.now(),
            finished_at=func.clock_timestamp(),
            due_at=func.now() if done else func.clock_timestamp() + job.every,
            done=JobRun.done + done,
            failures=0,
            last_error=None,
        )
    )


async def _record_failure(sessions: Sessions, job: Timed, error: Exception) -> None:
    async with transaction(sessions) as db:
        failures = await db.scalar(select(JobRun.failures).where(JobRun.name == job.name)) or 0
        wait = min(_RETRY_AT_MOST, timedelta(seconds=2**failures))
        await db.execute(
            update(JobRun)
            .where(JobRun.name == job.name)
            .values(
                finished_at=func.now(),
                due_at=func.now() + wait,
                failures=failures + 1,
                last_error=type(error).__name__,
            )
        )


async def run_due(sessions: Sessions, jobs: Sequence[Timed], stopping: asyncio.Event) -> None:
    """Run `jobs` whenever they are due, side by side, until `stopping`; then finish the running batches."""
    await enter(sessions, jobs)
    by_name = {job.name: job for job in jobs}
    running: dict[str, asyncio.Task[None]] = {}
    due = select(JobRun.name).where(JobRun.name.in_(by_name), JobRun.due_at <= func.now())
    try:
        while not stopping.is_set():
            async with transaction(sessions) as db:
                names = (await db.scalars(due)).all()
            for name in names:
                if name not in running or running[name].done():
                    running[name] = asyncio.create_task(_until_idle(sessions, by_name[name], stopping))
            await pause(stopping, _POLL_S)
    finally:
        await asyncio.gather(*running.values(), return_exceptions=True)


async def _until_idle(sessions: Sessions, job: Timed, stopping: asyncio.Event) -> None:
    while await run_once(sessions, job) and not stopping.is_set():
        pass


async def beat(sessions: Sessions, worker: UUID, stopping: asyncio.Event) -> None:
    """Tell every few seconds that this worker lives, until `stopping`; then take the row away."""
    alive = insert(WorkerHeartbeat).values(id=worker)
    alive = alive.on_conflict_do_update(index_elements=["id"], set_={"beaten_at": func.now()})
    gone = func.now() - timedelta(days=1)
    while not stopping.is_set():
        async with transaction(sessions) as db:
            await db.execute(alive)
            await db.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.beaten_at < gone))
        await pause(stopping, BEAT_EVERY.total_seconds())
    async with transaction(sessions) as db:
        await db.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.id == worker))


async def worker_is_alive(db: AsyncSession) -> bool:
    """Tell whether any worker has beaten lately."""
    fresh = select(WorkerHeartbeat.id).where(WorkerHeartbeat.beaten_at > func.now() - BEAT_FRESH)
    return await db.scalar(fresh.limit(1)) is not None


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not longer than until `stopping`."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
