"""Numbers in Excel cells: which of them are dates or times, and which ones."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from guahao.kernel.sheet.table import Cell, NoDate

_SECONDS_A_DAY = 86_400
_LAST_SERIAL = 2_958_465
"""The 31st of December 9999, where Excel's calendar ends."""

_PHANTOM = 60
"""In the calendar of 1900 this is the 29th of February 1900, which there never was."""

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][-+]?[0-9]{1,3})?|[-+]?\.[0-9]{1,400}")


class Format(StrEnum):
    """What a number format makes of a number."""

    NUMBER = "number"
    DATE = "date"
    TIME = "time"


_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), Format.DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56), Format.TIME),
}
"""ECMA-376 part 1, 18.8.30, with those of Chinese Excel (27 to 36, 50 to 58)."""


def format_of(number_format_id: int, code: str | None) -> Format:
    """What the format with this id shows; `code` is its own code where the workbook defines it."""
    if code is None:
        return _BUILT_IN.get(number_format_id, Format.NUMBER)
    letters = _LITERAL.sub("", code).partition(";")[0].lower()
    if re.search("[yd]", letters) or ("m" in letters and not re.search("[hs]", letters)):
        return Format.DATE
    return Format.TIME if re.search("[hs]", letters) else Format.NUMBER


def number_cell(written: str, shown_as: Format, *, is_1904: bool) -> Cell:
    """The value of a cell that holds a number. Raises ValueError for what is none."""
    if not _NUMBER.fullmatch(written):
        raise ValueError(written)
    if shown_as is Format.NUMBER:
        return _plain(written)
    seconds = round(float(written) * _SECONDS_A_DAY)
    if 0 <= seconds < _SECONDS_A_DAY:
        return _time_of(seconds)
    if shown_as is Format.TIME and 0 <= seconds <= _LAST_SERIAL * _SECONDS_A_DAY:
        return timedelta(seconds=seconds)
    return _moment(written, seconds, is_1904=is_1904)


def _plain(written: str) -> int | float:
    if re.fullmatch("[-+]?[0-9]{1,400}", written):
        return int(written)
    value = float(written)
    if value in (float("inf"), float("-inf")):
        raise ValueError(written)
    return value


def _moment(written: str, seconds: int, *, is_1904: bool) -> Cell:
    days, rest = divmod(seconds, _SECONDS_A_DAY)
    if not 0 <= days <= _LAST_SERIAL or (days == _PHANTOM and not is_1904):
        return NoDate(written)
    try:
        first = date(1904, 1, 1) if is_1904 else date(1899, 12, 30 if days > _PHANTOM else 31)
        day = first + timedelta(days=days)
    except OverflowError:
        return NoDate(written)
    return datetime.combine(day, _time_of(rest))


def _time_of(seconds: int) -> time:
    minutes, second = divmod(seconds, 60)
    return time(minutes // 60, minutes % 60, second)


def iso_cell(written: str) -> Cell:
    """The value of a cell of type "d", as strict workbooks write dates. Raises ValueError."""
    if "T" in written:
        return datetime.fromisoformat(written).replace(tzinfo=None)
    if ":" in written:
        return time.fromisoformat(written).replace(tzinfo=None)
    return datetime.combine(date.fromisoformat(written), time())
