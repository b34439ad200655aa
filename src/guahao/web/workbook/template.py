"""The empty workbook a hospital office fills in."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from guahao.kernel.i18n import text
from guahao.web.workbook.columns import Sheet, definition, read_cell
from guahao.web.workbook.write import Shown, add_sheet, new_book, shown


def write_template(path: Path | IO[bytes]) -> None:
    """Write headings with comments, drop-downs and one example row a sheet, which an import skips."""
    book = new_book()
    for sheet in definition().sheets.values():
        add_sheet(book, sheet, [_example(sheet)])
    book.save(path)


def _example(sheet: Sheet) -> list[Shown]:
    cells: list[Shown] = []
    for column in sheet.columns:
        value = read_cell(column, column.example) if column.example else None
        cells.append(shown(column, tuple(value) if isinstance(value, list) else value))
    cells[0] = text("workbook.example_code", code=sheet.columns[0].example)
    return cells
