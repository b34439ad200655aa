"""From what a person typed into a cell to a value, or a sentence that says what to type instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta

from guahao.kernel.export import CONTROL, RUNS_AS_FORMULA
from guahao.kernel.i18n import text
from guahao.kernel.money import fen_of_yuan
from guahao.kernel.sheet import Cell, NoResult

_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060\ufeff\u00ad]")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{2,24}(转[0-9]{1,6})?")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0{1,2}:00(?::00)?)?|(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{1,2})[:点时](\d{2})?分?(?::00)?")
_BETWEEN_ITEMS = re.compile(r"[、，,；;\n]")


class Bad(ValueError):
    """This cell cannot be read; the message is fit to show."""

    def __init__(self, reason: str, **values: object) -> None:
        """Take the text key under `workbook_cell.` and what its sentence names."""
        super().__init__(text(f"workbook_cell.{reason}", **values))
        self.reason = reason


def written(cell: Cell | NoResult) -> str:
    """Answer the cell as trimmed text, "" for an empty one; numbers without a needless ".0".

    An apostrophe that `kernel.export.escaped` has put in front is taken off again.
    """
    match cell:
        case None:
            return ""
        case NoResult():
            raise Bad("no_result")
        case bool():
            return str(cell).upper()
        case float() if cell.is_integer():
            return str(int(cell))
        case str():
            clean = _INVISIBLE.sub("", cell).replace("\r\n", "\n").strip()
            if CONTROL.search(clean):
                raise Bad("control_character")
            return clean[1:] if clean.startswith("'") and RUNS_AS_FORMULA.match(clean) else clean
        case _:
            return str(cell)


def _half_width(cell: Cell | NoResult) -> str:
    """Full-width digits and letters, which Chinese input methods make, mean the ordinary ones."""
    return unicodedata.normalize("NFKC", written(cell)).strip()


def _refuse_dates(cell: Cell | NoResult) -> None:
    """Excel turns 1-2 into the second of January; what was typed cannot be known any more."""
    if isinstance(cell, date | time | timedelta):
        raise Bad("became_date", value=str(cell).removesuffix(" 00:00:00"))


def _sentence(limit: int) -> Callable[[Cell | NoResult], str]:
    def read(cell: Cell | NoResult) -> str:
        _refuse_dates(cell)
        value = written(cell)
        if len(value) > limit:
            raise Bad("too_long", limit=limit, length=len(value))
        return value

    return read


def _code(cell: Cell | NoResult) -> str:
    _refuse_dates(cell)
    return _code_text(_half_width(cell))


def _code_text(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise Bad("code", value=value)
    return value


def _codes(cell: Cell | NoResult) -> list[str]:
    _refuse_dates(cell)
    return [_code_text(part) for part in _parts(_half_width(cell))]


def _parts(value: str) -> list[str]:
    parts = (part.strip() for part in _BETWEEN_ITEMS.split(value))
    return list(dict.fromkeys(part for part in parts if part))


def _list(cell: Cell | NoResult) -> list[str]:
    items = _parts(_sentence(2000)(cell))
    if any(len(item) > 40 for item in items):
        raise Bad("item_too_long", limit=40)
    return items


def _lines(cell: Cell | NoResult) -> list[str]:
    return [line.strip() for line in _sentence(4000)(cell).split("\n") if line.strip()]


def _national_code(cell: Cell | NoResult) -> str:
    """Excel turns a typed 03.10 into the number 3.1; only as a number is it safe to undo that."""
    if isinstance(cell, float) and not cell.is_integer():
        return f"{cell:05.2f}"
    value = _half_width(cell)
    return value.zfill(2) if value.isdecimal() else value


def _phone(cell: Cell | NoResult) -> str:
    return _phone_text(_half_width(cell).replace("–", "-").replace("—", "-"))


def _phone_text(value: str) -> str:
    if not _PHONE.fullmatch(value):
        raise Bad("phone", value=value)
    return value


def _phones(cell: Cell | NoResult) -> list[str]:
    return [_phone_text(part) for part in _parts(_half_width(cell))]


def _money(cell: Cell | NoResult) -> int:
    value = _half_width(cell).replace(",", "").removeprefix("¥").removesuffix("元").strip()
    if isinstance(cell, float):
        value = f"{cell:.6f}"  # what Excel computed may be off in the sixteenth digit
    try:
        return fen_of_yuan(value)
    except ValueError:
        raise Bad("money", value=written(cell)) from None


def _whole(lowest: int, highest: int) -> Callable[[Cell | NoResult], int]:
    def read(cell: Cell | NoResult) -> int:
        value = _half_width(cell)
        if not re.fullmatch(r"-?[0-9]{1,9}", value) or not lowest <= int(value) <= highest:
            raise Bad("whole", value=value, lowest=lowest, highest=highest)
        return int(value)

    return read


def _degrees(lowest: int, highest: int) -> Callable[[Cell | NoResult], float]:
    def read(cell: Cell | NoResult) -> float:
        value = _half_width(cell).rstrip("°度")
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,16})?", value) or not lowest <= float(value) <= highest:
            raise Bad("degrees", value=value, lowest=lowest, highest=highest)
        return float(value)

    return read


def _date(cell: Cell | NoResult) -> date:
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return cell
    value = _half_width(cell)
    found = _DATE.fullmatch(value)
    if not found:
        raise Bad("date", value=value)
    try:
        return date(*(int(part) for part in found.groups() if part))
    except ValueError:
        raise Bad("date", value=value) from None


def _time(cell: Cell | NoResult) -> time:
    if isinstance(cell, datetime):
        cell = cell.time()
    if isinstance(cell, float) and 0 <= cell < 1:
        minutes = round(cell * 24 * 60)
        cell = time(minutes // 60 % 24, minutes % 60)
    if isinstance(cell, time) and not cell.second and not cell.microsecond:
        return cell.replace(tzinfo=None)
    value = _half_width(cell)
    found = _TIME.fullmatch(value)
    if not found or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise Bad("time", value=value)
    return time(int(found[1]), int(found[2] or 0))


Value = str | int | float | bool | date | time | list[str]

READERS: dict[str, Callable[[Cell | NoResult], Value]] = {
    "code": _code,
    "codes": _codes,
    "national_code": _national_code,
    "name": _sentence(60),
    "text": _sentence(200),
    "hospital_level": _sentence(20),
    "doctor_title": _sentence(20),
    "long_text": _sentence(2000),
    "lines": _lines,
    "list": _list,
    "phone": _phone,
    "phones": _phones,
    "latitude": _degrees(3, 54),
    "longitude": _degrees(73, 136),
    "age": _whole(0, 200),
    "position": _whole(-100_000, 100_000),
    "slot_min": _whole(5, 30),
    "capacity": _whole(1, 100),
    "money": _money,
    "date": _date,
    "time": _time,
}
"""Readers of filled cells by the `kind` of their column; each raises `Bad`."""


def choice(cell: Cell | NoResult, choices: Mapping[str, Value]) -> Value:
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
