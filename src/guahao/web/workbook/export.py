"""Writing what the database holds as the workbook it could be imported from."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from guahao.kernel.db import Sessions, transaction
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.rows import KEYS
from guahao.web.workbook.write import write_workbook


async def export_workbook(
    sessions: Sessions, path: Path, *, codes: Collection[str] | None = None
) -> dict[str, int]:
    """Write the hospitals with these codes, or all, to `path`; answers the rows of each sheet by key.

    Importing the file again changes nothing. Text that a spreadsheet would run as a formula is
    written with an apostrophe in front, which the import takes off again.
    """
    async with transaction(sessions) as db:
        book = await current_workbook(db, codes=codes)
    await asyncio.to_thread(write_workbook, path, book)
    return {sheet: len(getattr(book, sheet)) for sheet in KEYS}
