"""What is read of a file: tables of cells, and how much of them was not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from guahao.kernel.i18n import text

Plain = str | int | float | bool | date | datetime | time | timedelta | None

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_PARTS = 2_000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
LAST_ROW = 200_000


class Unreadable(ValueError):
    """The file as a whole cannot be read; the message says in Chinese what to do about it."""

    def __init__(self, reason: str, **values: object) -> None:
        """Take the text key under `sheet.` and what its sentence names."""
        super().__init__(text(f"sheet.{reason}", **values))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NoResult:
    """Stands in a cell for a formula whose result was not saved, or is an error."""


@dataclass(frozen=True, slots=True)
class NoDate:
    """Stands in a cell formatted as a date whose number is outside of Excel's calendar."""

    serial: str


@dataclass(frozen=True, slots=True)
class Dressed:
    """Stands in a cell for a number that its format shows as something else: 3 as 3.00, as D-3, as 300%."""

    number: int | float
    is_percent: bool = False


NO_RESULT = NoResult()

Cell = Plain | NoResult | NoDate | Dressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A filled row; `number` is what the person sees at its left edge, starting at 1."""

    number: int
    cells: tuple[Cell, ...]
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FarCells:
    """Filled cells where nobody looks: beyond row 200,000 or column 60. The first, and in how many rows."""

    row: int
    column: int
    rows: int
    rows_without_others: int
    """Of these rows those that have no cell among the table's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One sheet or CSV file: its filled rows as they stand, headings included.

    Rows of a hidden sheet are counted and not kept. `formulas` are cells read by their saved result.
    """

    name: str
    rows: tuple[Row, ...]
    seen: int
    """Every row with anything in it, read or not."""
    is_hidden: bool = False
    hidden_columns: frozenset[int] = frozenset()
    formulas: int = 0
    far: FarCells | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All tables of a file, folder or archive, and by name what in it is no table."""

    tables: tuple[Table, ...]
    no_tables: tuple[str, ...] = ()


def is_blank(cell: Cell) -> bool:
    """Whether nobody sees anything in this cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


@dataclass(slots=True, kw_only=True)
class TableDraft:
    """Collects the rows of one table within the limits, counting what it does not keep."""

    name: str
    is_hidden: bool = False
    rows: list[Row] = field(default_factory=list)
    seen: int = 0
    _far: FarCells | None = None

    def add(self, number: int, filled: dict[int, Cell], *, is_hidden: bool = False) -> None:
        """Take the cells of a row that are not blank, by column from 0. Raises `Unreadable`."""
        if not filled:
            return
        self.seen += 1
        if self.is_hidden:
            return
        near = {column: cell for column, cell in filled.items() if column < MAX_COLUMNS}
        if number > LAST_ROW or len(near) < len(filled):
            self._note_far(number, min(filled.keys() - near.keys(), default=min(filled)), bool(near))
        if number > LAST_ROW or not near:
            return
        if len(self.rows) > MAX_ROWS:
            raise Unreadable("too_many_rows", sheet=self.name, limit=MAX_ROWS)
        cells = tuple(near.get(column) for column in range(max(near) + 1))
        self.rows.append(Row(number=number, cells=cells, is_hidden=is_hidden))

    def _note_far(self, number: int, column: int, has_near: bool) -> None:  # noqa: FBT001  # private
        before = self._far or FarCells(row=number, column=column, rows=0, rows_without_others=0)
        is_alone = number > LAST_ROW or not has_near
        self._far = FarCells(
            row=before.row,
            column=before.column,
            rows=before.rows + 1,
            rows_without_others=before.rows_without_others + is_alone,
        )

    def table(self, *, formulas: int = 0, hidden_columns: Iterable[int] = ()) -> Table:
        """Finish."""
        return Table(
            name=self.name,
            rows=tuple(self.rows),
            seen=self.seen,
            is_hidden=self.is_hidden,
            hidden_columns=frozenset(hidden_columns),
            formulas=formulas,
            far=self._far,
        )
