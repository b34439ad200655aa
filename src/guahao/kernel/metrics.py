"""Numbers for monitoring that processes count themselves.

With several server processes each writes its counts below PROMETHEUS_MULTIPROC_DIR, which must be
set before this module is imported; any of them then answers for all.
"""

from __future__ import annotations

import os
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

_registry = CollectorRegistry()
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "guahao_requests",
    "Answered requests by route template, never by path",
    ["method", "route", "status"],
    registry=_registry,
)
SECONDS = Histogram(
    "guahao_request_seconds", "Time to the last byte", ["route"], buckets=_SECONDS, registry=_registry
)
BOOKINGS = Counter(
    "guahao_bookings", "Tries to book by result: booked or the problem's code", ["result"], registry=_registry
)
NOTIFICATIONS = Counter(
    "guahao_payment_notifications",
    "Notifications of payment providers by what became of them",
    ["provider", "result"],
    registry=_registry,
)
POOL_WAIT = Histogram(
    "guahao_db_pool_wait_seconds", "Waiting for a database connection", buckets=_SECONDS, registry=_registry
)


class MeasuredPool(AsyncAdaptedQueuePool):
    """A connection pool that tells how long its users wait."""

    def connect(self) -> PoolProxiedConnection:
        """Answer a connection, as soon as there is one."""
        began = perf_counter()
        try:
            return super().connect()
        finally:
            POOL_WAIT.observe(perf_counter() - began)


def counted() -> bytes:
    """Answer all counts in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(_registry)
    everybody = CollectorRegistry()
    multiprocess.MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # not annotated
    return generate_latest(everybody)
