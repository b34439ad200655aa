"""Reading a file in a confined process: its sender gets an answer, and nobody else waits for it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from guahao.kernel.confined import ConfinedCrash, LimitExceeded, Limits, run_confined
from guahao.kernel.log import describe, logger
from guahao.kernel.sheet.archive import SourceFile, files_at
from guahao.kernel.sheet.table import Unreadable
from guahao.web.workbook.confined import read_confined, unreadable
from guahao.web.workbook.read import Reading

LIMITS = Limits(memory_mb=768, cpu_s=30, wall_s=120, output_mb=64)
"""See docs/adr/0027-confined-readers.md for what ordinary and extraordinary files take."""

_ANSWER = msgspec.msgpack.Decoder(Reading)


async def read_path(path: Path, *, limits: Limits = LIMITS) -> Reading:
    """Read the file or folder at `path`; one that cannot be read is a fault of the file."""
    try:
        files = files_at(path)
    except Unreadable as error:
        return unreadable(error)
    return await read_workbook(files, limits=limits)


async def read_workbook(files: list[SourceFile], *, limits: Limits = LIMITS) -> Reading:
    """Read a file that was sent, or several; one that cannot be read is a fault of the file."""
    request = msgspec.msgpack.encode(files)
    try:
        return _ANSWER.decode(await run_confined(read_confined, request, limits=limits))
    except (LimitExceeded, ConfinedCrash) as error:
        logger().warning("workbook-not-read", **describe(error))
        return unreadable(Unreadable("too_heavy", file=files[0].name))
