"""What became of what was seen in a file: every filled row is read, refused or skipped for a reason."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from guahao.kernel.i18n import text
from guahao.kernel.sheet.table import Row as RawRow
from guahao.kernel.sheet.table import Table
from guahao.web.workbook.rows import Fault

_NAMED_AT_MOST = 5


class SheetAccount(msgspec.Struct, kw_only=True):
    """The filled rows of one sheet or CSV file: `seen` is `read` + `refused` + the sum of `skipped`.

    `skipped` counts by reason: heading, title (above the heading), example, guide, hidden_sheet,
    unknown_sheet. `refused` rows have an error.
    """

    name: str
    seen: int
    read: int = 0
    refused: int = 0
    skipped: dict[str, int] = msgspec.field(default_factory=dict)

    def skip(self, reason: str, rows: int) -> None:
        """Count rows that are not read, and why."""
        if rows:
            self.skipped[reason] = self.skipped.get(reason, 0) + rows


def accounts_with(
    accounts: Iterable[SheetAccount], faults: Iterable[Fault], *, refused: Container[tuple[str, int]]
) -> tuple[SheetAccount, ...]:
    """The accounts, with rows that were read and in which then one of these faults was found as refused.

    `refused` are the rows, by sheet and number, that were counted as such when the file was read.
    """
    bad: dict[str, set[int]] = {}
    for fault in faults:
        if fault.row and (fault.sheet, fault.row) not in refused:
            bad.setdefault(fault.sheet, set()).add(fault.row)
    return tuple(
        msgspec.structs.replace(account, read=account.read - len(rows), refused=account.refused + len(rows))
        for account in accounts
        for rows in (bad.get(account.name, set()),)
    )


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the file that was left out or may surprise, though nothing is wrong with it.

    `count` rows, columns, cells or files, the first at `row` (0: the sheet as a whole).
    """

    sheet: str
    row: int
    code: str
    count: int
    message: str

    def __str__(self) -> str:
        """Say it in one line for a terminal."""
        place = text("workbook.at_sheet", sheet=self.sheet) if self.sheet else ""
        return text("workbook.fault_line", place=place, message=self.message) if place else self.message


def remark(sheet: str, code: str, *, count: int, row: int = 0, **values: object) -> Remark:
    """A remark with its sentence `workbook_remark.<code>`."""
    message = text(f"workbook_remark.{code}", count=count, **values)
    return Remark(sheet=sheet, row=row, code=code, count=count, message=message)


def remarks_of_table(table: Table) -> list[Remark]:
    """What of a table is read though nobody sees it, or was computed by Excel."""
    remarks = []
    hidden = [row.number for row in table.rows if row.is_hidden]
    if hidden:
        remarks.append(
            remark(table.name, "hidden_rows", count=len(hidden), row=hidden[0], which=some(hidden))
        )
    if table.hidden_columns:
        letters = some(letters_of(column) for column in sorted(table.hidden_columns))
        remarks.append(remark(table.name, "hidden_columns", count=len(table.hidden_columns), which=letters))
    if table.formulas:
        remarks.append(remark(table.name, "formulas", count=table.formulas))
    return remarks


def remarks_without_heading(table: Table, rows: Iterable[RawRow], columns: Iterable[int]) -> list[Remark]:
    """Name the columns in which something stands below no heading: it is not read."""
    known = set(columns)
    counts: dict[int, list[int]] = {}
    for row in rows:
        for column, cell in enumerate(row.cells):
            if column not in known and cell is not None:
                counts.setdefault(column, []).append(row.number)
    return [
        remark(table.name, "no_heading_above", count=len(numbers), row=numbers[0], column=letters_of(column))
        for column, numbers in sorted(counts.items())
    ]


def letters_of(column: int) -> str:
    """A column counted from 0 as Excel names it."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def some(items: Iterable[object]) -> str:
    """Name the first few."""
    named = [str(item) for item in items]
    rest = text("workbook.and_more") if len(named) > _NAMED_AT_MOST else ""
    return "、".join(named[:_NAMED_AT_MOST]) + rest
