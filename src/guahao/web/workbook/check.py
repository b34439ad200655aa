"""What no single cell can tell: duplicates, references across sheets, values that do not fit together."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from guahao.catalog.policy.national import national_departments
from guahao.web.workbook.clash import clashes
from guahao.web.workbook.columns import definition, word_of
from guahao.web.workbook.rows import (
    KEYS,
    CampusRow,
    DepartmentRow,
    DoctorRow,
    Fault,
    FeeRow,
    HospitalRow,
    Key,
    Row,
    ScheduleRow,
    Workbook,
    by_key,
    key_of,
    row_fault,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Every row there would be after the import, by key: the file's laid over the database's."""

    hospital: dict[Key, HospitalRow]
    campus: dict[Key, CampusRow]
    department: dict[Key, DepartmentRow]
    doctor: dict[Key, DoctorRow]
    fee: dict[Key, FeeRow]
    schedule: dict[Key, ScheduleRow]

    @classmethod
    def of(cls, current: Workbook, new: Workbook) -> Known:
        """Lay the file's rows over the database's, whose row number is 0."""
        return cls(
            hospital=by_key("hospital", current.hospital) | by_key("hospital", new.hospital),
            campus=by_key("campus", current.campus) | by_key("campus", new.campus),
            department=by_key("department", current.department) | by_key("department", new.department),
            doctor=by_key("doctor", current.doctor) | by_key("doctor", new.doctor),
            fee=by_key("fee", current.fee) | by_key("fee", new.fee),
            schedule=by_key("schedule", current.schedule) | by_key("schedule", new.schedule),
        )


def with_levels(new: Workbook, current: Workbook) -> Workbook:
    """Fill in the doctor's level where a schedule row leaves it open."""
    doctors = by_key("doctor", current.doctor) | by_key("doctor", new.doctor)

    def level_of(row: ScheduleRow) -> str:
        doctor = doctors.get((row.hospital, row.doctor))
        return row.level or (doctor.level if doctor else "")

    schedule = tuple(msgspec.structs.replace(row, level=level_of(row)) for row in new.schedule)
    return msgspec.structs.replace(new, schedule=schedule)


def check(new: Workbook, current: Workbook, *, today: date) -> list[Fault]:
    """Everything wrong with the rows of `new`, in the order of sheets and rows."""
    known = Known.of(current, new)
    faults = [
        *_duplicates(new),
        *_unknown_hospitals(new, known),
        *_map_points("hospital", new.hospital),
        *_map_points("campus", new.campus),
        *(fault for row in new.department for fault in _department(row, known)),
        *(fault for row in new.doctor for fault in _departments_of_doctor(row, known)),
        *(fault for row in new.fee for fault in _reference("fee", row, "doctor", row.doctor, known.doctor)),
        *(fault for row in new.schedule for fault in _schedule(row, known)),
        *_prices_missing(new.schedule, known, today),
        *clashes(new.schedule, known.schedule.values()),
    ]
    order = _order_of_sheets(new)
    return sorted(dict.fromkeys(faults), key=lambda fault: (order[fault.sheet], fault.row))


def _order_of_sheets(new: Workbook) -> dict[str, int]:
    names = [
        name
        for key, sheet in definition().sheets.items()
        for name in (sheet.title, *(row.sheet for row in getattr(new, key)))
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def of_other_hospitals(new: Workbook, *, own: str) -> Iterator[Fault]:
    """Rows that staff of the hospital with the code `own` may not import."""
    for sheet in KEYS:
        key = "code" if sheet == "hospital" else "hospital"
        for row in getattr(new, sheet):
            if getattr(row, key) != own:
                yield row_fault(sheet, row, key, "other_hospital", own=own)


def _duplicates(new: Workbook) -> Iterator[Fault]:
    for sheet, names in KEYS.items():
        first: dict[Key, Row] = {}
        rows: tuple[Row, ...] = getattr(new, sheet)
        for row in rows:
            before = first.setdefault(key_of(sheet, row), row)
            if before is not row:
                what = "、".join(_header(sheet, name) for name in names)
                yield row_fault(sheet, row, names[-1], "duplicate", other=before.place_for(row), what=what)


def _header(sheet: str, key: str) -> str:
    return next(column.header for column in definition().sheets[sheet].columns if column.key == key)


def _unknown_hospitals(new: Workbook, known: Known) -> Iterator[Fault]:
    for sheet in KEYS:
        if sheet == "hospital":
            continue
        for row in getattr(new, sheet):
            if (row.hospital,) not in known.hospital:
                yield row_fault(sheet, row, "hospital", "unknown_hospital", code=row.hospital)


def _map_points(sheet: str, rows: Iterable[HospitalRow | CampusRow]) -> Iterator[Fault]:
    for row in rows:
        if (row.latitude is None) != (row.longitude is None):
            yield row_fault(sheet, row, "latitude" if row.latitude is None else "longitude", "map_point")


_Owned = DepartmentRow | DoctorRow | FeeRow | ScheduleRow


def _reference(sheet: str, row: _Owned, key: str, code: str | None, known: Container[Key]) -> Iterator[Fault]:
    """The row `code` names, of the same hospital, must be in the file or in the database."""
    if code is not None and (row.hospital, code) not in known:
        target = {"parent": "department", "departments": "department"}.get(key, key)
        title, what = definition().sheets[target].title, _header(target, "code")
        yield row_fault(sheet, row, key, "unknown_code", sheet_title=title, what=what, code=code)


def _department(row: DepartmentRow, known: Known) -> Iterator[Fault]:
    yield from _reference("department", row, "parent", row.parent, known.department)
    yield from _reference("department", row, "campus", row.campus, known.campus)
    if row.national_code is not None and row.national_code not in national_departments():
        yield row_fault("department", row, "national_code", "national_code", code=row.national_code)
    if row.min_age_years > row.max_age_years:
        yield row_fault(
            "department", row, "max_age_years", "ages", lowest=row.min_age_years, highest=row.max_age_years
        )
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
        yield from _reference("doctor", row, "departments", code, known.department)


def _schedule(row: ScheduleRow, known: Known) -> Iterator[Fault]:
    yield from _reference("schedule", row, "doctor", row.doctor, known.doctor)
    yield from _reference("schedule", row, "department", row.department, known.department)
    yield from _reference("schedule", row, "campus", row.campus, known.campus)
    yield from _schedule_fits(row, known)
    if row.ends <= row.starts:
        starts, ends = f"{row.starts:%H:%M}", f"{row.ends:%H:%M}"
        yield row_fault("schedule", row, "ends", "ends_before_start", ends=ends, starts=starts)
    if row.valid_until is not None and row.valid_until < row.valid_from:
        yield row_fault(
            "schedule", row, "valid_until", "until_before_from", until=row.valid_until, start=row.valid_from
        )


def _schedule_fits(row: ScheduleRow, known: Known) -> Iterator[Fault]:
    """The doctor works in the department, and the department is in the campus."""
    doctor = known.doctor.get((row.hospital, row.doctor))
    department = known.department.get((row.hospital, row.department))
    if doctor and department and row.department not in doctor.departments:
        yield row_fault(
            "schedule", row, "department", "not_in_department", doctor=row.doctor, department=row.department
        )
    if department and department.campus not in (None, row.campus):
        yield row_fault(
            "schedule",
            row,
            "campus",
            "other_campus",
            department=row.department,
            campus=department.campus,
            chosen=row.campus,
        )


def _prices_missing(rows: Iterable[ScheduleRow], known: Known, today: date) -> Iterator[Fault]:
    """Sessions without a price are not made, so nobody would see this row's places."""
    first_day: dict[tuple[str, str, str | None], date] = {}
    for fee in known.fee.values():
        whose = (fee.hospital, fee.level, fee.doctor)
        first_day[whose] = min(fee.effective_from, first_day.get(whose, date.max))
    for row in rows:
        day = max(row.valid_from, today)
        starts = (first_day.get((row.hospital, row.level, who), date.max) for who in (row.doctor, None))
        if row.level and min(starts) > day:
            level = word_of("level", row.level)
            yield row_fault("schedule", row, "level", "no_fee", doctor=row.doctor, level=level, day=day)
