"""What no single cell can tell: duplicates, references across sheets, values that do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from guahao.catalog.policy.national import national_departments
from guahao.web.workbook.clash import clashes
from guahao.web.workbook.clinic import clinic_faults, levels_and_prices
from guahao.web.workbook.columns import definition
from guahao.web.workbook.known import Known
from guahao.web.workbook.reference import header_of, hospital_reference, reference
from guahao.web.workbook.rows import (
    KEYS,
    CampusRow,
    DepartmentRow,
    DoctorRow,
    Fault,
    HospitalRow,
    Key,
    Row,
    ScheduleRow,
    Workbook,
    by_key,
    hospital_key,
    key_of,
    row_fault,
)


def with_levels(new: Workbook, current: Workbook) -> Workbook:
    """Fill in the doctor's level where a schedule row leaves it open."""
    doctors = by_key("doctor", current.doctor) | by_key("doctor", new.doctor)

    def level_of(row: ScheduleRow) -> str:
        doctor = doctors.get((row.hospital, row.doctor))
        if row.level or not row.has_read("level") or doctor is None or not doctor.has_read("level"):
            return row.level
        return doctor.level

    schedule = tuple(msgspec.structs.replace(row, level=level_of(row)) for row in new.schedule)
    return msgspec.structs.replace(new, schedule=schedule)


def check(
    new: Workbook,
    current: Workbook,
    *,
    today: date,
    bad: Workbook | None = None,
    gaps: frozenset[str] = frozenset(),
) -> list[Fault]:
    """Everything wrong with the rows of `new` beyond single cells, in the order of sheets and rows.

    Cells that could not be read are not judged by, so no fault follows from another. `bad` are rows that
    were left out of `new`: what refers to them is at fault since it cannot be imported either. `gaps` are
    sheets of which rows are missing in `new`.
    """
    known = Known.of(current, new, bad=bad or Workbook(), gaps=gaps)
    faults = [
        *_duplicates(new),
        *_unknown_hospitals(new, known),
        *_map_points("hospital", new.hospital),
        *_map_points("campus", new.campus),
        *(fault for row in new.department for fault in _department(row, known)),
        *(fault for row in new.doctor for fault in _departments_of_doctor(row, known)),
        *(fault for row in new.fee for fault in reference("fee", row, "doctor", row.doctor, known)),
        *(fault for row in new.schedule for fault in clinic_faults(row, known)),
        *levels_and_prices(new.schedule, known, today),
        *clashes(new.schedule, known.schedule.values()),
    ]
    return in_order(dict.fromkeys(faults), new)


def in_order(faults: Iterable[Fault], book: Workbook) -> list[Fault]:
    """Faults by sheet, row and column, as the office goes through its file; those of the whole come first."""
    sheets = _order_of_sheets(book)
    columns = {
        (sheet.title, column.header): place
        for sheet in definition().sheets.values()
        for place, column in enumerate(sheet.columns)
    }
    return sorted(
        faults,
        key=lambda fault: (
            sheets.get(fault.sheet, -1),
            fault.row,
            columns.get((fault.sheet.strip(), fault.column), -1),
        ),
    )


def _order_of_sheets(book: Workbook) -> dict[str, int]:
    names = [
        name
        for key, sheet in definition().sheets.items()
        for name in (sheet.title, *(row.sheet for row in getattr(book, key) if row.sheet))
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def of_other_hospitals(book: Workbook, *, own: str | None) -> tuple[Workbook, list[Fault]]:
    """Rows that staff of the hospital with the code `own` may not import, as faults.

    In the workbook that comes back nothing is known of their hospital, so that nothing is told of it.
    """
    if own is None:
        return book, []
    faults: list[Fault] = []
    marked = Workbook()
    for sheet in KEYS:
        key = hospital_key(sheet)
        rows = []
        for row in getattr(book, sheet):
            is_strange = row.has_read(key) and getattr(row, key) != own
            if is_strange:
                faults.append(row_fault(sheet, row, key, "other_hospital", own=own))
            rows.append(msgspec.structs.replace(row, unread=row.unread | {key}) if is_strange else row)
        setattr(marked, sheet, tuple(rows))
    return marked, faults


def _duplicates(new: Workbook) -> Iterator[Fault]:
    for sheet, names in KEYS.items():
        first: dict[Key, Row] = {}
        rows: tuple[Row, ...] = getattr(new, sheet)
        for row in rows:
            if not row.has_read(*names):
                continue
            before = first.setdefault(key_of(sheet, row), row)
            if before is not row:
                what = "、".join(header_of(sheet, name) for name in names)
                yield row_fault(sheet, row, names[-1], "duplicate", other=before.place_for(row), what=what)


def _unknown_hospitals(new: Workbook, known: Known) -> Iterator[Fault]:
    for sheet in KEYS:
        if sheet == "hospital":
            continue
        for row in getattr(new, sheet):
            yield from hospital_reference(sheet, row, known)


def _map_points(sheet: str, rows: Iterable[HospitalRow | CampusRow]) -> Iterator[Fault]:
    for row in rows:
        if row.has_read("latitude", "longitude") and (row.latitude is None) != (row.longitude is None):
            yield row_fault(sheet, row, "latitude" if row.latitude is None else "longitude", "map_point")


def _department(row: DepartmentRow, known: Known) -> Iterator[Fault]:
    yield from reference("department", row, "parent", row.parent, known)
    yield from reference("department", row, "campus", row.campus, known)
    if row.national_code is not None and row.national_code not in national_departments():
        yield row_fault("department", row, "national_code", "national_code", code=row.national_code)
    has_ages = row.has_read("min_age_years", "max_age_years")
    if has_ages and row.min_age_years > row.max_age_years:
        yield row_fault(
            "department", row, "max_age_years", "ages", lowest=row.min_age_years, highest=row.max_age_years
        )
    if not row.has_read("hospital", "code", "parent"):
        return
    path = _way_up(row, known)
    if path[-1] == row.code and len(path) > 1:
        yield row_fault("department", row, "parent", "own_parent", path=" → ".join(path))


def _way_up(row: DepartmentRow, known: Known) -> list[str]:
    """The codes from a department upwards, ending where it ends or comes round."""
    path = [row.code]
    above = row.parent
    while above is not None and above not in path[1:]:
        path.append(above)
        parent = known.department.get((row.hospital, above))
        above = parent.parent if parent and above != row.code else None
    return path


def _departments_of_doctor(row: DoctorRow, known: Known) -> Iterator[Fault]:
    for code in row.departments:
        yield from reference("doctor", row, "departments", code, known)
