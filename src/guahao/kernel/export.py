"""Tables for people, as CSV and Excel files that run nothing and keep every digit."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from guahao.kernel.clock import CHINA

Shown = str | int | Decimal | date | None

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
RUNS_AS_FORMULA = re.compile("'*[=+@\t\r-]")
_LOSES_DIGITS = re.compile(r"[0-9][0-9.]*([eE][0-9]+)?")
_DIGITS_KEPT = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows under their headings; amounts are Decimal, so that they are written with their two places."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Shown]]


class Form(StrEnum):
    """As which kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


_MEDIA_TYPES = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something to save under a name; the name is plain ASCII."""

    name: str
    media_type: str
    content: bytes


def as_file(sheet: Sheet, *, name: str, form: Form) -> File:
    """A table as a file; thousands of rows take a second, so do it in a thread."""
    content = as_csv(sheet) if form is Form.CSV else as_xlsx([sheet])
    return File(name=f"{name}.{form.value}", media_type=_MEDIA_TYPES[form], content=content)


def yuan(amount_fen: int | None) -> Decimal | None:
    """An amount as tables show it."""
    return None if amount_fen is None else Decimal(amount_fen).scaleb(-2)


def local_time(moment: datetime | None) -> str | None:
    """A moment as tables show it: local, to the second."""
    return None if moment is None else f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def escaped(value: str) -> str:
    """Keep a spreadsheet from running `value` as a formula, and from refusing it."""
    value = CONTROL.sub("", value)
    return f"'{value}" if RUNS_AS_FORMULA.match(value) else value


def as_csv(sheet: Sheet) -> bytes:
    """One table as UTF-8 with a mark by which Excel knows it; long numbers end in a tab to stay text."""
    out = io.StringIO(newline="")
    lines = csv.writer(out)
    lines.writerow(sheet.headings)
    lines.writerows([_csv_cell(cell) for cell in row] for row in sheet.rows)
    return out.getvalue().encode("utf-8-sig")


def _csv_cell(cell: Shown) -> Shown:
    if not isinstance(cell, str):
        return cell
    is_long_number = len(cell) > _DIGITS_KEPT and _LOSES_DIGITS.fullmatch(cell)
    return f"{cell}\t" if is_long_number else escaped(cell)


def as_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with a page for each table; thousands of rows take a second, so do it in a thread."""
    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(sheet.title)
        page.freeze_panes = "A2"
        for column in range(len(sheet.headings)):
            page.column_dimensions["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column]].width = 20
        page.append([_heading(page, heading) for heading in sheet.headings])
        for row in sheet.rows:
            page.append([_xlsx_cell(page, cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _heading(page: WriteOnlyWorksheet, heading: str) -> Cell:
    cell = WriteOnlyCell(page, heading)
    cell.font = Font(bold=True)
    return cell


def _xlsx_cell(page: WriteOnlyWorksheet, value: Shown) -> Cell:
    cell = WriteOnlyCell(page)
    cell.value = escaped(value) if isinstance(value, str) else value
    if isinstance(value, Decimal):
        cell.number_format = "0.00"
    return cell
