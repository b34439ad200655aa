"""What goes wrong during a run: every kind of fault once, then at random."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from torture.history import History
from torture.stage import Stage

_MERCY = 0.8
"""How often the next fault waits until the last one is overcome; otherwise it hits the recovery."""
_RECOVERY_S = 15
_TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5
"""
_OPEN_ORDERS_END = """
UPDATE payment_order SET expires_at = now() WHERE state IN ('created', 'paying') AND random() < 0.5
"""
_HOLDS_END = """
UPDATE appointment SET hold_expires_at = now() FROM payment_order o
WHERE o.hospital_id = appointment.hospital_id AND o.id = order_id AND appointment.state = 'held'
  AND (o.expires_at <= now() OR random() < 0.3)
"""


class Nemesis:
    """Breaks things; `epoch` counts the crashes so far."""

    def __init__(self, stage: Stage, history: History, rng: random.Random) -> None:
        """Know the stage."""
        self._stage = stage
        self._history = history
        self._rng = rng
        self.epoch = 0
        self._faults: dict[str, tuple[int, Callable[[], Awaitable[bool]]]] = {
            "server process killed": (3, self._kill_server_process),
            "whole server killed": (1, self._kill_server),
            "worker killed": (2, self._kill_worker),
            "database killed": (3, self._crash_database),
            "connections cut": (4, self._cut_connections),
            "server stalled": (2, self._stall_server),
            "time passed for holds": (4, self._pass_time),
        }

    async def rage(self, stopping: asyncio.Event) -> None:
        """Do every fault once in random order, then go on at random, until `stopping`."""
        names = list(self._faults)
        first = self._rng.sample(names, len(names))
        weights = [self._faults[name][0] for name in names]
        while not stopping.is_set():
            if self._rng.random() < _MERCY:
                await self._recovered(stopping)
            await asyncio.sleep(self._rng.uniform(0.5, 1.5))
            name = first.pop() if first else self._rng.choices(names, weights)[0]
            if await self._faults[name][1]():
                self._history.faults[name] += 1
            await asyncio.to_thread(self._stage.heal)

    async def _recovered(self, stopping: asyncio.Event) -> None:
        """Let people be served again first: a busy machine takes seconds to start a process."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY_S):
                while not stopping.is_set() and not await asyncio.to_thread(self._stage.answers):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

    async def _kill_server_process(self) -> bool:
        self.epoch += 1
        return self._stage.server.kill_child(self._rng.random())

    async def _kill_server(self) -> bool:
        self.epoch += 1
        await asyncio.to_thread(self._stage.server.kill)
        return True

    async def _kill_worker(self) -> bool:
        if not self._stage.worker.kill_child(self._rng.random()):
            await asyncio.to_thread(self._stage.worker.kill)
        return True

    async def _crash_database(self) -> bool:
        self.epoch += 1
        crashed = self._stage.crash_database()
        await asyncio.sleep(self._rng.uniform(0, 0.5))
        return crashed

    async def _cut_connections(self) -> bool:
        self.epoch += 1
        return await self._sql(_TERMINATE)

    async def _stall_server(self) -> bool:
        self._stage.server.signal_children(signal.SIGSTOP)
        await asyncio.sleep(self._rng.uniform(0.2, 0.8))
        self._stage.server.signal_children(signal.SIGCONT)
        return True

    async def _pass_time(self) -> bool:
        return await self._sql(_OPEN_ORDERS_END, _HOLDS_END)

    async def _sql(self, *statements: str) -> bool:
        with suppress(OSError, asyncpg.PostgresError):
            connection = await asyncpg.connect(self._stage.dsn, timeout=5)
            try:
                async with connection.transaction():
                    for statement in statements:
                        await connection.execute(statement)
            finally:
                await connection.close(timeout=5)
            return True
        return False
