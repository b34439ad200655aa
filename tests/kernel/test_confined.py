"""Calls in processes of their own: what they answer, and at which limits they end."""

from __future__ import annotations

import asyncio
import builtins
import os
import sys
import zlib
from pathlib import Path

import pytest

from guahao.kernel.confined import ConfinedCrash, Limit, LimitExceeded, Limits, run_confined

pytestmark = pytest.mark.anyio

_LIMITS = Limits(memory_mb=512, cpu_s=20, wall_s=60, output_mb=4)


async def python(source: str, limits: Limits = _LIMITS) -> bytes:
    """Evaluate an expression in a confined process."""
    return await run_confined(builtins.eval, source.encode(), limits=limits)


async def exceeded(source: str, limits: Limits) -> Limit:
    with pytest.raises(LimitExceeded) as stopped:
        await python(source, limits)
    return stopped.value.limit


async def test_a_function_is_called_with_bytes_and_answers_bytes() -> None:
    content = os.urandom(3_000_000)

    assert await run_confined(zlib.compress, content, limits=_LIMITS) == zlib.compress(content)
    assert await run_confined(zlib.decompress, zlib.compress(b""), limits=_LIMITS) == b""


async def test_a_call_that_fails_or_is_killed_is_a_crash() -> None:
    for source in ("1 / 0", "__import__('os').kill(__import__('os').getpid(), 9)"):
        with pytest.raises(ConfinedCrash):
            await python(source)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit address space")
async def test_memory_ends_at_its_limit() -> None:
    bomb = zlib.compress(bytes(600 << 20))

    with pytest.raises(LimitExceeded) as stopped:
        await run_confined(zlib.decompress, bomb, limits=_LIMITS)

    assert stopped.value.limit is Limit.MEMORY


async def test_cpu_and_wall_time_end_at_their_limits() -> None:
    one_second = Limits(memory_mb=512, cpu_s=1, wall_s=60, output_mb=1)
    assert await exceeded("sum(iter(int, 1))", one_second) is Limit.CPU

    waiting = Limits(memory_mb=512, cpu_s=20, wall_s=2, output_mb=1)
    assert await exceeded("__import__('threading').Event().wait()", waiting) is Limit.WALL


async def test_an_answer_ends_at_its_limit() -> None:
    assert await exceeded("bytes(5 << 20)", _LIMITS) is Limit.OUTPUT


async def test_a_flood_of_answers_ends_however_much_is_on_its_way() -> None:
    flood = "[__import__('os').write(1, bytes(1 << 16)) for _ in iter(int, 1)]"
    async with asyncio.timeout(60):
        ended = await asyncio.gather(*(exceeded(flood, _LIMITS) for _ in range(8)))
    assert set(ended) == {Limit.OUTPUT}


async def test_a_caller_who_goes_away_ends_the_process(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    source = f"open({str(begun)!r}, 'w').write(str(__import__('os').getpid())) and sum(iter(int, 1))"
    call = asyncio.create_task(python(source))
    child = int(await asyncio.to_thread(begun.read_text))

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def test_a_process_inherits_no_secret_and_writes_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GUAHAO_DATABASE_URL", "postgresql://secret")

    assert b"GUAHAO" not in await python("repr(dict(__import__('os').environ)).encode()")
    with pytest.raises(ConfinedCrash):
        await python(f"open({str(tmp_path / 'x')!r}, 'wb', 0).write(bytes(9))")
    assert (tmp_path / "x").read_bytes() == b""


async def test_calls_run_side_by_side(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    os.mkfifo(first)
    os.mkfifo(second)
    hand_over = "b'x' if [open({!r}, {!r}).close() for _ in (1,)] else b''"
    waiting = asyncio.create_task(python(hand_over.format(str(first), "r")))

    assert await python(hand_over.format(str(first), "w")) == b"x"
    assert await waiting == b"x"
