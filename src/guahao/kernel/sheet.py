"""Tables out of files people make: Excel workbooks, and CSV files single, in a folder or zipped."""

from __future__ import annotations

import codecs
import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from guahao.kernel.i18n import text

Cell = str | int | float | bool | date | datetime | time | timedelta | None

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_PARTS = 2_000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
_LAST_ROW_LOOKED_AT = 200_000

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP = b"PK"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF8_FLAG = 0x800
_BROKEN_PARTS = (AttributeError, IndexError, KeyError, SyntaxError, TypeError, ValueError)
"""What openpyxl raises on parts that are not as the format says; ParseError is a SyntaxError."""


class Unreadable(ValueError):
    """The file as a whole cannot be read; the message says in Chinese what to do about it."""

    def __init__(self, reason: str, **values: object) -> None:
        """Take the text key under `sheet.` and what its sentence names."""
        super().__init__(text(f"sheet.{reason}", **values))
        self.reason = reason


class NoResult:
    """Stands in a cell for a formula whose result was not saved, or is an error."""

    def __repr__(self) -> str:
        """Name itself in test output."""
        return "NO_RESULT"


NO_RESULT = NoResult()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One filled row; `number` is what the person sees at its left edge, starting at 1."""

    number: int
    cells: tuple[Cell | NoResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One sheet or CSV file: its rows as they stand, headings included, blank rows left out."""

    name: str
    rows: tuple[Row, ...]


def read_tables(path: Path) -> list[Table]:
    """Read every sheet of the file or folder at `path`.

    Takes .xlsx and .xlsm, a .csv, a folder of .csv files or a .zip of them; CSV in UTF-8 or GBK.
    Memory and time are bounded whatever the file claims. Raises `Unreadable`.
    """
    if path.is_dir():
        return _read_folder(path)
    return read_file(path.name, _read_bytes(path))


def read_file(name: str, data: bytes) -> list[Table]:
    """Read what a file holds, as `read_tables`; the size has been seen to. Raises `Unreadable`."""
    if not data:
        raise Unreadable("empty", file=name)
    if data.startswith(_OLE):
        raise Unreadable("encrypted" if _ENCRYPTED in data else "old_excel", file=name)
    if data.startswith(_ZIP):
        return _read_zip(name, data)
    if name.lower().endswith(".csv"):
        return [_csv_table(Path(name).stem, data)]
    raise Unreadable("wrong_type", file=name)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Unreadable("too_big", file=path.name, limit_mb=MAX_FILE_BYTES >> 20)
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable("no_file", file=path.name) from error
    if not data:
        raise Unreadable("empty", file=path.name)
    return data


def _read_folder(path: Path) -> list[Table]:
    files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == ".csv")
    if not files:
        raise Unreadable("no_csv", file=path.name)
    return [_csv_table(file.stem, _read_bytes(file)) for file in files]


def _read_zip(name: str, data: bytes) -> list[Table]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
        _refuse_bomb(name, archive, parts)
        if any(part.filename == "[Content_Types].xml" for part in parts):
            with warnings.catch_warnings():
                # openpyxl warns of styles and extensions it drops; only values are read here.
                warnings.simplefilter("ignore")
                return _workbook_tables(name, data, archive)
        found = [part for part in parts if _part_name(part).suffix.lower() == ".csv"]
        if not found:
            raise Unreadable("wrong_type", file=name)
        return [_csv_table(_part_name(part).stem, archive.read(part)) for part in found]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise Unreadable("damaged", file=name) from error
    except RuntimeError as error:  # zipfile's answer to a part that needs a password
        raise Unreadable("encrypted", file=name) from error


def _part_name(part: zipfile.ZipInfo) -> Path:
    """Undo zipfile's guess for names that Windows wrote in GBK."""
    if part.flag_bits & _UTF8_FLAG or part.filename.isascii():
        return Path(part.filename)
    return Path(part.filename.encode("cp437", "replace").decode("gb18030", "replace"))


def _refuse_bomb(name: str, archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> None:
    """Refuse by declared size, which zipfile enforces when reading, and by XML entities."""
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise Unreadable("bomb", file=name, limit_mb=MAX_UNPACKED_BYTES >> 20)
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as stream:
                if b"<!DOCTYPE" in stream.read(4096):
                    raise Unreadable("damaged", file=name)


def _csv_table(name: str, data: bytes) -> Table:
    lines = csv.reader(io.StringIO(_decode(name, data), newline=""))
    try:
        rows = _filled(name, ((number, tuple(cells[:MAX_COLUMNS])) for number, cells in enumerate(lines, 1)))
    except csv.Error as error:
        raise Unreadable("damaged", file=name) from error
    return Table(name=name, rows=rows)


def _decode(name: str, data: bytes) -> str:
    if not data.startswith(_UTF16) and b"\0" not in data:
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise Unreadable("encoding", file=name)


def _filled(name: str, numbered: Iterable[tuple[int, tuple[Cell | NoResult, ...]]]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for number, cells in numbered:
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            continue
        if len(rows) > MAX_ROWS:
            raise Unreadable("too_many_rows", sheet=name, limit=MAX_ROWS)
        rows.append(Row(number=number, cells=cells))
    return tuple(rows)


def _workbook_tables(name: str, data: bytes, archive: zipfile.ZipFile) -> list[Table]:
    has_formulas = any(
        b"<f" in archive.read(part)
        for part in archive.namelist()
        if part.startswith("xl/worksheets/") and part.endswith(".xml")
    )
    results = _sheets(name, data, results=True)
    if not has_formulas:
        return [Table(name=sheet, rows=_filled(sheet, rows)) for sheet, rows in results]
    sources = _sheets(name, data, results=False)
    return [
        Table(name=sheet, rows=_filled(sheet, _with_formulas(rows, source)))
        for (sheet, rows), (_, source) in zip(results, sources, strict=True)
    ]


_Numbered = Iterator[tuple[int, tuple["Cell | NoResult", ...]]]


def _sheets(name: str, data: bytes, *, results: bool) -> list[tuple[str, _Numbered]]:
    """Open lazily, once for the results that Excel saved and, if need be, once for the formulas."""
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=results, keep_links=False)
    except (InvalidFileException, OSError, *_BROKEN_PARTS) as error:
        raise Unreadable("damaged", file=name) from error
    pages = [page for page in book.worksheets if page.sheet_state == "visible"]
    limits = {"max_row": _LAST_ROW_LOOKED_AT, "max_col": MAX_COLUMNS}
    return [(page.title, _numbered(name, page.iter_rows(**limits, values_only=True))) for page in pages]


def _numbered(name: str, rows: Iterator[tuple[object, ...]]) -> _Numbered:
    try:
        for number, cells in enumerate(rows, 1):
            yield number, tuple(_plain(cell) for cell in cells)
    except _BROKEN_PARTS as error:
        raise Unreadable("damaged", file=name) from error


def _plain(cell: object) -> Cell | NoResult:
    if isinstance(cell, str):
        return NO_RESULT if cell in _EXCEL_ERRORS else cell
    if cell is None or isinstance(cell, int | float | date | time | timedelta):
        return cell
    return str(cell)


_EXCEL_ERRORS = frozenset(
    ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!", "#FIELD!")
)


def _with_formulas(results: _Numbered, sources: _Numbered) -> _Numbered:
    for (number, values), (_, formulas) in zip(results, sources, strict=True):
        yield (
            number,
            tuple(
                NO_RESULT if value is None and formula is not None else value
                for value, formula in zip(values, formulas, strict=True)
            ),
        )
