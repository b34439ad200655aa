"""From what a person typed into a cell to a value, or a sentence that says what to type instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import ClassVar, TypeVar

from guahao.kernel.export import CONTROL, RUNS_AS_FORMULA
from guahao.kernel.i18n import text
from guahao.kernel.money import fen_of_yuan
from guahao.kernel.sheet.table import Cell, Dressed, NoDate, NoResult
from guahao.kernel.value import numbers, words
from guahao.kernel.value.hours import EndTime, read_clock, read_end
from guahao.kernel.value.phone import read_phone_line
from guahao.kernel.value.signs import visible
from guahao.kernel.value.unfit import Unfit

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0{1,2}:00(?::00)?)?|(\d{4})(\d{2})(\d{2})")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_DIGITS_OF_EXCEL = 15
"""How many digits of a number Excel keeps."""

_FOR_EVER_YEARS = (2999, 9999)
_DAYS_OF_EXCEL = (36_526, 73_051)
"""The first day of 2000 and of 2100, as Excel counts days."""

_LAST_DAY_OF_A_CLINIC = numbers.DAY[1] - timedelta(days=1)
"""Routes name the first day without a clinic, which is the day after its last one."""

T = TypeVar("T")


class Bad(ValueError):
    """This cell cannot be read; the message is fit to show."""

    section: ClassVar[str] = "workbook_cell"

    def __init__(self, reason: str, **values: object) -> None:
        """Take the text key under `workbook_cell.` and what its sentence names."""
        super().__init__(text(f"{self.section}.{reason}", **values))
        self.reason = reason


class _BadValue(Bad):
    """What is written has no normal form: the sentence is the one that routes answer, too."""

    section = "value"


def written(cell: Cell) -> str:
    """Answer the cell as trimmed text without what shows nothing, "" for an empty one."""
    clean = visible(_raw(cell)).strip()
    if CONTROL.search(clean):
        raise Bad("control_character")
    return clean


def _raw(cell: Cell) -> str:
    """The cell as trimmed text; numbers without a needless ".0".

    An apostrophe that `kernel.export.escaped` has put in front is taken off again.
    """
    bare = cell.number if isinstance(cell, Dressed) else cell
    match bare:
        case None:
            return ""
        case NoResult():
            raise Bad("no_result")
        case NoDate():
            raise Bad("date", value=bare.serial)
        case bool():
            return str(bare).upper()
        case float() if bare.is_integer():
            return str(int(bare))
        case str():
            clean = bare.replace("\r\n", "\n").strip()
            return clean[1:] if clean.startswith("'") and RUNS_AS_FORMULA.match(clean) else clean
        case _:
            return spoken(bare)


def spoken(cell: Cell) -> str:
    """What the person sees in the cell, as near as can be told; "" for none and for failed formulas."""
    match cell:
        case None | NoResult():
            return ""
        case NoDate():
            return cell.serial
        case Dressed():
            return str(cell.number)
        case datetime() if cell.time() == time():
            return f"{cell:%Y-%m-%d}"
        case timedelta():
            minutes, seconds = divmod(round(cell.total_seconds()), 60)
            return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
        case _:
            return str(cell)


def _half_width(cell: Cell) -> str:
    """Full-width digits and letters, which Chinese input methods make, mean the ordinary ones."""
    return unicodedata.normalize("NFKC", written(cell)).strip()


def _typed(cell: Cell) -> str:
    """The cell as text. Refuse what Excel made of it where what was typed cannot be known any more.

    It turns 1-2 into the second of January, keeps 15 digits, and stores another number than it shows.
    """
    if isinstance(cell, date | time | timedelta | NoDate):
        raise Bad("became_date", value=spoken(cell))
    if isinstance(cell, Dressed):
        raise Bad("dressed", value=spoken(cell))
    if isinstance(cell, int | float) and abs(cell) >= 10**_DIGITS_OF_EXCEL:
        raise Bad("digits_lost", value=spoken(cell))
    return _raw(float(f"{cell:.{_DIGITS_OF_EXCEL}g}") if isinstance(cell, float) else cell)


def _text(read: Callable[[str], str]) -> Callable[[Cell], str]:
    """Read a cell into the normal form that routes give the same value."""

    def read_text(cell: Cell) -> str:
        return _fit(read, _typed(cell))

    return read_text


def _texts(
    read: Callable[[str], str], *, most: int, split: Callable[[str], list[str]] = words.split_words
) -> Callable[[Cell], list[str]]:
    """Read a cell into several values, each of them in its normal form and once."""

    def read_texts(cell: Cell) -> list[str]:
        items = list(dict.fromkeys(_fit(read, part) for part in split(_typed(cell))))
        if len(items) > most:
            raise _BadValue("too_many", count=len(items), limit=most)
        return items

    return read_texts


def _fit(read: Callable[[str], T], typed: str) -> T:
    try:
        return read(typed)
    except Unfit as unfit:
        raise _BadValue(unfit.reason, **unfit.values) from None


def _word(typed: str) -> str:
    """A long item is usually a list whose separators are missing."""
    try:
        return words.read_word(typed)
    except Unfit as unfit:
        if unfit.reason == "too_long":
            raise Bad("item_too_long", limit=words.WORD_MOST) from None
        raise


def _lines(typed: str) -> list[str]:
    return [line for line in typed.split("\n") if line.strip()]


def _national_code(cell: Cell) -> str:
    """Excel turns a typed 03.10 into the number 3.1; only as a number is it safe to undo that."""
    if isinstance(cell, float) and not cell.is_integer():
        return f"{cell:05.2f}"
    value = _fit(words.read_national_code, _raw(cell))
    return value.zfill(2) if value.isdecimal() else value


def _money(cell: Cell) -> int:
    value = _half_width(cell).removeprefix("¥").removesuffix("元").strip()
    if "," in value and not _THOUSANDS.fullmatch(value):
        raise Bad("money_comma", value=written(cell))
    value = value.replace(",", "")
    if isinstance(cell, float):
        value = f"{cell:.6f}"  # what Excel computed may be off in the sixteenth digit
    try:
        fee_fen = fen_of_yuan(value)
    except ValueError:
        raise Bad("money", value=written(cell)) from None
    if fee_fen > numbers.FEE_FEN[1]:
        raise Bad("money_too_much", value=written(cell), most=numbers.FEE_FEN[1] // 100)
    return fee_fen


def _whole(lowest: int, highest: int) -> Callable[[Cell], int]:
    def read(cell: Cell) -> int:
        value = _half_width(cell)
        if not re.fullmatch(r"-?[0-9]{1,9}", value) or not lowest <= int(value) <= highest:
            raise Bad("whole", value=value, lowest=lowest, highest=highest)
        return int(value)

    return read


def _degrees(lowest: int, highest: int) -> Callable[[Cell], float]:
    def read(cell: Cell) -> float:
        value = _half_width(cell).rstrip("°度")
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,16})?", value) or not lowest <= float(value) <= highest:
            raise Bad("degrees", value=value, lowest=lowest, highest=highest)
        return float(value)

    return read


def _day(cell: Cell, *, last: date = numbers.DAY[1]) -> date:
    day = _date(cell)
    if not numbers.DAY[0] <= day <= last:
        raise Bad("day_out_of_range", value=day, first=numbers.DAY[0], last=last)
    return day


def _last_day(cell: Cell) -> date | None:
    """None for what other systems write to say that there is no last day."""
    if isinstance(cell, str) and _half_width(cell) in text("workbook.for_ever").split():
        return None
    return None if _date(cell).year in _FOR_EVER_YEARS else _day(cell, last=_LAST_DAY_OF_A_CLINIC)


def _date(cell: Cell) -> date:
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return cell
    value = _half_width(cell)
    found = _DATE.fullmatch(value)
    if not found:
        raise Bad("date_serial" if _is_serial(cell) else "date", value=value)
    try:
        return date(*(int(part) for part in found.groups() if part))
    except ValueError:
        raise Bad("date", value=value) from None


def _is_serial(cell: Cell) -> bool:
    """Whether a number is a day of these years, of which only the format is lost."""
    return isinstance(cell, int | float) and _DAYS_OF_EXCEL[0] <= cell < _DAYS_OF_EXCEL[1]


def _clock(read: Callable[[str], T]) -> Callable[[Cell], T]:
    """Read a time of the clock; what is a number in a file means the time that Excel shows for it."""

    def read_clock_cell(cell: Cell) -> T:
        if isinstance(cell, datetime) and cell.time() != time():
            cell = cell.time()
        if isinstance(cell, float) and 0 <= cell < 1:
            cell = timedelta(minutes=round(cell * 24 * 60))
        return _fit(read, written(cell))

    return read_clock_cell


Value = str | int | float | bool | date | time | EndTime | list[str]
Reader = Callable[[Cell], Value | None]


def _number(read: Reader) -> Reader:
    """Read what is a number whatever its format dresses it in, but for per cents: 300% is 3 to Excel only."""

    def read_number(cell: Cell) -> Value | None:
        if isinstance(cell, Dressed):
            if cell.is_percent:
                raise Bad("dressed", value=spoken(cell))
            cell = cell.number
        return read(cell)

    return read_number


READERS: dict[str, Reader] = {
    "code": _text(words.read_code),
    "codes": _texts(words.read_code, most=words.DEPARTMENTS_MOST),
    "national_code": _number(_national_code),
    "name": _text(words.read_name),
    "doctor_name": _text(words.read_doctor_name),
    "room": _text(partial(words.read_name, limit=words.ROOM_MOST)),
    "text": _text(words.read_line),
    "hospital_level": _text(partial(words.read_line, limit=words.LEVEL_MOST)),
    "doctor_title": _text(partial(words.read_line, limit=words.TITLE_MOST)),
    "long_text": _text(words.read_prose),
    "skills": _text(partial(words.read_prose, limit=words.SKILLS_MOST)),
    "lines": _texts(words.read_notice, most=words.NOTICES_MOST, split=_lines),
    "list": _texts(_word, most=words.WORDS_MOST),
    "phone": _text(read_phone_line),
    "phones": _texts(read_phone_line, most=words.PHONES_MOST),
    "latitude": _number(_degrees(*numbers.LATITUDE)),
    "longitude": _number(_degrees(*numbers.LONGITUDE)),
    "age": _number(_whole(*numbers.AGE_YEARS)),
    "position": _number(_whole(*numbers.POSITION)),
    "slot_min": _number(_whole(*numbers.SLOT_MIN)),
    "capacity": _number(_whole(*numbers.PLACES_OF_SLOT)),
    "money": _number(_money),
    "date": _number(_day),
    "last_day": _number(_last_day),
    "time": _number(_clock(read_clock)),
    "end_time": _number(_clock(read_end)),
}
"""Readers of filled cells by the `kind` of their column; each raises `Bad`."""


def choice(cell: Cell, choices: Mapping[str, Value]) -> Value:
    """Read one of a few words; raises `Bad` naming them, each value once."""
    value = _half_width(cell)
    if value not in choices:
        raise Bad("choice", value=value, choices="、".join(first_words(choices).values()))
    return choices[value]


def first_words(choices: Mapping[str, Value]) -> dict[Value, str]:
    """The word that is written out for each value: its first spelling."""
    words: dict[Value, str] = {}
    for word, value in choices.items():
        words.setdefault(value, word)
    return words
