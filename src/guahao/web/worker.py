"""One worker process: tells events, runs jobs, beats; comes back by itself when the database does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from guahao.kernel import jobs, log
from guahao.kernel.db import make_engine, make_sessions
from guahao.kernel.ids import new_id
from guahao.kernel.relay import Relay
from guahao.kernel.settings import Settings
from guahao.web import configuration, wiring
from guahao.web.money import providers
from guahao.web.server import until_told

_RETRY_AT_MOST_S = 10.0


async def _forever(name: str, work: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run `work` until `stopping`, again and again whatever it raises."""
    wait_s = 0.5
    while not stopping.is_set():
        try:
            await work()
            wait_s = 0.5
        except Exception as error:  # noqa: BLE001  # a worker outlives any failure of its tasks
            log.logger().error("task-failed", process=name, **log.describe(error))
            await jobs.pause(stopping, wait_s)
            wait_s = min(wait_s * 2, _RETRY_AT_MOST_S)


async def work(settings: Settings, stopping: asyncio.Event) -> None:
    """Do a worker's work until `stopping`, then finish the batches in hand."""
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    sessions = make_sessions(engine)
    relay = Relay(sessions, wiring.reactions())
    periodic = wiring.jobs(settings, wiring.key_ring_of(settings), providers(settings, sessions))
    worker = new_id()
    tasks = {
        "relay": lambda: relay.run(stopping),
        "jobs": lambda: jobs.run_due(sessions, periodic, stopping),
        "heartbeat": lambda: jobs.beat(sessions, worker, stopping),
    }
    try:
        await asyncio.gather(*(_forever(name, task, stopping) for name, task in tasks.items()))
    finally:
        await engine.dispose()


async def _main(settings: Settings) -> None:
    stopping = asyncio.Event()
    until_told(stopping)
    await work(settings, stopping)


def main() -> None:
    """Work with the settings of the environment."""
    settings = configuration.load()
    log.configure(level=settings.log_level)
    uvloop.run(_main(settings))
