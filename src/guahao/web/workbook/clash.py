"""One doctor in two places, or one room used twice, at the same time of the same weekday."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date

from guahao.web.workbook.columns import word_of
from guahao.web.workbook.rows import Fault, ScheduleRow, row_fault


def clashes(new: Iterable[ScheduleRow], every: Iterable[ScheduleRow]) -> Iterator[Fault]:
    """Name each new row that overlaps an earlier row, or one that the database has already."""
    fresh = {id(row) for row in new}
    clear = [row for row in every if row.has_read(*_WHEN) and _has_time(row)]
    of_doctors = [row for row in clear if row.has_read("doctor")]
    of_rooms = [row for row in clear if row.has_read("campus", "room")]
    yield from _pairs(of_doctors, fresh, _same_doctor, "doctor")
    yield from _pairs(of_rooms, fresh, _same_room, "room")


_WHEN = ("hospital", "weekday", "starts", "ends", "valid_from", "valid_until")


def _has_time(row: ScheduleRow) -> bool:
    """Whether hours and days are in order; otherwise that is told, and nothing follows from it."""
    return row.ends.is_after(row.starts) and (row.valid_until is None or row.valid_from <= row.valid_until)


def _same_doctor(row: ScheduleRow) -> Hashable:
    return row.hospital, row.weekday, row.doctor


def _same_room(row: ScheduleRow) -> Hashable:
    return row.hospital, row.weekday, row.campus, row.room


def _pairs(
    rows: Iterable[ScheduleRow], fresh: set[int], group_of: Callable[[ScheduleRow], Hashable], key: str
) -> Iterator[Fault]:
    groups: dict[Hashable, list[ScheduleRow]] = defaultdict(list)
    for row in rows:
        groups[group_of(row)].append(row)
    for group in groups.values():
        group.sort(key=lambda row: (row.starts, row.number))
        for index, row in enumerate(group):
            for other in group[index + 1 :]:
                if not row.ends.is_after(other.starts):
                    break
                is_told = key == "room" and _is_one_doctor(row, other)
                if not is_told and _share_a_day(row, other) and {id(row), id(other)} & fresh:
                    yield _fault(*_later_last(row, other), key)


def _is_one_doctor(row: ScheduleRow, other: ScheduleRow) -> bool:
    return row.has_read("doctor") and other.has_read("doctor") and row.doctor == other.doctor


def _share_a_day(row: ScheduleRow, other: ScheduleRow) -> bool:
    return row.valid_from <= (other.valid_until or date.max) and other.valid_from <= (
        row.valid_until or date.max
    )


def _later_last(row: ScheduleRow, other: ScheduleRow) -> tuple[ScheduleRow, ScheduleRow]:
    """The row lower in the file is the one at fault; rows of the database come before any."""
    return (row, other) if row.number < other.number else (other, row)


def _fault(before: ScheduleRow, row: ScheduleRow, key: str) -> Fault:
    return row_fault(
        "schedule",
        row,
        key,
        f"{key}_busy" if before.number else f"{key}_busy_already",
        doctor=before.doctor,
        room=before.room,
        own_room=row.room,
        own_doctor=row.doctor,
        weekday=word_of("weekday", row.weekday),
        starts=f"{before.starts:%H:%M}",
        ends=before.ends,
        other=before.place_for(row),
        start=before.valid_from,
        own=f"{row.starts:%H:%M}-{row.ends}",
    )
