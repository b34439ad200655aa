"""Text files with a row a line: CSV as Excel, WPS and hospital systems write it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

from guahao.kernel.sheet.table import Table, TableDraft, Unreadable, is_blank

SUFFIXES = (".csv", ".tsv", ".txt")

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATORS = (",", "\t", ";")
_ROWS_JUDGED = 5
_END_OF_FILE = "\x1a"
"""Programs of the age of DOS, and some of today's hospital systems, end a text with it."""

_TEXT_AS_FORMULA = re.compile('="((?:[^"]|"")*)"')
"""How programs write 001 into a CSV so that Excel shows it as it is."""


def delimited_table(name: str, data: bytes) -> Table:
    """Read a file separated by commas, tabs or semicolons, in UTF-8, UTF-16 or GBK. Raises `Unreadable`."""
    content = _decode(name, data)
    draft = TableDraft(name=name)
    number = 0
    try:
        for number, cells in enumerate(_records(content), 1):
            shown = (_shown(cell) for cell in cells)
            draft.add(number, {column: cell for column, cell in enumerate(shown) if not is_blank(cell)})
    except csv.Error as error:
        raise Unreadable("quotes", file=name, row=number + 1) from error
    return draft.table()


def _records(content: str) -> Iterator[list[str]]:
    """Strict, for a quote that nothing closes would swallow all rows behind it."""
    return csv.reader(_lines(content), delimiter=_separator(content), strict=True)


def _shown(cell: str) -> str:
    text = _TEXT_AS_FORMULA.fullmatch(cell)
    return text[1].replace('""', '"') if text else cell


def _lines(content: str) -> io.StringIO:
    return io.StringIO(content, newline="")


def _decode(name: str, data: bytes) -> str:
    is_utf16 = data.startswith(_UTF16)
    if is_utf16 or b"\0" not in data:
        for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "gb18030"):
            try:
                content = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if "\0" not in content:  # UTF-32 begins like UTF-16
                return content.rstrip(_END_OF_FILE)
    raise Unreadable("encoding", file=name)


def _separator(content: str) -> str:
    """What a line `sep=` says, or what makes the widest rows at the top; a comma if nothing does."""
    first = content[:5].lower()
    if first.startswith("sep=") and first[4:] in _SEPARATORS:
        return first[4:]
    return max(_SEPARATORS, key=lambda separator: max(_widths(content, separator), default=0))


def _widths(content: str, separator: str) -> Iterator[int]:
    for number, cells in enumerate(csv.reader(_lines(content), delimiter=separator)):
        if number == _ROWS_JUDGED:
            return
        yield len(cells)
