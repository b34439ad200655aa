"""Reading a file in a confined process: its sender gets an answer, and nobody else waits for it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from guahao.kernel.confined import ConfinedCrash, LimitExceeded, Limits, run_confined
from guahao.kernel.log import describe, logger
from guahao.kernel.sheet.archive import SourceFile, files_at, read_files
from guahao.kernel.sheet.table import Unreadable
from guahao.web.workbook.read import Reading, reading_of
from guahao.web.workbook.rows import Fault

LIMITS = Limits(memory_mb=768, cpu_s=30, wall_s=120, output_mb=64)
"""See docs/adr/0027-confined-readers.md for what ordinary and extraordinary files take."""

_REQUEST = msgspec.msgpack.Decoder(list[SourceFile])
_ANSWER = msgspec.msgpack.Decoder(Reading)


async def read_path(path: Path, *, limits: Limits = LIMITS) -> Reading:
    """Read the file or folder at `path`; one that cannot be read is a fault of the file."""
    try:
        files = files_at(path)
    except Unreadable as error:
        return _unreadable(error)
    return await read_workbook(files, limits=limits)


async def read_workbook(files: list[SourceFile], *, limits: Limits = LIMITS) -> Reading:
    """Read a file that was sent, or several; one that cannot be read is a fault of the file."""
    request = msgspec.msgpack.encode(files)
    try:
        return _ANSWER.decode(await run_confined(read_confined, request, limits=limits))
    except (LimitExceeded, ConfinedCrash) as error:
        logger().warning("workbook-not-read", **describe(error))
        return _unreadable(Unreadable("too_heavy", file=files[0].name))


def read_confined(request: bytes) -> bytes:
    """Read encoded files into an encoded `Reading`; run in a process of its own."""
    try:
        reading = reading_of(read_files(_REQUEST.decode(request)))
    except Unreadable as error:
        reading = _unreadable(error)
    return msgspec.msgpack.encode(reading)


def _unreadable(error: Unreadable) -> Reading:
    fault = Fault(sheet="", row=0, column="", code=f"file-{error.reason}", message=str(error))
    return Reading(faults=[fault])
