"""What patients and staff look at: hospitals, the department tree, doctors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, cast, func, null, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import (
    Campus,
    Department,
    Doctor,
    DoctorDepartment,
    EntryKind,
    FeeChange,
    FeeChangeState,
    Hospital,
    HospitalState,
    SearchEntry,
)
from guahao.catalog.queries.distance import Point, metres_to
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.kernel.paging import decode_cursor, encode_cursor, split_page
from guahao.kernel.value.search import search_form

Item = TypeVar("Item")
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalFilter:
    """What a list of hospitals is narrowed to; None and "" do not narrow."""

    q: str = ""
    city: str | None = None
    level: str | None = None
    near: Point | None = None
    single_hospital: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHospital:
    """A hospital and how far its nearest campus is, if that was asked and is known."""

    hospital: Hospital
    distance_m: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A city that has hospitals."""

    name: str
    hospitals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentView:
    """A department with where it is."""

    department: Department
    hospital: Hospital
    campus: Campus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentNode:
    """A department with the departments below it, and whether doctors sit in itself."""

    department: Department
    has_doctors: bool
    children: tuple[DepartmentNode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorView:
    """A doctor with hospital and departments."""

    doctor: Doctor
    hospital: Hospital
    departments: tuple[Department, ...]


def visible_to_patients(single_hospital: str | None) -> ColumnElement[bool]:
    """Hospitals that patients see: open, and in single-hospital mode only the one with this code."""
    only = Hospital.code == single_hospital if single_hospital else true()
    return (Hospital.state == HospitalState.OPEN) & only


async def hospitals(
    db: AsyncSession, *, narrowed: HospitalFilter, cursor: str | None, limit: int
) -> tuple[list[ListedHospital], str | None]:
    """A page of the hospitals that patients see, and the cursor of the next; raises CursorInvalid.

    In the order in which they joined, or with `near` the nearest first and those without a point last.
    """
    distance = _distance(narrowed.near).label("distance_m")
    rank = func.coalesce(distance, _FAR)
    found = _narrow(select(Hospital, distance), narrowed)
    if cursor is not None:
        found = found.where(tuple_(rank, Hospital.id) > tuple_(*decode_cursor(cursor, tuple[int, int])))
    rows = await db.execute(found.order_by(rank, Hospital.id).limit(limit + 1))
    listed = [ListedHospital(hospital=row[0], distance_m=row[1]) for row in rows]
    page, last = split_page(listed, limit)
    return page, _cursor_after(last) if last else None


_FAR = 2_000_000_000


def _cursor_after(last: ListedHospital) -> str:
    return encode_cursor((_FAR if last.distance_m is None else last.distance_m, last.hospital.id))


def _distance(near: Point | None) -> ColumnElement[int | None]:
    """To the nearest of a hospital's active campuses; to its own point where no campus has one."""
    if near is None:
        return cast(null(), Integer)
    campus = (
        select(func.min(metres_to(near, Campus.latitude, Campus.longitude)))
        .where(Campus.hospital_id == Hospital.id, Campus.is_active)
        .correlate(Hospital)
        .scalar_subquery()
    )
    return func.coalesce(campus, metres_to(near, Hospital.latitude, Hospital.longitude))


def _narrow(found: Select[*Columns], narrowed: HospitalFilter) -> Select[*Columns]:
    found = found.where(visible_to_patients(narrowed.single_hospital))
    wanted = search_form(narrowed.q)
    if wanted:
        columns = (SearchEntry.text, SearchEntry.pinyin, SearchEntry.initials)
        found = found.where(
            Hospital.id.in_(
                select(SearchEntry.hospital_id).where(
                    SearchEntry.kind == EntryKind.HOSPITAL,
                    or_(*(column.contains(wanted, autoescape=True) for column in columns)),
                )
            )
        )
    if narrowed.city:
        found = found.where(Hospital.city == narrowed.city)
    if narrowed.level:
        found = found.where(Hospital.level == narrowed.level)
    return found


async def cities(db: AsyncSession, *, single_hospital: str | None) -> list[City]:
    """The cities of the hospitals that patients see, those with the most hospitals first."""
    rows = await db.execute(
        select(Hospital.city, func.count())
        .where(visible_to_patients(single_hospital))
        .group_by(Hospital.city)
        .order_by(func.count().desc(), Hospital.city)
    )
    return [City(name=name, hospitals=number) for name, number in rows]


async def department_for_patients(
    db: AsyncSession, *, department_id: UUID, single_hospital: str | None
) -> DepartmentView:
    """An active department of a hospital that patients see; raises NotFound."""
    is_there = (Campus.hospital_id == Department.hospital_id) & (Campus.id == Department.campus_id)
    found = await db.execute(
        select(Department, Hospital, Campus)
        .join(Hospital, Hospital.id == Department.hospital_id)
        .outerjoin(Campus, is_there)
        .where(
            Department.hospital_id == hospital_of(department_id),
            Department.id == department_id,
            Department.is_active,
            visible_to_patients(single_hospital),
        )
    )
    row = found.first()
    if row is None:
        raise NotFound
    return DepartmentView(department=row[0], hospital=row[1], campus=row[2])


async def hospital_for_patients(
    db: AsyncSession, *, hospital_id: int, single_hospital: str | None
) -> tuple[Hospital, list[Campus]]:
    """A hospital that patients see, with its active campuses; raises NotFound."""
    hospital = await db.scalar(
        select(Hospital).where(Hospital.id == hospital_id, visible_to_patients(single_hospital))
    )
    if hospital is None:
        raise NotFound
    campuses = await db.scalars(
        select(Campus).where(Campus.hospital_id == hospital_id, Campus.is_active).order_by(Campus.code)
    )
    return hospital, list(campuses)


async def department_tree(db: AsyncSession, *, hospital_id: int) -> tuple[DepartmentNode, ...]:
    """The active departments of a hospital; what hangs below an inactive one is not shown."""
    rows = await db.scalars(
        select(Department)
        .where(Department.hospital_id == hospital_id, Department.is_active)
        .order_by(Department.position, Department.code)
    )
    below: dict[UUID | None, list[Department]] = defaultdict(list)
    for row in rows:
        below[row.parent_id].append(row)
    staffed = set(await db.scalars(_departments_with_doctors(hospital_id)))

    def nodes(parent_id: UUID | None) -> tuple[DepartmentNode, ...]:
        return tuple(
            DepartmentNode(department=row, has_doctors=row.id in staffed, children=nodes(row.id))
            for row in below.get(parent_id, ())
        )

    return nodes(None)


def _departments_with_doctors(hospital_id: int) -> Select[UUID]:
    is_its = (Doctor.hospital_id == DoctorDepartment.hospital_id) & (Doctor.id == DoctorDepartment.doctor_id)
    return (
        select(DoctorDepartment.department_id)
        .join(Doctor, is_its)
        .where(DoctorDepartment.hospital_id == hospital_id, Doctor.is_active)
        .distinct()
    )


async def doctor_for_patients(
    db: AsyncSession, *, doctor_id: UUID, single_hospital: str | None
) -> DoctorView:
    """An active doctor of a hospital that patients see; raises NotFound."""
    found = await db.execute(
        select(Doctor, Hospital)
        .join(Hospital, Hospital.id == Doctor.hospital_id)
        .where(
            Doctor.hospital_id == hospital_of(doctor_id),
            Doctor.id == doctor_id,
            Doctor.is_active,
            visible_to_patients(single_hospital),
        )
    )
    row = found.first()
    if row is None:
        raise NotFound
    departments = await db.scalars(
        select(Department)
        .join(
            DoctorDepartment,
            (DoctorDepartment.hospital_id == Department.hospital_id)
            & (DoctorDepartment.department_id == Department.id),
        )
        .where(
            DoctorDepartment.hospital_id == hospital_of(doctor_id),
            DoctorDepartment.doctor_id == doctor_id,
            Department.is_active,
        )
        .order_by(Department.position, Department.code)
    )
    return DoctorView(doctor=row[0], hospital=row[1], departments=tuple(departments))


async def hospitals_for_staff(db: AsyncSession, *, hospital_id: int | None) -> list[Hospital]:
    """Every hospital that a member of staff works for, closed ones too; None is the platform."""
    found = select(Hospital).order_by(Hospital.id)
    if hospital_id is not None:
        found = found.where(Hospital.id == hospital_id)
    return list(await db.scalars(found))


async def hospital_for_staff(db: AsyncSession, *, hospital_id: int) -> Hospital:
    """A hospital, open or not; raises NotFound."""
    hospital = await db.get(Hospital, hospital_id)
    if hospital is None:
        raise NotFound
    return hospital


async def campuses_for_staff(db: AsyncSession, *, hospital_id: int) -> list[Campus]:
    """Every campus of a hospital, by code."""
    return list(
        await db.scalars(select(Campus).where(Campus.hospital_id == hospital_id).order_by(Campus.code))
    )


async def departments_for_staff(db: AsyncSession, *, hospital_id: int) -> list[Department]:
    """Every department of a hospital in the order of the tree's levels."""
    return list(
        await db.scalars(
            select(Department)
            .where(Department.hospital_id == hospital_id)
            .order_by(Department.position, Department.code)
        )
    )


async def codes_of_department(db: AsyncSession, row: Department) -> tuple[str | None, str | None]:
    """The codes of a department's parent and campus."""
    own = row.hospital_id
    parent = select(Department.code).where(Department.hospital_id == own, Department.id == row.parent_id)
    campus = select(Campus.code).where(Campus.hospital_id == own, Campus.id == row.campus_id)
    return await db.scalar(parent), await db.scalar(campus)


async def department_codes(
    db: AsyncSession, *, hospital_id: int, doctor_ids: Sequence[UUID]
) -> dict[UUID, list[str]]:
    """The department codes of each doctor."""
    links = await db.execute(
        select(DoctorDepartment.doctor_id, Department.code)
        .join(
            Department,
            (DoctorDepartment.hospital_id == Department.hospital_id)
            & (DoctorDepartment.department_id == Department.id),
        )
        .where(DoctorDepartment.hospital_id == hospital_id, DoctorDepartment.doctor_id.in_(doctor_ids))
        .order_by(Department.code)
    )
    codes: dict[UUID, list[str]] = {doctor_id: [] for doctor_id in doctor_ids}
    for doctor_id, code in links:
        codes[doctor_id].append(code)
    return codes


async def fee_changes(
    db: AsyncSession, *, hospital_id: int, state: FeeChangeState | None, before: UUID | None, limit: int
) -> list[FeeChange]:
    """Prices that staff wanted, newest first, from before the one called `before`."""
    rows = select(FeeChange).where(FeeChange.hospital_id == hospital_id)
    if state is not None:
        rows = rows.where(FeeChange.state == state)
    if before is not None:
        rows = rows.where(FeeChange.id < before)
    return list(await db.scalars(rows.order_by(FeeChange.id.desc()).limit(limit)))
