"""Importing a workbook: all of it or, by choice, its good rows; and nothing again the second time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from zlib import crc32

import msgspec
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.service.touched import (
    Before,
    coming_sessions,
    joined,
    record_touched,
    touched_since,
)
from guahao.web.workbook.account import Remark, SheetAccount, accounts_with
from guahao.web.workbook.apply import SYSTEM, Progress, RowRefusedError, Writer, owners
from guahao.web.workbook.check import check, of_other_hospitals, with_levels
from guahao.web.workbook.columns import definition
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.read import Reading
from guahao.web.workbook.reading import read_path
from guahao.web.workbook.rows import (
    KEYS,
    DoctorRow,
    Fault,
    Row,
    Workbook,
    by_key,
    file_fault,
    key_of,
    without_rows,
)

_LOCK = sql("SELECT pg_advisory_xact_lock(4801338, :key)")

ONE_BAD_IN = 10
"""A file with more bad rows than one in so many was probably made for something else."""

_MOST_REFUSALS = 20
"""Each costs writing everything again."""


class SheetCount(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, or would do, with the rows of one sheet."""

    title: str
    created: int
    updated: int
    unchanged: int


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an import; nothing at all was written when it is refused.

    Otherwise `faults` are those of the rows that were left out, which happens only by choice.
    """

    counts: tuple[SheetCount, ...] = ()
    faults: tuple[Fault, ...] = ()
    is_refused: bool = False
    is_dry_run: bool = False
    waiting_fees: int = 0
    """Prices that wait for a second person."""
    hospital_ids: tuple[int, ...] = ()
    """The hospitals that the file tells of."""
    accounts: tuple[SheetAccount, ...] = ()
    remarks: tuple[Remark, ...] = ()
    touched: tuple[str, ...] = ()
    """What becomes of coming sessions and the people in them, in sentences."""
    confirm: str | None = None
    """Names exactly that; with it the import is meant."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the database already held all of it."""
        return not self.faults and not any(count.created or count.updated for count in self.counts)


def tell_nobody(_title: str, _done: int, _total: int) -> None:
    """Ignore progress."""


class Choice(StrEnum):
    """What becomes of a file in which some rows have errors."""

    ALL = "all"
    """Nothing of it is imported."""
    GOOD_ROWS = "good_rows"
    """The other rows are imported, unless more than a tenth is bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who imports; with `only` a file may tell of the hospital with this code alone."""

    actor: str
    only: str | None = None
    choice: Choice = Choice.ALL
    is_dry_run: bool = False
    confirm: str | None = None
    """What a dry run told of coming sessions; without it an import that touches any is refused."""


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
    book = reading.book
    strange = [] if by.only is None else list(of_other_hospitals(book, own=by.only))
    if strange:
        return _refused(reading, strange, later=strange)
    if reading.faults and (by.choice is Choice.ALL or not reading.is_usable):
        # Rows that could not be read are missing from the rest, so checking references would mislead.
        return _refused(reading, reading.faults)
    codes = {code for _, code in owners(book)}
    await _lock(db, codes)
    ids = await _named(db, codes)
    before = [await coming_sessions(db, hospital_id=hospital_id, now=now) for hospital_id in ids]
    current = await current_workbook(db, codes=codes)
    db.expunge_all()  # what was just read must not answer for rows that are about to be written
    attempt = _Attempt(reading, by=by, progress=progress, now=now)
    report = await attempt.run(db, current)
    return report if report.is_refused else await _told(db, report, before, by=by, reading=reading, now=now)


async def _told(
    db: AsyncSession,
    report: ImportReport,
    before: Sequence[Before],
    *,
    by: Sender,
    reading: Reading,
    now: datetime,
) -> ImportReport:
    """Add what the import did to coming sessions; refused unless exactly that was confirmed."""
    touched = {one.hospital_id: await touched_since(db, one, now=now) for one in before}
    every = joined(touched.values())
    if not every:
        return report
    if every.token != by.confirm and not by.is_dry_run:
        numbers = {"sessions": len(every.sessions), "people": every.people}
        report = _refused(reading, [file_fault("", 0, "", "touches_sessions", **numbers)])
    else:
        for hospital_id, of_hospital in touched.items():
            await record_touched(db, of_hospital, hospital_id=hospital_id, by=by.actor)
    return msgspec.structs.replace(report, touched=tuple(every.consequences), confirm=every.token)


async def _lock(db: AsyncSession, codes: Iterable[str]) -> None:
    for key in sorted({crc32(code.encode()) - 2**31 for code in codes}):
        await db.execute(_LOCK, {"key": key})


def _refused(reading: Reading, faults: Sequence[Fault], *, later: Sequence[Fault] = ()) -> ImportReport:
    return ImportReport(
        faults=tuple(faults),
        is_refused=True,
        accounts=accounts_with(reading.accounts, later),
        remarks=tuple(reading.remarks),
    )


class _Attempt:
    """Checks and writes what can be written; a row that turns out bad is left out, and it begins anew."""

    def __init__(self, reading: Reading, *, by: Sender, progress: Progress, now: datetime) -> None:
        self._reading = reading
        self._by = by
        self._progress = progress
        self._now = now
        self._book = reading.book
        self._later: list[Fault] = []
        self._refusals = 0

    async def run(self, db: AsyncSession, current: Workbook) -> ImportReport:
        """Write within savepoints, of which one with a row that a service refuses is undone."""
        while True:
            self._find_faults(current)
            if self._is_too_bad:
                return _refused(self._reading, self._faults_of_refusal(), later=self._later)
            book = with_levels(self._book, current)
            changed, counts = _differences(book, current)
            writer = Writer(db, progress=self._progress, actor=self._by.actor, now=self._now)
            try:
                async with db.begin_nested():
                    await writer.write(changed)
            except RowRefusedError as refused:
                db.expunge_all()
                self._refusals += 1
                self._leave_out([refused.fault])
                continue
            return ImportReport(
                counts=counts,
                faults=(*self._reading.faults, *self._later),
                waiting_fees=writer.waiting_fees,
                hospital_ids=await _named(db, {code for _, code in owners(book)}),
                accounts=accounts_with(self._reading.accounts, self._later),
                remarks=tuple(self._reading.remarks),
            )

    def _find_faults(self, current: Workbook) -> None:
        """Check; rows that refer to rows left out are at fault as well, so until nothing more is found."""
        today = local_date(self._now)
        while not (self._later and self._by.choice is Choice.ALL):
            found = check(with_levels(self._book, current), current, today=today)
            if not found:
                return
            self._leave_out(found)

    def _leave_out(self, faults: Sequence[Fault]) -> None:
        self._later += faults
        self._book = without_rows(self._book, {(fault.sheet, fault.row) for fault in faults})

    @property
    def _bad_rows(self) -> int:
        return len({(fault.sheet, fault.row) for fault in (*self._reading.faults, *self._later)})

    @property
    def _rows(self) -> int:
        return sum(account.read + account.refused for account in self._reading.accounts)

    @property
    def _is_too_bad(self) -> bool:
        if self._by.choice is Choice.ALL:
            return bool(self._later)
        return self._bad_rows * ONE_BAD_IN > self._rows or self._refusals > _MOST_REFUSALS

    def _faults_of_refusal(self) -> list[Fault]:
        faults = [*self._reading.faults, *self._later]
        if self._by.choice is Choice.ALL:
            return faults
        return [file_fault("", 0, "", "too_many_bad", bad=self._bad_rows, rows=self._rows), *faults]


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
    return msgspec.structs.replace(row, number=0, sheet="")
