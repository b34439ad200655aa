"""What the workbook is made of: its sheets and columns, from columns.toml."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from guahao.kernel.sheet.table import Cell
from guahao.web.workbook import cell as cells


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column: its heading, how its cells are read, and what the office is told about it."""

    key: str
    header: str
    kind: str
    help: str
    required: bool = False
    default: str = ""
    example: str = ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sheet, or one CSV file of the same title."""

    title: str
    help: str
    columns: tuple[Column, ...]
    optional: bool = False


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole workbook: sheets by key in order, what drop-downs suggest, the words of choice cells."""

    sheets: dict[str, Sheet]
    suggestions: dict[str, tuple[str, ...]]
    choices: dict[str, dict[str, bool | int | str]]


@cache
def definition() -> Definition:
    """The one definition that template, import and export share."""
    source = files("guahao.web.workbook").joinpath("columns.toml").read_bytes()
    return msgspec.toml.decode(source, type=Definition)


def read_cell(column: Column, cell: Cell) -> cells.Value | None:
    """Read a filled cell of `column`, None when it says that there is nothing. Raises `cell.Bad`."""
    words = definition().choices.get(column.kind)
    return cells.READERS[column.kind](cell) if words is None else cells.choice(cell, words)


def words_of(column: Column) -> tuple[str, ...]:
    """What a drop-down of this column offers; empty when there is none."""
    shape = definition()
    words = shape.choices.get(column.kind)
    return tuple(cells.first_words(words).values()) if words else shape.suggestions.get(column.kind, ())


def is_choice(column: Column) -> bool:
    """Whether only the words of the drop-down may be written."""
    return column.kind in definition().choices


def word_of(kind: str, value: int | str) -> str:
    """The word that stands for a choice cell's value."""
    return cells.first_words(definition().choices[kind])[value]
