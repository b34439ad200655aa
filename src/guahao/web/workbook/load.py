"""Importing a workbook: all of it or nothing, and nothing again the second time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.sheet import Unreadable
from guahao.web.workbook.apply import SYSTEM, Progress, RowRefusedError, Writer, owners
from guahao.web.workbook.check import check, of_other_hospitals, with_levels
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
    waiting_fees: int = 0
    """Prices that wait for a second person."""
    hospital_ids: tuple[int, ...] = ()
    """The hospitals that the file tells of."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who imports; with `only` a file may tell of the hospital with this code alone."""

    actor: str
    only: str | None = None


OPERATOR = Sender(actor=SYSTEM)


async def load_workbook(
    sessions: Sessions, path: Path, *, dry_run: bool = False, progress: Progress = tell_nobody
) -> ImportReport:
    """Import the file or folder at `path` in one transaction, for whoever has the server.

    Rows are recognised by their codes: new ones are created, changed ones updated, equal ones left
    alone, and what the file does not name stays as it is. Every fault that can be found is
    reported at once, and then nothing is written. A dry run writes everything and rolls it back,
    so it finds the same faults. Imports wait for one another.
    """
    try:
        found = await asyncio.to_thread(read_workbook, path)
    except Unreadable as error:
        return msgspec.structs.replace(unreadable(error), is_dry_run=dry_run)
    try:
        async with transaction(sessions) as db:
            report = await load_into(db, *found, by=OPERATOR, progress=progress, now=utc_now())
            report = msgspec.structs.replace(report, is_dry_run=dry_run)
            if report.faults or dry_run:
                await db.rollback()
            return report
    except RowRefusedError as refused:
        return ImportReport(faults=(refused.fault,), is_dry_run=dry_run)


def unreadable(error: Unreadable) -> ImportReport:
    """Report a file that cannot be read at all."""
    fault = Fault(sheet="", row=0, column="", code=f"file-{error.reason}", message=str(error))
    return ImportReport(faults=(fault,))


async def load_into(
    db: AsyncSession,
    book: Workbook,
    faults: Sequence[Fault],
    *,
    by: Sender,
    progress: Progress,
    now: datetime,
) -> ImportReport:
    """Import what was read into the caller's transaction, to be rolled back when there are faults.

    Raises `RowRefusedError`: roll back as well.
    """
    await db.execute(_ONE_AT_A_TIME)
    strange = [] if by.only is None else list(of_other_hospitals(book, own=by.only))
    if strange:
        return ImportReport(faults=tuple(strange))
    current = await current_workbook(db, codes={code for _, code in owners(book)})
    db.expunge_all()  # what was just read must not answer for rows that are about to be written
    book = with_levels(book, current)
    # Rows that could not be read are missing from the rest, so checking references would mislead.
    found = faults or check(book, current, today=local_date(now))
    if found:
        return ImportReport(faults=tuple(found))
    changed, counts = _differences(book, current)
    writer = Writer(db, progress=progress, actor=by.actor, now=now)
    await writer.write(changed)
    return ImportReport(
        counts=counts,
        waiting_fees=writer.waiting_fees,
        hospital_ids=await _named(db, {code for _, code in owners(book)}),
    )


async def _named(db: AsyncSession, codes: set[str]) -> tuple[int, ...]:
    return tuple(await db.scalars(select(Hospital.id).where(Hospital.code.in_(codes)).order_by(Hospital.id)))


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
