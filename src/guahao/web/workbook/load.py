"""Importing a workbook: all of it or nothing, and nothing again the second time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.sheet import Unreadable
from guahao.web.workbook.apply import Progress, RowRefusedError, Writer, owners
from guahao.web.workbook.check import check, with_levels
from guahao.web.workbook.columns import definition
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.read import read_workbook
from guahao.web.workbook.rows import KEYS, DoctorRow, Fault, Row, Workbook, by_key, key_of

_ONE_AT_A_TIME = sql("SELECT pg_advisory_xact_lock(4801338)")


class SheetCount(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, or would do, with the rows of one sheet."""

    title: str
    created: int
    updated: int
    unchanged: int


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an import; with any fault nothing at all was written."""

    counts: tuple[SheetCount, ...] = ()
    faults: tuple[Fault, ...] = ()
    is_dry_run: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether something has to be corrected first."""
        return bool(self.faults)

    @property
    def is_unchanged(self) -> bool:
        """Whether the database already held all of it."""
        return not self.faults and not any(count.created or count.updated for count in self.counts)


def tell_nobody(_title: str, _done: int, _total: int) -> None:
    """Ignore progress."""


async def load_workbook(
    sessions: Sessions, path: Path, *, dry_run: bool = False, progress: Progress = tell_nobody
) -> ImportReport:
    """Import the file or folder at `path` in one transaction.

    Rows are recognised by their codes: new ones are created, changed ones updated, equal ones left
    alone, and what the file does not name stays as it is. Every fault that can be found is
    reported at once, and then nothing is written. A dry run writes everything and rolls it back,
    so it finds the same faults. Imports wait for one another.
    """
    try:
        book, faults = await asyncio.to_thread(read_workbook, path)
    except Unreadable as error:
        faults = [Fault(sheet="", row=0, column="", message=str(error))]
        return ImportReport(faults=tuple(faults), is_dry_run=dry_run)
    report = ImportReport(is_dry_run=dry_run)
    try:
        async with transaction(sessions) as db:
            await db.execute(_ONE_AT_A_TIME)
            report = await _load(db, book, faults, progress=progress, now=utc_now())
            report = msgspec.structs.replace(report, is_dry_run=dry_run)
            if report.faults or dry_run:
                await db.rollback()
    except RowRefusedError as refused:
        report = ImportReport(faults=(refused.fault,), is_dry_run=dry_run)
    return report


async def _load(
    db: AsyncSession, book: Workbook, faults: list[Fault], *, progress: Progress, now: datetime
) -> ImportReport:
    current = await current_workbook(db, codes={code for _, code in owners(book)})
    db.expunge_all()  # what was just read must not answer for rows that are about to be written
    book = with_levels(book, current)
    # Rows that could not be read are missing from the rest, so checking references would mislead.
    found = faults or check(book, current, today=local_date(now))
    if found:
        return ImportReport(faults=tuple(found))
    changed, counts = _differences(book, current)
    await Writer(db, progress=progress, now=now).write(changed)
    return ImportReport(counts=counts)


def _differences(book: Workbook, current: Workbook) -> tuple[Workbook, tuple[SheetCount, ...]]:
    """The rows that are new or changed, and how many of each."""
    changed = Workbook()
    counts: list[SheetCount] = []
    for sheet in KEYS:
        rows: tuple[Row, ...] = getattr(book, sheet)
        before = by_key(sheet, getattr(current, sheet))
        created = [row for row in rows if key_of(sheet, row) not in before]
        kept = [row for row in rows if key_of(sheet, row) in before]
        updated = [row for row in kept if _comparable(row) != _comparable(before[key_of(sheet, row)])]
        setattr(changed, sheet, (*created, *updated))
        counts.append(
            SheetCount(
                title=definition().sheets[sheet].title,
                created=len(created),
                updated=len(updated),
                unchanged=len(kept) - len(updated),
            )
        )
    return changed, tuple(counts)


def _comparable(row: Row) -> Row:
    """The row without what does not matter: its number, and the order of a doctor's departments."""
    if isinstance(row, DoctorRow):
        row = msgspec.structs.replace(row, departments=tuple(sorted(row.departments)))
    return msgspec.structs.replace(row, number=0)
