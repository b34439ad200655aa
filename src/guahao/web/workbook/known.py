"""What the rows of a file may refer to: every row there would be after the import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guahao.web.workbook.rows import (
    KEYS,
    CampusRow,
    DepartmentRow,
    DoctorRow,
    FeeRow,
    HospitalRow,
    Key,
    Row,
    ScheduleRow,
    Workbook,
    by_key,
    comparable,
    key_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Every row there would be after the import, by key: the file's laid over the database's.

    `gaps` are sheets of which rows are missing; `nameless` are rows whose own code has an error, and of
    those whose code can be read `codes_alone` have an error in the hospital's. `bad` are rows left out.
    """

    hospital: dict[Key, HospitalRow]
    campus: dict[Key, CampusRow]
    department: dict[Key, DepartmentRow]
    doctor: dict[Key, DoctorRow]
    fee: dict[Key, FeeRow]
    schedule: dict[Key, ScheduleRow]
    fees: tuple[FeeRow, ...]
    gaps: frozenset[str]
    nameless: Mapping[str, list[Row]]
    codes_alone: Mapping[str, set[object]]
    bad: Mapping[str, Mapping[Key, Row]]
    before: Mapping[str, Mapping[Key, Row]]

    @classmethod
    def of(cls, current: Workbook, new: Workbook, *, bad: Workbook, gaps: frozenset[str]) -> Known:
        """Lay the file's rows over the database's, whose row number is 0."""
        fees = by_key("fee", current.fee) | by_key("fee", new.fee)
        return cls(
            hospital=by_key("hospital", current.hospital) | by_key("hospital", new.hospital),
            campus=by_key("campus", current.campus) | by_key("campus", new.campus),
            department=by_key("department", current.department) | by_key("department", new.department),
            doctor=by_key("doctor", current.doctor) | by_key("doctor", new.doctor),
            fee=fees,
            schedule=by_key("schedule", current.schedule) | by_key("schedule", new.schedule),
            fees=(*fees.values(), *(row for row in new.fee if not row.has_read(*KEYS["fee"]))),
            gaps=gaps,
            nameless={sheet: _nameless(getattr(new, sheet)) for sheet in KEYS},
            codes_alone={sheet: _codes_alone(getattr(new, sheet)) for sheet in KEYS},
            bad={sheet: by_key(sheet, getattr(bad, sheet)) for sheet in KEYS},
            before={sheet: by_key(sheet, getattr(current, sheet)) for sheet in KEYS},
        )

    def may_have(self, sheet: str, key: Key) -> bool:
        """Whether this row is there, or may be among those that cannot be told by their code."""
        return key in getattr(self, sheet) or sheet in self.gaps or key[-1] in self.codes_alone[sheet]

    def nameless_of(self, sheet: str, hospital: str) -> Row | None:
        """A row of this hospital in which no code could be read: it may be the one that is meant."""
        return next(
            (
                row
                for row in self.nameless[sheet]
                if sheet == "hospital" or not row.has_read("hospital") or key_of(sheet, row)[0] == hospital
            ),
            None,
        )

    def is_as_before(self, sheet: str, key: Key) -> bool:
        """Whether the import leaves this row as it stands in the database."""
        row, before = getattr(self, sheet).get(key), self.before[sheet].get(key)
        return row is not None and before is not None and comparable(row) == comparable(before)


def _nameless(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not row.has_read("code")]


def _codes_alone(rows: Iterable[Row]) -> set[object]:
    return {
        getattr(row, "code", None) for row in rows if row.has_read("code") and not row.has_read("hospital")
    }
