"""Tables for people, as CSV and Excel files that run nothing and keep every digit."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from guahao.kernel.clock import CHINA
from guahao.kernel.limit import AtMost
from guahao.kernel.sheet.page import EXCEL_ERRORS

Shown = str | int | Decimal | date | None

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FAILED = "|".join(map(re.escape, sorted(EXCEL_ERRORS)))
RUNS_AS_FORMULA = re.compile(
    "'*[\\s\u200b-\u200f\u2060\ufeff]*[=+@\uff1d\uff0b\uff20\uff0d-]|'*[\t\r\n]" + f"|'*(?:{_FAILED})\\Z"
)
"""What spreadsheets may run: full-width signs as well, which Excel for Chinese takes for the narrow ones.

And what they take for the result of a formula that failed.
"""

_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_NUMERIC = re.compile(r"[0-9][0-9.]*([eE][0-9]+)?")
_DIGITS_KEPT = 11
_BECOMES_A_DAY = re.compile(r"[0-9]{1,4}[-/][0-9]{1,4}")
"""A room 3-1 becomes the first of March."""


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


Sheets = AsyncIterable[Callable[[], Sheet]]
"""A table in parts: each is made in a thread, of rows that were read already. One title is one table."""

_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
_at_once = AtMost(3, back_in_s=10)
"""Each holds a connection of the pool that bookings need too."""


async def as_file(sheets: Sheets, *, name: str, form: Form) -> tuple[File, int]:
    """Write a table as a file, part by part in a thread; answers its rows too.

    A file of 50,000 rows takes many seconds, in which the event loop serves patients. Raises
    `Unavailable` when others are being written, and what making a part raises.
    """
    loop = asyncio.get_running_loop()
    with _at_once.one():
        draft: _Csv | _Book = _Csv() if form is Form.CSV else _Book()
        async for make in sheets:
            await loop.run_in_executor(_writer, draft.add, make)
        content = await loop.run_in_executor(_writer, draft.content)
    return File(name=f"{name}.{form.value}", media_type=_MEDIA_TYPES[form], content=content), draft.rows


async def whole(make: Callable[[], Sheet]) -> AsyncIterator[Callable[[], Sheet]]:
    """A short table in one part."""
    yield make


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


def xlsx_text(value: str) -> str:
    """Text for a cell of a workbook: Excel would read `_x000D_` as a sign of its own."""
    return _LOOKS_ESCAPED.sub("_x005F_", value)


class _Csv:
    """UTF-8 with a mark by which Excel knows it; long numbers end in a tab to stay text."""

    def __init__(self) -> None:
        self.rows = 0
        self._out = io.StringIO(newline="")
        self._lines = csv.writer(self._out)
        self._title: str | None = None

    def add(self, make: Callable[[], Sheet]) -> None:
        sheet = make()
        if sheet.title != self._title:
            self._title = sheet.title
            self._lines.writerow(sheet.headings)
        self._lines.writerows([_csv_cell(cell) for cell in row] for row in sheet.rows)
        self.rows += len(sheet.rows)

    def content(self) -> bytes:
        return self._out.getvalue().encode("utf-8-sig")


def _csv_cell(cell: Shown) -> Shown:
    if not isinstance(cell, str):
        return cell
    return f"{cell}\t" if _loses_digits(cell) else escaped(cell)


def _loses_digits(cell: str) -> bool:
    """Whether a spreadsheet would show something else: too long, zeros in front, a power of ten, a day."""
    if _BECOMES_A_DAY.fullmatch(cell):
        return True
    if not _NUMERIC.fullmatch(cell):
        return False
    has_leading_zero = len(cell) > 1 and cell.startswith("0") and cell.isdigit()
    return len(cell) > _DIGITS_KEPT or has_leading_zero or "e" in cell.lower()


class _Book:
    """A workbook with a page for each title."""

    def __init__(self) -> None:
        self.rows = 0
        self._book = Workbook(write_only=True)
        self._pages: dict[str, WriteOnlyWorksheet] = {}

    def add(self, make: Callable[[], Sheet]) -> None:
        sheet = make()
        if sheet.title not in self._pages:
            self._begin(sheet)
        page = self._pages[sheet.title]
        for row in sheet.rows:
            page.append([_xlsx_cell(page, cell) for cell in row])
        self.rows += len(sheet.rows)

    def _begin(self, sheet: Sheet) -> None:
        page = self._pages[sheet.title] = self._book.create_sheet(sheet.title)
        page.freeze_panes = "A2"
        for column in range(len(sheet.headings)):
            page.column_dimensions["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column]].width = 20
        page.append([_heading(page, heading) for heading in sheet.headings])

    def content(self) -> bytes:
        out = io.BytesIO()
        self._book.save(out)
        return out.getvalue()


def _heading(page: WriteOnlyWorksheet, heading: str) -> Cell:
    cell = WriteOnlyCell(page, heading)
    cell.font = Font(bold=True)
    return cell


def _xlsx_cell(page: WriteOnlyWorksheet, value: Shown) -> Cell:
    cell = WriteOnlyCell(page)
    cell.value = xlsx_text(escaped(value)) if isinstance(value, str) else value
    if isinstance(value, Decimal):
        cell.number_format = "0.00"
    return cell
