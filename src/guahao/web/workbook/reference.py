"""Codes that name another row: it must be in the file or in the database."""

from __future__ import annotations

from collections.abc import Iterator

from guahao.web.workbook.columns import definition
from guahao.web.workbook.known import Known
from guahao.web.workbook.rows import (
    CampusRow,
    DepartmentRow,
    DoctorRow,
    Fault,
    FeeRow,
    Key,
    ScheduleRow,
    row_fault,
)

Owned = CampusRow | DepartmentRow | DoctorRow | FeeRow | ScheduleRow

_TARGETS = {"parent": "department", "departments": "department"}
"""Which sheet a column names, where it is not called like it."""


def reference(sheet: str, row: Owned, key: str, code: str | None, known: Known) -> Iterator[Fault]:
    """Tell a code that names no row of the same hospital; without a readable hospital nothing is known."""
    if code is not None and row.has_read("hospital", key):
        target = _TARGETS.get(key, key)
        yield from _missing(sheet, row, key, known, target=target, wanted=(row.hospital, code))


def hospital_reference(sheet: str, row: Owned, known: Known) -> Iterator[Fault]:
    """Tell a code that names no hospital."""
    if row.has_read("hospital"):
        yield from _missing(sheet, row, "hospital", known, target="hospital", wanted=(row.hospital,))


def _missing(sheet: str, row: Owned, key: str, known: Known, *, target: str, wanted: Key) -> Iterator[Fault]:
    if known.may_have(target, wanted):
        return
    title = definition().sheets[target].title
    values = {"sheet_title": title, "what": header_of(target, "code"), "code": wanted[-1]}
    left_out = known.bad[target].get(wanted)
    nameless = known.nameless_of(target, row.hospital)
    if left_out is not None:
        yield row_fault(sheet, row, key, "refers_to_bad", number=left_out.number, **values)
    elif nameless is not None:
        yield row_fault(sheet, row, key, "unknown_code_maybe", number=nameless.number, **values)
    else:
        yield row_fault(
            sheet, row, key, "unknown_hospital" if target == "hospital" else "unknown_code", **values
        )


def header_of(sheet: str, key: str) -> str:
    """The heading of a column."""
    return next(column.header for column in definition().sheets[sheet].columns if column.key == key)
