"""The tables of a bill: comma-separated lines between notes, quoted at times, with texts of strangers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guahao.payment.ports import BillDamaged

Cells = Mapping[str, str]
"""A row by the names of its columns."""

_A_TIME = "2000-01-01 00:00:00"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")


_CELL = re.compile(r'(?:^|,)("[^"]*"(?=,|$)|[^,]*)')
"""A whole quoted cell, or whatever stands up to the next comma: a quote alone opens nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the columns of a row hold, as far as the file has them."""

    titles: Sequence[str]
    """Texts of shops and payers, which may hold anything."""
    times: Sequence[str]
    amounts: Sequence[str]

    def fits(self, row: Cells) -> bool:
        """Whether all times and amounts of a row are some."""
        return all(_TIME.fullmatch(row.get(name, _A_TIME)) for name in self.times) and all(
            _AMOUNT.fullmatch(row.get(name, "0")) for name in self.amounts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file: its note lines, the names of its columns as it has them, and its other lines as they are."""

    notes: str
    columns: Sequence[str]
    lines: Sequence[str]

    def plain(self, names: Mapping[str, str]) -> list[Cells]:
        """The rows by our names, each with the right number of cells. Raises KeyError, ValueError."""
        rows = [dict(zip(self.columns, _quoted(line) or (), strict=True)) for line in self.lines]
        return [{ours: row[theirs] for ours, theirs in names.items()} for row in rows]

    def lines_joined(self, begins: re.Pattern[str]) -> list[str]:
        """Whole rows: a line that does not begin like one goes on with a text that holds a line's end."""
        rows: list[str] = []
        for line in self.lines:
            if rows and not begins.match(line):
                rows[-1] += f" {line}"
            else:
                rows.append(line)
        return rows

    def fitting(self, line: str, shape: Shape) -> Cells | None:
        """The row that a line is, by the names of the file's columns; None if it cannot be told.

        Commas in a free text make too many cells: which text holds them is told by the times and amounts
        around it, which must all be some.
        """
        cells = _quoted(line)
        if cells is not None and len(cells) == len(self.columns):
            return dict(zip(self.columns, cells, strict=True))
        bare = [cell.strip().strip('"').strip() for cell in _CELL.findall(line)]
        if len(bare) == len(self.columns):
            return dict(zip(self.columns, bare, strict=True))
        rows = [dict(zip(self.columns, reading, strict=True)) for reading in self._readings(bare, shape)]
        fitting = [row for row in rows if shape.fits(row)]
        return fitting[0] if len(fitting) == 1 else None

    def _readings(self, bare: Sequence[str], shape: Shape) -> Iterator[Sequence[str]]:
        surplus = len(bare) - len(self.columns)
        for column in shape.titles if surplus > 0 else ():
            if column in self.columns:
                at = self.columns.index(column)
                yield [*bare[:at], ",".join(bare[at : at + surplus + 1]), *bare[at + surplus + 1 :]]


def table_of(text: str, *, unit: str) -> Table:
    """Take a file apart; `unit` is the pattern of a column's unit, which does not count."""
    notes: list[str] = []
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if _is_note(line, goes_on=bool(lines) and _is_open(lines)):
            notes.append(line)
        elif line.strip(" ,\t"):
            lines.append(line)
    pattern = re.compile(unit)
    columns = [pattern.sub("", name) for name in _quoted(lines[0]) or ()] if lines else []
    if len(set(columns)) != len(columns):
        raise BillDamaged("columns")
    return Table(notes="\n".join(notes), columns=columns, lines=lines[1:])


def _is_note(line: str, *, goes_on: bool) -> bool:
    """Whether a line stands around the table; a text with a line's end may go on with such a sign too."""
    return line.lstrip('"').startswith("#") and not (goes_on and not line.startswith("#-"))


def _is_open(lines: Sequence[str]) -> bool:
    """Whether the last line has fewer cells than the table has columns."""
    return len(lines) > 1 and lines[-1].count(",") < lines[0].count(",")


def _quoted(line: str) -> list[str] | None:
    """The cells of a line read as CSV; None where its quotes are no pairs."""
    try:
        (cells,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None
    return [cell.strip() for cell in cells]
