"""Reads an office's file in a process of its own; light to load, since each file starts such a process."""

from __future__ import annotations

import msgspec

from guahao.kernel.sheet.archive import SourceFile, read_files
from guahao.kernel.sheet.table import Unreadable
from guahao.web.workbook.read import Reading, reading_of
from guahao.web.workbook.rows import Fault

_FILES = msgspec.msgpack.Decoder(list[SourceFile])


def read_confined(request: bytes) -> bytes:
    """Read encoded files into an encoded `Reading`."""
    try:
        reading = reading_of(read_files(_FILES.decode(request)))
    except Unreadable as error:
        reading = unreadable(error)
    return msgspec.msgpack.encode(reading)


def unreadable(error: Unreadable) -> Reading:
    """Say of a file why nothing of it was read."""
    fault = Fault(sheet="", row=0, column="", code=f"file-{error.reason}", message=str(error))
    return Reading(faults=[fault])
