"""Functions that read what strangers made: each call in a fresh process with hard limits of its own.

A decoder, an unzipper or an XML parser that a file leads astray then costs its sender an error and nobody
else a second. The child gets bytes and answers bytes; it inherits no secret, no file and no connection.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module

_MEMORY_CODE = 71
_OUTPUT_CODE = 72
_ALARM_AFTER_WALL_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may use; `memory_mb` is address space, some 100 MB of which Python itself takes."""

    memory_mb: int
    cpu_s: int
    wall_s: int
    output_mb: int


class Limit(StrEnum):
    """Which limit a call met."""

    MEMORY = "memory"
    CPU = "cpu"
    WALL = "wall"
    OUTPUT = "output"


class LimitExceeded(Exception):
    """The call was stopped at a limit."""

    def __init__(self, limit: Limit) -> None:
        """Take the limit that was met."""
        super().__init__(limit.value)
        self.limit = limit


class ConfinedCrash(Exception):
    """The process ended without an answer: an exception of the function, or a signal."""


async def run_confined(function: Callable[[bytes], bytes], payload: bytes, *, limits: Limits) -> bytes:
    """Call a module's `function` with `payload` in a process of its own, and return what it returns.

    The process is killed at a limit, and when the caller is cancelled. Linux holds all limits; macOS does
    not limit address space, there CPU and wall time bound the work. Raises `LimitExceeded`, `ConfinedCrash`.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    numbers = (limits.memory_mb, limits.cpu_s, limits.wall_s, limits.output_mb)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-m", "guahao.kernel.confined", name, *map(str, numbers)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # a traceback may quote what stands in the file
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(limits.wall_s):
            answer, _ = await asyncio.gather(
                _read(process.stdout, at_most=limits.output_mb << 20), _write(process.stdin, payload)
            )
            code = await process.wait()
    except TimeoutError:
        raise LimitExceeded(Limit.WALL) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            # What it had written is read and dropped: asyncio waits for a process until its pipes have ended.
            await process.stdout.read()
            await process.wait()
    _judge(code)
    return answer


async def _write(pipe: asyncio.StreamWriter, payload: bytes) -> None:
    with suppress(ConnectionError):  # the child ended before it had read everything; its code says why
        pipe.write(payload)
        await pipe.drain()
    pipe.close()


async def _read(pipe: asyncio.StreamReader, *, at_most: int) -> bytes:
    answer = bytearray()
    while part := await pipe.read(1 << 16):
        answer += part
        if len(answer) > at_most:
            raise LimitExceeded(Limit.OUTPUT)
    return bytes(answer)


def _judge(code: int) -> None:
    limit = {
        _MEMORY_CODE: Limit.MEMORY,
        _OUTPUT_CODE: Limit.OUTPUT,
        -signal.SIGXCPU: Limit.CPU,
        -signal.SIGALRM: Limit.WALL,
    }.get(code)
    if limit is not None:
        raise LimitExceeded(limit)
    if code:
        message = f"exit code {code}"
        raise ConfinedCrash(message)


def _confine(limits: Limits) -> None:
    """Take the limits upon this process; they hold for whatever it imports and starts from now on."""
    import resource  # noqa: PLC0415  # Unix only, and only the child needs it

    sizes = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_AS: limits.memory_mb << 20,
    }
    for kind, size in sizes.items():
        with suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
            resource.setrlimit(kind, (size, size + 1 if kind == resource.RLIMIT_CPU else size))
    signal.alarm(limits.wall_s + _ALARM_AFTER_WALL_S)  # should the parent have died
    os.nice(5)  # bookings come first


def _child(name: str, *numbers: str) -> int:
    memory_mb, cpu_s, wall_s, output_mb = map(int, numbers)
    _confine(Limits(memory_mb=memory_mb, cpu_s=cpu_s, wall_s=wall_s, output_mb=output_mb))
    module, _, attribute = name.partition(":")
    try:
        answer: bytes = getattr(import_module(module), attribute)(sys.stdin.buffer.read())
    except MemoryError:
        return _MEMORY_CODE
    if len(answer) > output_mb << 20:
        return _OUTPUT_CODE
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    os._exit(_child(*sys.argv[1:]))
