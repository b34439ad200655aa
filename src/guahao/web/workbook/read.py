"""From the tables of a file to typed rows, or every fault in it at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from guahao.kernel.i18n import text
from guahao.kernel.sheet import Cell, NoResult, Table, read_tables
from guahao.kernel.sheet import Row as RawRow
from guahao.web.workbook.cell import Bad, Value, written
from guahao.web.workbook.columns import Column, Definition, Sheet, definition, read_cell
from guahao.web.workbook.rows import VALUE_SHOWN, Fault, Workbook, file_fault

_HEADER_WITHIN_ROWS = 5
_HEADER_DECORATION = re.compile(r"[*\s\u3000\ufeff]")


def read_workbook(path: Path) -> tuple[Workbook, list[Fault]]:
    """Read the file or folder at `path`; with faults the rows that could be read are given as well.

    Raises `guahao.kernel.sheet.Unreadable` when there is nothing to read.
    """
    return rows_of(read_tables(path))


def rows_of(tables: Sequence[Table]) -> tuple[Workbook, list[Fault]]:
    """Read the tables of a file; with faults the rows that could be read are given as well."""
    shape = definition()
    by_title = {sheet.title: key for key, sheet in shape.sheets.items()}
    faults: list[Fault] = []
    found: dict[str, list[dict[str, object]]] = {}
    for table in tables:
        title = table.name.strip()
        if title in by_title:
            key = by_title[title]
            found.setdefault(key, []).extend(_read_table(shape.sheets[key], table, faults))
        elif table.rows and title != text("workbook.guide_title"):
            faults.append(file_fault(title, 0, "", "unknown_sheet", titles=_titles(shape)))
    if not found and not faults:
        faults.append(file_fault("", 0, "", "no_sheet", titles=_titles(shape)))
    return msgspec.convert(found, Workbook), faults


def _titles(shape: Definition) -> str:
    return "、".join(sheet.title for sheet in shape.sheets.values())


def _read_table(sheet: Sheet, table: Table, faults: list[Fault]) -> list[dict[str, object]]:
    start, columns = _columns_of(sheet, table, faults)
    rows: list[dict[str, object]] = []
    for raw in table.rows[start:]:
        if _is_example(raw):
            continue
        before = len(faults)
        values = _read_row(sheet, columns, raw, faults)
        if len(faults) == before:
            rows.append(values)
    return rows


def _is_example(raw: RawRow) -> bool:
    """The template's example row may be left in the file."""
    return isinstance(raw.cells[0], str) and raw.cells[0].strip().startswith(text("workbook.example_mark"))


def _columns_of(sheet: Sheet, table: Table, faults: list[Fault]) -> tuple[int, dict[int, Column]]:
    """Find the heading row and which column stands where; without one, no row can be read."""
    known = {_heading(column.header): column for column in sheet.columns}
    for index, raw in enumerate(table.rows[:_HEADER_WITHIN_ROWS]):
        headings = [_heading(cell) for cell in raw.cells]
        if sum(heading in known for heading in headings) >= min(2, len(known)):
            matched = _match(sheet, headings, raw.number, faults)
            complete = len(matched) == len(sheet.columns)
            return (index + 1 if complete else len(table.rows)), matched
    if table.rows:
        wanted = "、".join(column.header for column in sheet.columns if column.required)
        faults.append(file_fault(sheet.title, 0, "", "no_heading", columns=wanted))
    return len(table.rows), {}


def _heading(cell: Cell | NoResult) -> str:
    """Compare headings without marks, spaces and the difference of （）and ()."""
    if not isinstance(cell, str):
        return ""
    return _HEADER_DECORATION.sub("", cell).replace("(", "（").replace(")", "）")


def _match(sheet: Sheet, headings: Sequence[str], number: int, faults: list[Fault]) -> dict[int, Column]:
    known = {_heading(column.header): column for column in sheet.columns}
    matched: dict[int, Column] = {}
    for index, heading in enumerate(headings):
        if not heading:
            continue
        if heading not in known:
            faults.append(file_fault(sheet.title, number, heading, "unknown_column", name=heading))
        elif known[heading] in matched.values():
            faults.append(file_fault(sheet.title, number, heading, "column_twice", name=heading))
        else:
            matched[index] = known[heading]
    faults.extend(
        file_fault(sheet.title, number, column.header, "column_missing", name=column.header)
        for column in sheet.columns
        if column not in matched.values()
    )
    return matched


def _read_row(
    sheet: Sheet, columns: dict[int, Column], raw: RawRow, faults: list[Fault]
) -> dict[str, object]:
    values: dict[str, object] = {"number": raw.number}
    for index, column in columns.items():
        cell = raw.cells[index] if index < len(raw.cells) else None
        try:
            value = _value(column, cell)
        except Bad as bad:
            faults.append(_cell_fault(sheet, column, raw.number, cell, bad))
            continue
        if value is not None:
            values[column.key] = value
    return values


def _cell_fault(sheet: Sheet, column: Column, row: int, cell: Cell | NoResult, bad: Bad) -> Fault:
    return Fault(
        sheet=sheet.title,
        row=row,
        column=column.header,
        value="" if cell is None or isinstance(cell, NoResult) else str(cell)[:VALUE_SHOWN],
        code=bad.reason,
        message=str(bad),
    )


def _value(column: Column, cell: Cell | NoResult) -> Value | None:
    if cell is None or (isinstance(cell, str) and not written(cell)):
        if column.required:
            raise Bad("required", help=column.help)
        return read_cell(column, column.default) if column.default else None
    return read_cell(column, cell)
