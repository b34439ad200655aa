"""Runs child processes: starts them again when they die, stops them all when asked."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from guahao.kernel.log import logger

_TICK_S = 0.2
_STEADY_S = 10.0
_GIVE_UP_AFTER = 5
_KILL_AFTER_S = 5.0


@dataclass(kw_only=True)
class Child:
    """One process of ours, which runs the `main` of a module.

    Its standard input is a pipe that nobody writes to: when this process dies, however it dies,
    the pipe closes and the child ends by itself.
    """

    name: str
    module: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    quick_deaths: int = 0
    start_after: float = field(default=0.0)

    def start(self) -> None:
        """Start the process."""
        command = [sys.executable, "-m", "guahao.start", self.module]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(self.environment))
        self.started_at = time.monotonic()

    def watch(self) -> bool:
        """Start the process again when it has died; answers False when that is hopeless."""
        now = time.monotonic()
        if self.process is not None:
            if self.process.poll() is None:
                return True
            logger().error("process-died", process=self.name, status=self.process.returncode)
            steady = now - self.started_at > _STEADY_S
            self.quick_deaths = 0 if steady else self.quick_deaths + 1
            self.start_after = now + min(2.0**self.quick_deaths / 4, 10.0)
            self.process = None
        if self.quick_deaths >= _GIVE_UP_AFTER:
            return False
        if now >= self.start_after:
            self.start()
        return True


def stop_signals() -> threading.Event:
    """Answer an event that SIGTERM and SIGINT set; only for a process' main thread."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def supervise(
    children: Sequence[Child],
    stopping: threading.Event,
    *,
    grace_s: float,
    tick: Callable[[], None] = lambda: None,
) -> bool:
    """Keep `children` running until `stopping`, calling `tick` in between; then end them all.

    Answers False when a child kept dying and it was given up. Children get `grace_s` to finish.
    """
    healthy = True
    try:
        while healthy and not stopping.is_set():
            for child in children:
                healthy = child.watch() and healthy
            tick()
            stopping.wait(_TICK_S)
    finally:
        end(children, grace_s=grace_s)
    return healthy


def end(children: Sequence[Child], *, grace_s: float) -> None:
    """Ask the children to end, wait, and kill what is still there a little after `grace_s`."""
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace_s + _KILL_AFTER_S
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
