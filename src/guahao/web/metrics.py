"""What /metrics answers: the counts of the processes, and what the database tells when asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Select, func, select

from guahao.kernel.db import Sessions, is_exactly, transaction
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


_IS_PENDING = is_exactly(EventRow.state, EventState.PENDING)
_PENDING = select(func.count()).select_from(EventRow).where(_IS_PENDING)
_DEAD = select(func.count()).select_from(EventRow).where(EventRow.state == EventState.DEAD)
_EVENT_LAG = select(func.extract("epoch", func.now() - func.min(EventRow.occurred_at))).where(_IS_PENDING)

KERNEL_NUMBERS: tuple[Asked, ...] = (
    Asked(name="guahao_events_pending", meaning="Events not yet told", select=_PENDING),
    Asked(name="guahao_events_dead", meaning="Events given up, somebody must look", select=_DEAD),
    Asked(name="guahao_event_lag_seconds", meaning="Age of the oldest untold event", select=_EVENT_LAG),
)


def job_numbers(names: Collection[str]) -> tuple[Asked, ...]:
    """Tell how the jobs of these names fare; rows that an older version left count for nothing."""
    is_ours = JobRun.name.in_(names)
    lag = select(func.extract("epoch", func.now() - func.min(JobRun.due_at))).where(is_ours)
    failing = select(func.count()).select_from(JobRun).where(JobRun.failures > 0, is_ours)
    return (
        Asked(name="guahao_job_lag_seconds", meaning="Lateness of the most overdue job", select=lag),
        Asked(name="guahao_jobs_failing", meaning="Jobs whose last run failed", select=failing),
    )


class _Told:
    """Numbers as a collector; prometheus_client's own gauges would be shared between processes."""

    def __init__(self) -> None:
        self.families: list[GaugeMetricFamily] = []

    def collect(self) -> list[GaugeMetricFamily]:
        return self.families


async def scrape(sessions: Sessions, asked: Sequence[Asked]) -> bytes:
    """Answer everything in Prometheus' text format; without a database, what the processes counted."""
    told = _Told()
    up = 1
    try:
        async with transaction(sessions) as db:
            for one in asked:
                value = max(float(await db.scalar(one.select) or 0), 0)
                told.families.append(GaugeMetricFamily(one.name, one.meaning, value=value))
    except Exception as error:  # noqa: BLE001  # whatever it is, monitoring must hear the rest
        logger().warning("metrics-without-database", **describe(error))
        up = 0
    told.families.append(GaugeMetricFamily("guahao_database_up", "Whether the database answered", value=up))
    registry = CollectorRegistry()
    registry.register(told)
    return counted() + generate_latest(registry)
