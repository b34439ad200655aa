"""Who imports a workbook by which choice, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from guahao.web.workbook.account import Remark, SheetAccount, accounts_with
from guahao.web.workbook.consequences import RowTouches
from guahao.web.workbook.read import Reading
from guahao.web.workbook.rows import Fault, unread_places


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
    touching_rows: tuple[RowTouches, ...] = ()
    """The same by the rows of the file that do it."""
    confirm: str | None = None
    """Names exactly that; with it the import is meant."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the database already held all of it."""
        return not self.faults and not any(count.created or count.updated for count in self.counts)


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


def refused(reading: Reading, faults: Sequence[Fault]) -> ImportReport:
    """Answer that nothing was written, and why."""
    return ImportReport(
        faults=tuple(faults),
        is_refused=True,
        accounts=accounts_of(reading, faults),
        remarks=tuple(reading.remarks),
    )


def accounts_of(reading: Reading, faults: Sequence[Fault]) -> tuple[SheetAccount, ...]:
    """What became of every row of the file, when these are all faults."""
    at_reading = {(fault.sheet, fault.row) for fault in reading.faults} | unread_places(reading.book)
    return accounts_with(reading.accounts, faults, refused=at_reading)
