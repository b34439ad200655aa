"""What /metrics answers: the counts of the processes, and what the database tells when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.jobs import JobRun
from guahao.kernel.log import describe, logger
from guahao.kernel.metrics import counted

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A number the database tells at the moment of asking; `select` answers one row of one column."""

    name: str
    meaning: str
    select: Select[Any]


_PENDING = select(func.count()).select_from(EventRow).where(EventRow.state == EventState.PENDING)
_DEAD = select(func.count()).select_from(EventRow).where(EventRow.state == EventState.DEAD)
_EVENT_LAG = select(func.extract("epoch", func.now() - func.min(EventRow.occurred_at))).where(
    EventRow.state == EventState.PENDING
)
_JOB_LAG = select(func.extract("epoch", func.now() - func.min(JobRun.due_at)))
_FAILING = select(func.count()).select_from(JobRun).where(JobRun.failures > 0)

KERNEL_NUMBERS: tuple[Asked, ...] = (
    Asked(name="guahao_events_pending", meaning="Events not yet told", select=_PENDING),
    Asked(name="guahao_events_dead", meaning="Events given up, somebody must look", select=_DEAD),
    Asked(name="guahao_event_lag_seconds", meaning="Age of the oldest untold event", select=_EVENT_LAG),
    Asked(name="guahao_job_lag_seconds", meaning="Lateness of the most overdue job", select=_JOB_LAG),
    Asked(name="guahao_jobs_failing", meaning="Jobs whose last run failed", select=_FAILING),
)


async def scrape(sessions: Sessions, asked: Sequence[Asked]) -> bytes:
    """Answer everything in Prometheus' text format; without a database, what the processes counted."""
    told = CollectorRegistry()
    up = Gauge("guahao_database_up", "Whether the database answered", registry=told)
    try:
        async with transaction(sessions) as db:
            for one in asked:
                await _ask(db, one, told)
        up.set(1)
    except Exception as error:  # noqa: BLE001  # whatever it is, monitoring must hear the rest
        logger().warning("metrics-without-database", **describe(error))
        up.set(0)
    return counted() + generate_latest(told)


async def _ask(db: AsyncSession, one: Asked, registry: CollectorRegistry) -> None:
    value = await db.scalar(one.select)
    Gauge(one.name, one.meaning, registry=registry).set(max(float(value or 0), 0))
