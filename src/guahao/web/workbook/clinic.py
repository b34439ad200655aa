"""What a weekly clinic must fit to: doctor, department, campus, a price, its own hours and days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import product

from guahao.web.workbook.columns import word_of
from guahao.web.workbook.known import Known
from guahao.web.workbook.reference import reference
from guahao.web.workbook.rows import Fault, FeeRow, ScheduleRow, key_of, row_fault

_ANY = object()
"""Stands in a price for a cell that could not be read: it may be any."""


def clinic_faults(row: ScheduleRow, known: Known) -> Iterator[Fault]:
    """Codes that name nothing, and what does not fit together."""
    yield from reference("schedule", row, "doctor", row.doctor, known)
    yield from reference("schedule", row, "department", row.department, known)
    yield from reference("schedule", row, "campus", row.campus, known)
    if not _stands(row, known):
        yield from _not_in_department(row, known)
        yield from _other_campus(row, known)
    if row.has_read("starts", "ends") and not row.ends.is_after(row.starts):
        starts = f"{row.starts:%H:%M}"
        yield row_fault("schedule", row, "ends", "ends_before_start", ends=row.ends, starts=starts)
    last = row.valid_until if row.has_read("valid_from", "valid_until") else None
    if last is not None and last < row.valid_from:
        yield row_fault("schedule", row, "valid_until", "until_before_from", until=last, start=row.valid_from)


def _stands(row: ScheduleRow, known: Known) -> bool:
    """Whether the import changes nothing about this clinic, its doctor and its department.

    It may not fit any more, since each of them could be changed by itself; it stays as it is then.
    """
    return (
        row.has_read("hospital", "doctor", "department")
        and known.is_as_before("schedule", key_of("schedule", row))
        and known.is_as_before("doctor", (row.hospital, row.doctor))
        and known.is_as_before("department", (row.hospital, row.department))
    )


def _not_in_department(row: ScheduleRow, known: Known) -> Iterator[Fault]:
    if not row.has_read("hospital", "doctor", "department"):
        return
    doctor = known.doctor.get((row.hospital, row.doctor))
    department = known.department.get((row.hospital, row.department))
    if doctor is None or department is None or not doctor.has_read("departments"):
        return
    misspelled = any(not known.may_have("department", (row.hospital, code)) for code in doctor.departments)
    if not misspelled and row.department not in doctor.departments:
        yield row_fault(
            "schedule", row, "department", "not_in_department", doctor=row.doctor, department=row.department
        )


def _other_campus(row: ScheduleRow, known: Known) -> Iterator[Fault]:
    if not row.has_read("hospital", "department", "campus"):
        return
    department = known.department.get((row.hospital, row.department))
    if department is None or not department.has_read("campus"):
        return
    campuses = (department.campus, row.campus)
    if not all(known.may_have("campus", (row.hospital, campus)) for campus in campuses if campus):
        return
    if department.campus not in (None, row.campus):
        yield row_fault(
            "schedule",
            row,
            "campus",
            "other_campus",
            department=row.department,
            campus=department.campus,
            chosen=row.campus,
        )


def levels_and_prices(rows: Iterable[ScheduleRow], known: Known, today: date) -> Iterator[Fault]:
    """A level that has no price, so that nobody would see these places; else one nobody said is meant."""
    if "fee" in known.gaps:
        return
    first_day = _first_days(known.fees)
    for row in rows:
        readable = row.has_read("hospital", "doctor", "level") and row.level
        if not readable or _stands(row, known):
            continue
        day = max(row.valid_from, today)
        if row.has_read("valid_from") and _priced_from(row, first_day) > day:
            level = word_of("level", row.level)
            yield row_fault("schedule", row, "level", "no_fee", doctor=row.doctor, level=level, day=day)
        else:
            yield from _level_differs(row, known, today)


def _level_differs(row: ScheduleRow, known: Known, today: date) -> Iterator[Fault]:
    doctor = known.doctor.get((row.hospital, row.doctor))
    is_over = row.valid_until is not None and row.valid_until < today
    if doctor is None or row.own_level or is_over:
        return
    readable = row.has_read("own_level", "valid_until") and doctor.has_read("level")
    if readable and row.level != doctor.level:
        own, level = word_of("level", doctor.level), word_of("level", row.level)
        yield row_fault("schedule", row, "level", "level_differs", doctor=row.doctor, own=own, level=level)


def _first_days(fees: Iterable[FeeRow]) -> Mapping[tuple[object, ...], date]:
    first_day: dict[tuple[object, ...], date] = {}
    for fee in fees:
        whose = tuple(
            getattr(fee, key) if fee.has_read(key) else _ANY for key in ("hospital", "level", "doctor")
        )
        day = fee.effective_from if fee.has_read("effective_from") else date.min
        first_day[whose] = min(day, first_day.get(whose, date.max))
    return first_day


def _priced_from(row: ScheduleRow, first_day: Mapping[tuple[object, ...], date]) -> date:
    prices = product((row.hospital, _ANY), (row.level, _ANY), (row.doctor, None, _ANY))
    return min(first_day.get(whose, date.max) for whose in prices)
