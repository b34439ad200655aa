"""Typed rows as a workbook that Excel opens and `read` reads back unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import IO

from openpyxl import Workbook as Book
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from guahao.kernel.export import escaped, xlsx_text
from guahao.kernel.i18n import text
from guahao.kernel.value.hours import EndTime
from guahao.kernel.value.words import join_words
from guahao.web.workbook.cell import first_words
from guahao.web.workbook.columns import Column, Sheet, definition, is_choice, words_of
from guahao.web.workbook.rows import Row, Workbook

Shown = str | int | float | date | time | timedelta | None

_TEXT_FORMAT = "@"
_FORMATS = {
    "code": _TEXT_FORMAT,
    "codes": _TEXT_FORMAT,
    "national_code": _TEXT_FORMAT,
    "phone": _TEXT_FORMAT,
    "phones": _TEXT_FORMAT,
    "room": _TEXT_FORMAT,
    "money": "0.00",
    "date": "yyyy-mm-dd",
    "last_day": "yyyy-mm-dd",
    "time": "hh:mm",
    "end_time": "[hh]:mm",
}
_WIDE = {"text": 32, "long_text": 48, "skills": 48, "lines": 40, "list": 36, "name": 22}
_DROP_DOWN_ROWS = 5_000
_LIGHT_BLUE = PatternFill("solid", fgColor="FFDCEBFF")


def shown(column: Column, value: object) -> Shown:
    """Answer what is written into a cell of `column` for `value`; reading it gives `value` again."""
    words = definition().choices.get(column.kind)
    match value:
        case None | "" | ():
            return None
        case str() | int() if words is not None:
            return first_words(words)[value]
        case tuple():
            return _text("\n".join(value) if column.kind == "lines" else join_words(value))
        case int() if column.kind == "money":
            return value / 100
        case int() | float() | date() | time():
            return value
        case _:
            return value.after_midnight if isinstance(value, EndTime) else _text(str(value))


def _text(value: str) -> str:
    return xlsx_text(escaped(value))


def write_workbook(path: Path | IO[bytes], content: Workbook) -> None:
    """Write every sheet, headings with help and drop-downs included, so that it can be edited on."""
    book = new_book()
    for key, sheet in definition().sheets.items():
        rows: Sequence[Row] = getattr(content, key)
        cells = ([shown(column, getattr(row, column.key)) for column in sheet.columns] for row in rows)
        add_sheet(book, sheet, cells)
    book.save(path)


def new_book() -> Book:
    """Start with the page that explains how to fill in the rest."""
    book = Book()
    guide = book.worksheets[0]
    guide.title = text("workbook.guide_title")
    guide.column_dimensions["A"].width = 100
    guide.append([text("workbook.guide_heading")])
    guide["A1"].font = Font(bold=True, size=14)
    for line in text("workbook.guide").split("\n"):
        guide.append([line])
    return book


def add_sheet(book: Book, sheet: Sheet, rows: Iterable[Sequence[Shown]]) -> None:
    """Append one sheet with its heading row and these rows."""
    page = book.create_sheet(sheet.title)
    for number, column in enumerate(sheet.columns, 1):
        _add_heading(page, number, column)
    page.freeze_panes = "A2"
    for row in rows:
        page.append(row)
    for number, column in enumerate(sheet.columns, 1):
        _format_cells(page, number, column)


def _add_heading(page: Worksheet, number: int, column: Column) -> None:
    mark = text("workbook.required_mark") if column.required else ""
    heading = page.cell(1, number, column.header + mark)
    heading.font = Font(bold=True)
    heading.fill = _LIGHT_BLUE
    heading.comment = Comment(column.help, page.title, width=280, height=100)
    letter = get_column_letter(number)
    page.column_dimensions[letter].width = _WIDE.get(column.kind, max(12, 2 * len(column.header) + 4))
    words = words_of(column)
    if words:
        choices = DataValidation(
            type="list", formula1=f'"{",".join(words)}"', allow_blank=not column.required
        )
        choices.showErrorMessage = is_choice(column)
        choices.error = text("workbook.list_hint", words="、".join(words))
        choices.add(f"{letter}2:{letter}{_DROP_DOWN_ROWS}")
        page.add_data_validation(choices)


def _format_cells(page: Worksheet, number: int, column: Column) -> None:
    cell_format = _FORMATS.get(column.kind)
    if cell_format is not None:
        page.column_dimensions[get_column_letter(number)].number_format = cell_format
    for (cell,) in page.iter_rows(min_row=2, min_col=number, max_col=number):
        if cell_format is not None:
            cell.number_format = cell_format
        elif column.kind in ("lines", "long_text", "skills"):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
