"""Which row of a file does what to coming sessions and the people in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog import queries
from guahao.kernel.i18n import text
from guahao.scheduling.models import ClosedBy
from guahao.scheduling.queries.templates import templates_of
from guahao.scheduling.service.touched import KINDS, Coming, Touched
from guahao.web.workbook.rows import KEYS, Key, Row, Workbook, by_key, place_of


class RowTouches(msgspec.Struct, frozen=True, kw_only=True):
    """What one row does: to how many coming sessions and people, and what becomes of them, in sentences."""

    sheet: str
    row: int
    sessions: int
    people: int
    message: str

    def __str__(self) -> str:
        """Say it in one line for a terminal."""
        place = text("workbook.at_sheet", sheet=self.sheet) + text("workbook.at_row", row=self.row)
        return text("workbook.fault_line", place=place, message=self.message)


@dataclass(slots=True)
class _OfRow:
    """A row, and the sessions it touches, by what becomes of them."""

    sheet: str
    row: Row
    sessions: dict[str, list[Coming]] = field(default_factory=lambda: {kind: [] for kind in KINDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Codes:
    """By what the workbook knows a hospital's rows."""

    hospital: str
    campus: Mapping[UUID, str]
    department: Mapping[UUID, str]
    parent: Mapping[UUID, UUID | None]
    doctor: Mapping[UUID, str]
    template: Mapping[UUID | None, Key]


async def rows_that_touch(
    db: AsyncSession, changed: Workbook, touched: Touched, *, hospital: str, hospital_id: int
) -> list[RowTouches]:
    """The rows of the file that touch sessions, in its order; what no single row does is left out."""
    if not touched:
        return []
    codes = await _codes(db, hospital, hospital_id)
    rows = {sheet: by_key(sheet, getattr(changed, sheet)) for sheet in KEYS}
    found: dict[tuple[int, str, int], _OfRow] = {}
    for kind in KINDS:
        for session in getattr(touched, kind):
            cause = _cause(kind, session, codes, rows)
            if cause is not None:
                sheet, row = cause
                of_row = found.setdefault(
                    (list(KEYS).index(sheet), row.sheet, row.number), _OfRow(sheet, row)
                )
                of_row.sessions[kind].append(session)
    return [_told(found[place]) for place in sorted(found)]


def _told(of_row: _OfRow) -> RowTouches:
    sheet, number = place_of(of_row.sheet, of_row.row)
    touched = Touched(**{kind: tuple(of_row.sessions[kind]) for kind in KINDS})
    return RowTouches(
        sheet=sheet,
        row=number,
        sessions=len(touched.sessions),
        people=touched.people,
        message="".join(touched.consequences),
    )


def _cause(
    kind: str, session: Coming, codes: _Codes, rows: Mapping[str, Mapping[Key, Row]]
) -> tuple[str, Row] | None:
    """The row of the file by which a session is touched: the nearest that can be."""
    department = ("department", (codes.hospital, codes.department[session.department_id]))
    causes = [department] if kind == "narrowed" else _causes(session, codes)
    return next(((sheet, rows[sheet][key]) for sheet, key in causes if key in rows[sheet]), None)


def _causes(session: Coming, codes: _Codes) -> Iterator[tuple[str, Key]]:
    own = codes.hospital
    match session.closed_by:
        case ClosedBy.HOSPITAL:
            yield "hospital", (own,)
        case ClosedBy.CAMPUS:
            yield "campus", (own, codes.campus[session.campus_id])
        case ClosedBy.DEPARTMENT:
            for code in _upwards(session.department_id, codes):
                yield "department", (own, code)
        case ClosedBy.DOCTOR | ClosedBy.MEMBERSHIP | ClosedBy.LEVEL:
            yield "doctor", (own, codes.doctor[session.doctor_id])
        case ClosedBy.TEMPLATE | None:
            yield "schedule", codes.template.get(session.template_id, ())
        case _:
            assert_never(session.closed_by)


def _upwards(department: UUID | None, codes: _Codes) -> Iterator[str]:
    while department is not None:
        yield codes.department[department]
        department = codes.parent[department]


async def _codes(db: AsyncSession, hospital: str, hospital_id: int) -> _Codes:
    campuses = await queries.campuses_by_codes(db, hospital_id=hospital_id)
    departments = await queries.departments_by_codes(db, hospital_id=hospital_id)
    doctors = {
        row.id: code for code, row in (await queries.doctors_by_codes(db, hospital_id=hospital_id)).items()
    }
    department = {row.id: code for code, row in departments.items()}
    return _Codes(
        hospital=hospital,
        campus={row.id: code for code, row in campuses.items()},
        department=department,
        parent={row.id: row.parent_id for row in departments.values()},
        doctor=doctors,
        template={
            row.id: (
                hospital,
                doctors[row.doctor_id],
                department[row.department_id],
                row.weekday,
                row.period.value,
                row.valid_from,
            )
            for row in await templates_of(db, hospital_id=hospital_id)
        },
    )
