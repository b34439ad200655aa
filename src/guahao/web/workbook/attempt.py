"""Checks a workbook and writes what can be written; bad rows are left out, and it begins anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Hospital
from guahao.kernel.clock import local_date
from guahao.web.workbook.apply import Progress, RowsRefusedError, Writer, owners
from guahao.web.workbook.check import check, in_order, of_other_hospitals, with_levels
from guahao.web.workbook.columns import definition
from guahao.web.workbook.read import Reading
from guahao.web.workbook.report import Choice, ImportReport, Sender, SheetCount, accounts_of, refused
from guahao.web.workbook.rows import (
    KEYS,
    Fault,
    Row,
    Workbook,
    by_key,
    comparable,
    file_fault,
    key_of,
    split_rows,
    unread_places,
)

ONE_BAD_IN = 10
"""A file with more bad rows than one in so many was probably made for something else."""

_MOST_REFUSALS = 20
"""Each costs writing everything again."""


class Attempt:
    """One import. What is wrong with the file is found at once, whatever becomes of it.

    `_found` are its errors. `_followed` concern rows that are right by themselves and refer to one that
    is not: told where the others are imported without them, and never as something to mend. `changed`
    holds the rows that were written in the end.
    """

    def __init__(self, reading: Reading, *, by: Sender, progress: Progress, now: datetime) -> None:
        """Take what was read, and who wants it written."""
        self._reading = reading
        self._by = by
        self._progress = progress
        self._now = now
        self._book, strange = of_other_hospitals(reading.book, own=by.only)
        self._left_out = Workbook()
        self._found = [*reading.faults, *strange]
        self._followed: list[Fault] = []
        self._refusals = 0
        self.changed = Workbook()
        self._is_whole = by.choice is Choice.ALL or not reading.is_usable or bool(strange)

    async def run(self, db: AsyncSession, current: Workbook) -> ImportReport:
        """Write within savepoints, of which one with rows that a service refuses is undone."""
        today = local_date(self._now)
        book = with_levels(self._book, current)
        self._found += check(book, current, today=today, gaps=self._reading.gaps)
        self._leave_out({*unread_places(book), *_places(self._found)})
        while True:
            self._leave_out_followers(current)
            if self._is_too_bad:
                return self._refused()
            book = with_levels(self._book, current)
            self.changed, counts = _differences(book, current)
            writer = Writer(db, progress=self._progress, actor=self._by.actor, now=self._now)
            try:
                async with db.begin_nested():
                    await writer.write(self.changed, current)
            except RowsRefusedError as error:
                db.expunge_all()
                self._refusals += 1
                self._found += error.faults
                self._leave_out(_places(error.faults))
                continue
            if self._found and self._is_whole:
                return self._refused()
            return await self._done(db, writer, counts)

    async def _done(self, db: AsyncSession, writer: Writer, counts: tuple[SheetCount, ...]) -> ImportReport:
        faults = in_order([*self._found, *self._followed], self._reading.book)
        return ImportReport(
            counts=counts,
            faults=tuple(faults),
            waiting_fees=writer.waiting_fees,
            hospital_ids=tuple(await hospitals_named(db, {code for _, code in owners(self._book)})),
            accounts=accounts_of(self._reading, faults),
            remarks=tuple(self._reading.remarks),
        )

    def _leave_out_followers(self, current: Workbook) -> None:
        """Leave out what refers to rows left out, until nothing does."""
        today = local_date(self._now)
        found = list(self._found)
        while found:
            found = check(with_levels(self._book, current), current, today=today, bad=self._left_out)
            self._followed += found
            self._leave_out(_places(found))

    def _leave_out(self, places: set[tuple[str, int]]) -> None:
        self._book, _ = split_rows(self._book, places)
        left = {*unread_places(self._reading.book), *_places([*self._found, *self._followed])}
        _, self._left_out = split_rows(self._reading.book, left)

    @property
    def _bad_rows(self) -> int:
        return len({place for place in _places([*self._found, *self._followed]) if place[1]})

    @property
    def _rows(self) -> int:
        return sum(account.read + account.refused for account in self._reading.accounts)

    @property
    def _is_too_bad(self) -> bool:
        if self._refusals > _MOST_REFUSALS:
            return True
        return not self._is_whole and self._bad_rows * ONE_BAD_IN > self._rows

    def _refused(self) -> ImportReport:
        faults = in_order(self._found, self._reading.book)
        if not self._is_whole:
            faults = [file_fault("", 0, "", "too_many_bad", bad=self._bad_rows, rows=self._rows), *faults]
        return refused(self._reading, faults)


def _places(faults: Iterable[Fault]) -> set[tuple[str, int]]:
    return {(fault.sheet, fault.row) for fault in faults}


async def hospitals_named(db: AsyncSession, codes: set[str]) -> dict[int, str]:
    """The hospitals with these codes by their number, in order."""
    found = select(Hospital.id, Hospital.code).where(Hospital.code.in_(codes)).order_by(Hospital.id)
    return {row.id: row.code for row in await db.execute(found)}


def _differences(book: Workbook, current: Workbook) -> tuple[Workbook, tuple[SheetCount, ...]]:
    """The rows that are new or changed, and how many of each."""
    changed = Workbook()
    counts: list[SheetCount] = []
    for sheet in KEYS:
        rows: tuple[Row, ...] = getattr(book, sheet)
        before = by_key(sheet, getattr(current, sheet))
        created = [row for row in rows if key_of(sheet, row) not in before]
        kept = [row for row in rows if key_of(sheet, row) in before]
        updated = [row for row in kept if comparable(row) != comparable(before[key_of(sheet, row)])]
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
