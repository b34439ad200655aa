"""From the tables of a file to typed rows, every fault in it at once, and an account of what was seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import cache
from typing import get_type_hints

import msgspec

from guahao.kernel.i18n import text
from guahao.kernel.sheet.table import Cell, Content, Table
from guahao.kernel.sheet.table import Row as RawRow
from guahao.kernel.value.hours import EndTime
from guahao.kernel.value.search import search_form
from guahao.kernel.value.signs import visible
from guahao.web.workbook.account import (
    Remark,
    SheetAccount,
    letters_of,
    remark,
    remarks_of_table,
    remarks_without_heading,
    some,
)
from guahao.web.workbook.cell import Bad, Value, spoken, written
from guahao.web.workbook.columns import Column, Definition, Sheet, definition, read_cell
from guahao.web.workbook.rows import KEYS, ROWS, VALUE_SHOWN, Fault, Workbook, file_fault

_HEADER_WITHIN_ROWS = 5
_HEADER_DECORATION = re.compile(r"[*\uff0a\s\ufeff]")
_BRACKETS = str.maketrans("[]\u3010\u3011\u3014\u3015", "()()()")


class Reading(msgspec.Struct, kw_only=True):
    """What a file holds. Of a row with faults, what could be read is in `book` as well.

    `is_usable` tells that every fault concerns one row; otherwise the file as it is cannot be understood.
    `gaps` are the keys of sheets of which rows may be missing in `book`, or cannot be known by their codes.
    """

    book: Workbook = msgspec.field(default_factory=Workbook)
    faults: list[Fault] = msgspec.field(default_factory=list)
    is_usable: bool = False
    gaps: frozenset[str] = frozenset()
    accounts: list[SheetAccount] = msgspec.field(default_factory=list)
    remarks: list[Remark] = msgspec.field(default_factory=list)


def reading_of(content: Content) -> Reading:
    """Read the tables of a file. A file without a single row to import is at fault as a whole."""
    reader = _Reader(content)
    for table in content.tables:
        reader.take(table)
    return reader.finish(content.no_tables)


@dataclass(slots=True)
class _Heading:
    """Where the heading stands among the rows, and which column of it says what."""

    index: int
    columns: dict[int, Column] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()


class _Reader:
    def __init__(self, content: Content) -> None:
        self._shape = definition()
        self._by_title = {search_form(sheet.title): key for key, sheet in self._shape.sheets.items()}
        self._titles = Counter(search_form(table.name) for table in content.tables if not table.is_hidden)
        self._found: dict[str, list[dict[str, object]]] = {}
        self._gaps: set[str] = set()
        self._of_file: list[Fault] = []
        self._reading = Reading()

    def take(self, table: Table) -> None:
        """Read one table, or say why not."""
        title = search_form(table.name)
        account = SheetAccount(name=self._label(table), seen=table.seen)
        self._reading.accounts.append(account)
        if table.is_hidden:
            account.skip("hidden_sheet", table.seen)
            self._reading.remarks.append(remark(table.name, "hidden_sheet", count=table.seen))
        elif title in self._by_title:
            self._read_table(self._by_title[title], table, account)
        elif title == search_form(text("workbook.guide_title")):
            account.skip("guide", table.seen)
        elif table.seen:
            account.skip("unknown_sheet", table.seen)
            self._gaps |= {key for titled, key in self._by_title.items() if titled not in self._titles}
            self._fault(file_fault(account.name, 0, "", "unknown_sheet", titles=_titles(self._shape)))

    def _label(self, table: Table) -> str:
        """How the table is called: without the blanks around its name, unless these tell two apart."""
        is_told_apart = self._titles[search_form(table.name)] > 1 or table.is_hidden
        return table.name if is_told_apart else table.name.strip()

    def finish(self, no_tables: Sequence[str]) -> Reading:
        """Judge the whole."""
        reading = self._reading
        if no_tables:
            reading.remarks.append(remark("", "no_tables", count=len(no_tables), which="、".join(no_tables)))
        if not reading.faults:
            self._require_rows()
        reading.book = msgspec.convert(self._found, Workbook)
        reading.is_usable = not self._of_file
        reading.gaps = frozenset(self._gaps)
        return reading

    def _require_rows(self) -> None:
        """Nothing read is nothing done."""
        if not self._found:
            self._fault(file_fault("", 0, "", "no_sheet", titles=_titles(self._shape)))
        elif not any(self._found.values()):
            skipped = sum(sum(account.skipped.values()) for account in self._reading.accounts)
            self._fault(file_fault("", 0, "", "no_rows", skipped=skipped))

    def _fault(self, fault: Fault) -> None:
        self._of_file.append(fault)
        self._reading.faults.append(fault)

    def _read_table(self, key: str, table: Table, account: SheetAccount) -> None:
        sheet = self._shape.sheets[key]
        label = account.name
        found = self._found.setdefault(key, [])
        heading = self._heading(sheet, label, table)
        if table.far is not None:
            self._gaps.add(key)
            account.refused += table.far.rows_without_others
            place = f"{letters_of(table.far.column)}{table.far.row}"
            self._fault(file_fault(label, table.far.row, "", "far_cells", place=place, rows=table.far.rows))
        if heading is None:
            self._gaps |= {key} if table.rows else set()
            account.refused += len(table.rows)
            return
        if not heading.missing.isdisjoint(KEYS[key]):
            self._gaps.add(key)
        account.skip("title", heading.index)
        account.skip("heading", 1)
        data = table.rows[heading.index + 1 :]
        examples = [raw for raw in data if _is_example(raw)]
        account.skip("example", len(examples))
        filled = [raw for raw in data if not _is_example(raw)]
        rows = self._rows(key, label, heading, filled)
        found += rows
        account.read = sum(not row["unread"] for row in rows)
        account.refused += len(filled) - account.read
        self._remark(table, examples, remarks_without_heading(table, filled, heading.columns))
        if key == "doctor":
            self._remark_nowhere(label, filled, rows)

    def _remark(self, table: Table, examples: list[RawRow], others: list[Remark]) -> None:
        remarks = self._reading.remarks
        if examples:
            remarks.append(remark(table.name, "examples", count=len(examples), row=examples[0].number))
        remarks += [*remarks_of_table(table), *others]

    def _remark_nowhere(
        self, label: str, filled: Sequence[RawRow], doctors: Sequence[dict[str, object]]
    ) -> None:
        """A doctor of no department is allowed, and easily a mistake."""
        found = [
            raw.number
            for raw, doctor in zip(filled, doctors, strict=True)
            if not doctor["unread"] and "departments" not in doctor
        ]
        if found:
            self._reading.remarks.append(
                remark(label, "in_no_department", count=len(found), row=found[0], which=some(found))
            )

    def _rows(
        self, key: str, label: str, heading: _Heading, filled: Sequence[RawRow]
    ) -> list[dict[str, object]]:
        nothing = _nothing_in(key)
        name = {"sheet": label} if self._titles[search_form(self._shape.sheets[key].title)] > 1 else {}
        rows = []
        for raw in filled:
            values, unread = self._row(label, heading.columns, raw)
            unread |= heading.missing
            empty = {cell: nothing[cell] for cell in unread if cell in nothing}
            rows.append({**empty, **values, **name, "number": raw.number, "unread": unread})
        return rows

    def _row(
        self, label: str, columns: dict[int, Column], raw: RawRow
    ) -> tuple[dict[str, object], frozenset[str]]:
        values: dict[str, object] = {}
        unread: set[str] = set()
        for index, column in columns.items():
            cell = raw.cells[index] if index < len(raw.cells) else None
            try:
                value = _value(column, cell)
            except Bad as bad:
                self._reading.faults.append(_cell_fault(label, column, raw.number, cell, bad))
                unread.add(column.key)
                continue
            if value is not None:
                values[column.key] = value
        return values, frozenset(unread)

    def _heading(self, sheet: Sheet, label: str, table: Table) -> _Heading | None:
        """Find the heading row; without one, no row can be read."""
        known = {_form(column.header) for column in sheet.columns}
        for index, raw in enumerate(table.rows[:_HEADER_WITHIN_ROWS]):
            headings = [_heading(cell) for cell in raw.cells]
            if sum(_form(heading) in known for heading in headings) >= min(2, len(known)):
                columns = self._match(sheet, label, headings, raw.number)
                matched = {column.key for column in columns.values()}
                missing = frozenset(column.key for column in sheet.columns) - matched
                return _Heading(index, columns, missing)
        if table.rows:
            required = "、".join(column.header for column in sheet.columns if column.required)
            self._fault(file_fault(label, 0, "", "no_heading", columns=required))
        return None

    def _match(self, sheet: Sheet, label: str, headings: Sequence[str], number: int) -> dict[int, Column]:
        known = {_form(column.header): column for column in sheet.columns}
        matched: dict[int, Column] = {}
        for index, heading in enumerate(headings):
            if not heading:
                continue
            column = known.get(_form(heading))
            if column is None:
                self._fault(file_fault(label, number, heading, "unknown_column", name=heading))
            elif column in matched.values():
                self._fault(file_fault(label, number, heading, "column_twice", name=heading))
            else:
                matched[index] = column
        for column in sheet.columns:
            if column not in matched.values():
                self._fault(file_fault(label, number, column.header, "column_missing", name=column.header))
        return matched


_NOTHING: dict[object, object] = {
    str: "",
    int: 0,
    date: date.min,
    time: time.min,
    EndTime: EndTime.at(time.min),
    tuple[str, ...]: (),
}


@cache
def _nothing_in(key: str) -> dict[str, object]:
    """What a row of this sheet holds in place of required cells that could not be read."""
    hints = get_type_hints(ROWS[key])
    return {
        column.key: _NOTHING[hints[column.key]]
        for column in definition().sheets[key].columns
        if column.required
    }


def _titles(shape: Definition) -> str:
    return "、".join(sheet.title for sheet in shape.sheets.values())


def _is_example(raw: RawRow) -> bool:
    """The template's example row may be left in the file."""
    first = raw.cells[0]
    return isinstance(first, str) and first.strip().startswith(text("workbook.example_mark"))


def _heading(cell: Cell) -> str:
    """A heading as it is seen, without stars and spaces."""
    return visible(_HEADER_DECORATION.sub("", spoken(cell)))


def _form(heading: str) -> str:
    """What headings are compared by: any width, script or bracket, without the colon at their end."""
    return search_form(heading).translate(_BRACKETS).rstrip(":")


def _cell_fault(label: str, column: Column, row: int, cell: Cell, bad: Bad) -> Fault:
    return Fault(
        sheet=label,
        row=row,
        column=column.header,
        value=spoken(cell)[:VALUE_SHOWN],
        code=bad.reason,
        message=str(bad),
    )


def _value(column: Column, cell: Cell) -> Value | None:
    if cell is None or (isinstance(cell, str) and not written(cell)):
        if column.required:
            raise Bad("required", help=column.help)
        return read_cell(column, column.default) if column.default else None
    return read_cell(column, cell)
