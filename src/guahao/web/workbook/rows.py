"""The rows of a workbook as typed values; field names are the keys in columns.toml."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import date, time
from typing import TypeVar

import msgspec

from guahao.kernel.i18n import text
from guahao.kernel.sex import Sex
from guahao.kernel.value.hours import EndTime
from guahao.web.workbook.columns import Column, definition

VALUE_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong in a file, where, and what to write instead; row 0 is the sheet as a whole.

    `code` names the kind of fault, `value` is what stands in the cell, shortened.
    """

    sheet: str
    row: int
    column: str
    code: str
    message: str
    value: str = ""

    def __str__(self) -> str:
        """Say it in one line for a terminal."""
        place = text("workbook.at_sheet", sheet=self.sheet) if self.sheet else ""
        place += text("workbook.at_row", row=self.row) if self.row else ""
        place += text("workbook.at_column", column=self.column) if self.column else ""
        return text("workbook.fault_line", place=place, message=self.message) if place else self.message


def file_fault(sheet: str, row: int, column: str, reason: str, **values: object) -> Fault:
    """A fault of a sheet, row or heading; `reason` is a text key under `workbook_fault.`."""
    message = text(f"workbook_fault.{reason}", **values)
    return Fault(sheet=sheet, row=row, column=column, code=reason, message=message)


def row_fault(sheet: str, row: Row, key: str, reason: str, **values: object) -> Fault:
    """A fault of one cell, told by sheet and column key."""
    shape = definition().sheets[sheet]
    column = next(column for column in shape.columns if column.key == key)
    fault = file_fault(row.sheet or shape.title, row.number, column.header, reason, **values)
    return replace(fault, value=_value(column, getattr(row, key)))


def _value(column: Column, value: object) -> str:
    """What stands in the cell, in the office's words."""
    words = definition().choices.get(column.kind)
    if words is not None:
        return next((word for word, meaning in words.items() if meaning == value), "")
    if isinstance(value, tuple):
        return "、".join(value)[:VALUE_SHOWN]
    return "" if value is None else str(value)[:VALUE_SHOWN]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What every row has: the number the person sees, and the sheet's name when several are called alike.

    `unread` are the keys of cells that have an error: what stands there in this row means nothing.
    """

    number: int
    sheet: str = ""
    unread: frozenset[str] = frozenset()

    def has_read(self, *keys: str) -> bool:
        """Whether these cells can be judged by."""
        return self.unread.isdisjoint(keys)

    def place_for(self, other: Row) -> str:
        """Where this row stands, said in a sentence about `other`."""
        row = text("workbook.at_row", row=self.number)
        return row if self.sheet == other.sheet else text("workbook.at_sheet", sheet=self.sheet) + row


AnyRow = TypeVar("AnyRow", bound=Row)


class HospitalRow(Row, frozen=True, kw_only=True):
    """A row of 医院."""

    code: str
    name: str
    kind: str
    level: str = ""
    city: str
    address: str = ""
    phones: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    intro: str = ""
    notices: tuple[str, ...] = ()
    is_active: bool = True


class CampusRow(Row, frozen=True, kw_only=True):
    """A row of 院区."""

    hospital: str
    code: str
    name: str
    address: str = ""
    phone: str = ""
    latitude: float | None = None
    longitude: float | None = None
    is_active: bool = True


class DepartmentRow(Row, frozen=True, kw_only=True):
    """A row of 科室."""

    hospital: str
    code: str
    name: str
    parent: str | None = None
    national_code: str | None = None
    campus: str | None = None
    place: str = ""
    diseases: tuple[str, ...] = ()
    sex_limit: Sex | None = None
    min_age_years: int = 0
    max_age_years: int = 200
    position: int = 0
    intro: str = ""
    is_active: bool = True


class DoctorRow(Row, frozen=True, kw_only=True):
    """A row of 医生."""

    hospital: str
    code: str
    name: str
    departments: tuple[str, ...] = ()
    title: str = ""
    level: str
    skills: str = ""
    diseases: tuple[str, ...] = ()
    intro: str = ""
    is_active: bool = True


class FeeRow(Row, frozen=True, kw_only=True):
    """A row of 价格."""

    hospital: str
    kind: str
    level: str
    doctor: str | None = None
    fee_fen: int
    effective_from: date


class ScheduleRow(Row, frozen=True, kw_only=True):
    """A row of 出诊安排; weekday 0 is Monday, valid_until is the last day, no level means the doctor's."""

    hospital: str
    doctor: str
    department: str
    campus: str
    weekday: int
    period: str
    starts: time
    ends: EndTime
    slot_min: int = 30
    capacity_per_slot: int
    room: str
    level: str = ""
    own_level: bool = False
    on_holidays: str = "closed"
    valid_from: date
    valid_until: date | None = None
    sells_after_end: bool = False


ROWS: dict[str, type[Row]] = {
    "hospital": HospitalRow,
    "campus": CampusRow,
    "department": DepartmentRow,
    "doctor": DoctorRow,
    "fee": FeeRow,
    "schedule": ScheduleRow,
}


class Workbook(msgspec.Struct, kw_only=True):
    """Everything that was read, rows with errors as well; a sheet that is not in the file is empty here."""

    hospital: tuple[HospitalRow, ...] = ()
    campus: tuple[CampusRow, ...] = ()
    department: tuple[DepartmentRow, ...] = ()
    doctor: tuple[DoctorRow, ...] = ()
    fee: tuple[FeeRow, ...] = ()
    schedule: tuple[ScheduleRow, ...] = ()


Key = tuple[object, ...]

KEYS: dict[str, tuple[str, ...]] = {
    "hospital": ("code",),
    "campus": ("hospital", "code"),
    "department": ("hospital", "code"),
    "doctor": ("hospital", "code"),
    "fee": ("hospital", "kind", "level", "doctor", "effective_from"),
    "schedule": ("hospital", "doctor", "department", "weekday", "period", "valid_from"),
}
"""By which columns a row of a sheet is recognised when it comes again."""


def key_of(sheet: str, row: Row) -> Key:
    """What makes this row the same row in another file or in the database."""
    return tuple(getattr(row, name) for name in KEYS[sheet])


def hospital_key(sheet: str) -> str:
    """The column in which a row names its hospital."""
    return "code" if sheet == "hospital" else "hospital"


def by_key(sheet: str, rows: Iterable[AnyRow]) -> dict[Key, AnyRow]:
    """Rows of one sheet by their key, where it could be read; of rows with the same key the first stays."""
    found: dict[Key, AnyRow] = {}
    for row in rows:
        if row.has_read(*KEYS[sheet]):
            found.setdefault(key_of(sheet, row), row)
    return found


def comparable(row: Row) -> Row:
    """The row without what does not matter: where it stands, and the order of a doctor's departments."""
    if isinstance(row, DoctorRow):
        row = msgspec.structs.replace(row, departments=tuple(sorted(row.departments)))
    return msgspec.structs.replace(row, number=0, sheet="")


def split_rows(book: Workbook, places: Container[tuple[str, int]]) -> tuple[Workbook, Workbook]:
    """The workbook without the rows at these places (sheet as faults name it, and number), and these rows."""
    kept, left = Workbook(), Workbook()
    for key in KEYS:
        rows = getattr(book, key)
        setattr(kept, key, tuple(row for row in rows if place_of(key, row) not in places))
        setattr(left, key, tuple(row for row in rows if place_of(key, row) in places))
    return kept, left


def unread_places(book: Workbook) -> set[tuple[str, int]]:
    """Where rows stand of which some cell could not be read."""
    return {place_of(key, row) for key in KEYS for row in getattr(book, key) if row.unread}


def place_of(key: str, row: Row) -> tuple[str, int]:
    """The sheet, as faults name it, and the number of a row."""
    return row.sheet or definition().sheets[key].title, row.number
