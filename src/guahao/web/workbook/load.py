"""Importing a workbook: all of it or, by choice, its good rows; and nothing again the second time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from zlib import crc32

import msgspec
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.service.touched import (
    Touched,
    coming_sessions,
    joined,
    record_touched,
    touched_since,
)
from guahao.web.workbook.apply import SYSTEM, Progress, owners
from guahao.web.workbook.attempt import Attempt, hospitals_named
from guahao.web.workbook.consequences import rows_that_touch
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.read import Reading
from guahao.web.workbook.reading import read_path
from guahao.web.workbook.report import Choice, ImportReport, Sender, refused
from guahao.web.workbook.rows import file_fault

_LOCK = sql("SELECT pg_advisory_xact_lock(4801338, :key)")


def tell_nobody(_title: str, _done: int, _total: int) -> None:
    """Ignore progress."""


async def load_workbook(
    sessions: Sessions,
    path: Path,
    *,
    dry_run: bool = False,
    choice: Choice = Choice.ALL,
    confirm: str | None = None,
    progress: Progress = tell_nobody,
) -> ImportReport:
    """Import the file or folder at `path` in one transaction, for whoever has the server.

    Rows are recognised by their codes: new ones are created, changed ones updated, equal ones left
    alone, and what the file does not name stays as it is. Every fault that can be found is
    reported at once, and then nothing is written. A dry run writes everything and rolls it back,
    so it finds the same faults. Imports of one hospital wait for one another. What closes coming sessions is
    imported with the `confirm` of its dry run alone.
    """
    reading = await read_path(path)
    by = Sender(actor=SYSTEM, choice=choice, is_dry_run=dry_run, confirm=confirm)
    async with transaction(sessions) as db:
        report = await load_into(db, reading, by=by, progress=progress, now=utc_now())
        if report.is_refused or dry_run:
            await db.rollback()
        return msgspec.structs.replace(report, is_dry_run=dry_run)


async def load_into(
    db: AsyncSession, reading: Reading, *, by: Sender, progress: Progress, now: datetime
) -> ImportReport:
    """Import what was read into the caller's transaction, to be rolled back when it is refused.

    Hospitals are locked by their codes, in order, so that two files about one of them follow each other.
    """
    codes = {code for _, code in owners(reading.book) if code and by.only in (None, code)}
    await _lock(db, codes)
    hospitals = await hospitals_named(db, codes)
    before = [await coming_sessions(db, hospital_id=hospital_id, now=now) for hospital_id in hospitals]
    current = await current_workbook(db, codes=codes)
    db.expunge_all()  # what was just read must not answer for rows that are about to be written
    attempt = Attempt(reading, by=by, progress=progress, now=now)
    report = await attempt.run(db, current)
    if report.is_refused:
        return report
    touched = {one.hospital_id: await touched_since(db, one, now=now) for one in before}
    if not any(touched.values()):
        return report
    rows = [
        await rows_that_touch(db, attempt.changed, of_hospital, hospital=hospitals[id_], hospital_id=id_)
        for id_, of_hospital in touched.items()
    ]
    report = await _confirmed(db, report, touched, by=by, reading=reading)
    return msgspec.structs.replace(report, touching_rows=tuple(row for of_one in rows for row in of_one))


async def _confirmed(
    db: AsyncSession, report: ImportReport, touched: Mapping[int, Touched], *, by: Sender, reading: Reading
) -> ImportReport:
    """Add what the import did to coming sessions; refused unless exactly that was confirmed."""
    every = joined(touched.values())
    if every.token != by.confirm and not by.is_dry_run:
        numbers = {"sessions": len(every.sessions), "people": every.people}
        report = refused(reading, [file_fault("", 0, "", "touches_sessions", **numbers)])
    else:
        for hospital_id, of_hospital in touched.items():
            await record_touched(db, of_hospital, hospital_id=hospital_id, by=by.actor)
    return msgspec.structs.replace(report, touched=tuple(every.consequences), confirm=every.token)


async def _lock(db: AsyncSession, codes: Iterable[str]) -> None:
    for key in sorted({crc32(code.encode()) - 2**31 for code in codes}):
        await db.execute(_LOCK, {"key": key})
