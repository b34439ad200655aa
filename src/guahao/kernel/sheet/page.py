"""The cells of a worksheet, as a stream: a million empty rows cost time and no memory."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from guahao.kernel.sheet.markup import Attributes, decoded, is_true, parse
from guahao.kernel.sheet.number import Format, Zeros, iso_cell, number_cell
from guahao.kernel.sheet.table import MAX_COLUMNS, NO_RESULT, Cell, Table, TableDraft, is_blank

T = TypeVar("T")

EXCEL_ERRORS = frozenset(
    ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!", "#FIELD!")
)
"""What stands in a cell whose formula failed, even where it was stored as text."""

_LAST_ROW_OF_EXCEL = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What all sheets of a workbook share."""

    is_1904: bool
    strings: Sequence[str]
    formats: Sequence[Format | Zeros]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A worksheet: its title as it stands, and where its cells are."""

    title: str
    part: str
    is_hidden: bool


def read_page(archive: zipfile.ZipFile, page: Page, book: Book) -> Table:
    """Read a worksheet.

    Raises `Unreadable`, and ValueError, LookupError or expat.ExpatError for what no workbook says.
    """
    reader = _PageReader(page, book)
    parse(archive, page.part, start=reader.start, end=reader.end, characters=reader.characters)
    return reader.table()


class _PageReader:
    """Puts rows together of what the parser tells; only what stands in sheetData counts as a row."""

    def __init__(self, page: Page, book: Book) -> None:
        self._book = book
        self._draft = TableDraft(name=page.title, is_hidden=page.is_hidden)
        self._in_data = False
        self._hidden_columns: set[int] = set()
        self._filled_columns: set[int] = set()
        self._formulas = 0
        self._row = 0
        self._row_is_hidden = False
        self._cells: dict[int, Cell] = {}
        self._column = -1
        self._cell: Attributes = {}
        self._has_formula = False
        self._value: str | None = None
        self._collects = False
        self._in_phonetic = False

    def table(self) -> Table:
        return self._draft.table(
            formulas=self._formulas, hidden_columns=self._hidden_columns & self._filled_columns
        )

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "sheetData":
            self._in_data = True
        elif tag == "col" and not self._in_data:
            self._note_columns(attributes)
        elif self._in_data:
            self._start_in_data(tag, attributes)

    def _start_in_data(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            self._begin_cell(attributes)
        elif tag == "row":
            self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
            if not 1 <= self._row <= _LAST_ROW_OF_EXCEL:
                raise ValueError(self._row)
            self._row_is_hidden = is_true(attributes.get("hidden")) or _is_nothing(attributes.get("ht"))
            self._column = -1
        elif tag == "f":
            self._has_formula = True
        elif tag == "rPh":
            self._in_phonetic = True
        elif tag in ("v", "t") and not self._in_phonetic:
            self._begin_value(tag)

    def end(self, tag: str) -> None:
        if not self._in_data:
            return
        if tag == "c":
            self._end_cell()
        elif tag == "row":
            self._draft.add(self._row, self._cells, is_hidden=self._row_is_hidden)
            self._cells = {}
        elif tag in ("v", "t"):
            self._collects = False
        elif tag == "rPh":
            self._in_phonetic = False
        elif tag == "sheetData":
            self._in_data = False

    def characters(self, data: str) -> None:
        if self._collects:
            self._value = (self._value or "") + data

    def _note_columns(self, attributes: Attributes) -> None:
        if is_true(attributes.get("hidden")) or _is_nothing(attributes.get("width")):
            first, last = int(attributes["min"]) - 1, int(attributes["max"])
            self._hidden_columns.update(range(max(first, 0), min(last, MAX_COLUMNS)))

    def _begin_cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self._column = self._column + 1 if place is None else _column_of(place)
        self._cell = attributes
        self._has_formula = False
        self._value = None

    def _begin_value(self, tag: str) -> None:
        """Texts come in pieces, a value stands once. Raises ValueError."""
        if tag == "v" and self._value is not None:
            raise ValueError(tag)
        self._collects = True
        self._value = self._value or ""

    def _end_cell(self) -> None:
        if self._value is None and not self._has_formula:
            return
        cell = self._read()
        self._has_formula = False
        if not is_blank(cell):
            if self._column in self._cells:
                raise ValueError(self._column)
            self._cells[self._column] = cell
            self._filled_columns.add(self._column)

    def _read(self) -> Cell:
        """The cell's value; a formula has one only if Excel saved its result, which may be an empty text."""
        kind, value = self._cell.get("t", "n"), self._value
        if self._has_formula:
            if not value and not (kind == "str" and value is not None):
                return NO_RESULT
            self._formulas += 1
        if value is None or (not value and kind not in ("str", "inlineStr")):
            return None
        return (
            self._text(kind, value) if kind in ("s", "str", "inlineStr", "e") else self._scalar(kind, value)
        )

    def _text(self, kind: str, value: str) -> Cell:
        if kind == "s":
            value = _at(self._book.strings, value)
        elif kind != "e":
            value = decoded(value)
        return NO_RESULT if kind == "e" or value in EXCEL_ERRORS else value

    def _scalar(self, kind: str, value: str) -> Cell:
        value = value.strip()
        if kind == "b":
            return is_true(value)
        if kind == "d":
            return iso_cell(value)
        shown_as = _at(self._book.formats, self._cell.get("s", "0")) if self._book.formats else Format.NUMBER
        return number_cell(value, shown_as, is_1904=self._book.is_1904)


def _is_nothing(size: str | None) -> bool:
    """Whether a row's height or a column's width hides it. Raises ValueError."""
    return size is not None and float(size) <= 0


def _at(all_: Sequence[T], index: str) -> T:
    """What stands at an index that a cell names. Raises ValueError and IndexError."""
    if int(index) < 0:
        raise IndexError(index)
    return all_[int(index)]


def _column_of(place: str) -> int:
    """The column of a cell's place such as AB12, from 0. Raises ValueError."""
    column = 0
    for letter in place.upper():
        if not "A" <= letter <= "Z":
            break
        column = column * 26 + ord(letter) - 64
    if not 1 <= column <= 16_384:
        raise ValueError(place)
    return column - 1
