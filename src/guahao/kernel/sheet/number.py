"""Numbers in Excel cells: which of them are dates or times, and which ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from guahao.kernel.sheet.table import Cell, Dressed, NoDate

_SECONDS_A_DAY = 86_400
_LAST_SERIAL = 2_958_465
"""The 31st of December 9999, where Excel's calendar ends."""

_PHANTOM = 60
"""In the calendar of 1900 this is the 29th of February 1900, which there never was."""

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_SHOWS_NOTHING = re.compile(r"\[[^\]]*\]|_.|\*.")
_AS_IT_IS = re.compile(r"general|@|(?=.)[#,]*0?|#*0(\.0*)?e\+0+", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][-+]?[0-9]{1,3})?|[-+]?\.[0-9]{1,400}")


class Format(StrEnum):
    """What a number format makes of a number."""

    NUMBER = "number"
    DRESSED = "dressed"
    PERCENT = "percent"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Zeros:
    """A number format that fills up with zeros: 000 shows 7 as 007."""

    width: int


_BUILT_IN = {
    **dict.fromkeys((2, 4, 5, 6, 7, 8, 12, 13, 39, 40, 43, 44), Format.DRESSED),
    **dict.fromkeys((9, 10), Format.PERCENT),
    **dict.fromkeys((14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), Format.DATE),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56), Format.TIME),
}
"""ECMA-376 part 1, 18.8.30, with those of Chinese Excel (27 to 36, 50 to 58)."""


def format_of(number_format_id: int, code: str | None) -> Format | Zeros:
    """What the format with this id shows; `code` is its own code where the workbook defines it."""
    if code is None:
        return _BUILT_IN.get(number_format_id, Format.NUMBER)
    letters = _LITERAL.sub("", code).partition(";")[0].lower()
    if re.search("[yd]|aaa", letters) or ("m" in letters and not re.search("[hs]", letters)):
        return Format.DATE
    return Format.TIME if re.search("[hs]", letters) else _dress(code)


def _dress(code: str) -> Format | Zeros:
    """How the format of a number changes the look of one that is not negative."""
    seen = _SHOWS_NOTHING.sub("", code).partition(";")[0].strip()
    if re.fullmatch("0{2,}", seen):
        return Zeros(len(seen))
    if _AS_IT_IS.fullmatch(seen):
        return Format.NUMBER
    return Format.PERCENT if "%" in seen else Format.DRESSED


def number_cell(written: str, shown_as: Format | Zeros, *, is_1904: bool) -> Cell:
    """The value of a cell that holds a number. Raises ValueError for what is none."""
    if not _NUMBER.fullmatch(written):
        raise ValueError(written)
    match shown_as:
        case Zeros():
            return _filled(_plain(written), shown_as.width)
        case Format.NUMBER:
            return _plain(written)
        case Format.DRESSED | Format.PERCENT:
            return Dressed(_plain(written), is_percent=shown_as is Format.PERCENT)
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


def _filled(number: float, width: int) -> Cell:
    """The number as it is shown, which is a text only where zeros stand in front."""
    if number < 0 or not float(number).is_integer():
        return Dressed(number)
    return f"{int(number):0{width}d}" if len(str(int(number))) < width else number


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
