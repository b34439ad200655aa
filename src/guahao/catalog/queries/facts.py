"""Facts about hospitals, campuses, departments, doctors and fees for other domains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import (
    Campus,
    Department,
    Doctor,
    DoctorDepartment,
    DoctorLevel,
    FeeItem,
    FeeKind,
    Hospital,
    HospitalState,
)
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.kernel.sex import Sex


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalFacts:
    """A hospital by its number and code."""

    id: int
    code: str
    name: str
    phones: tuple[str, ...]
    address: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CampusFacts:
    """A site of a hospital; the map point is GCJ-02."""

    hospital_id: int
    id: UUID
    code: str
    name: str
    address: str
    phone: str
    latitude: float | None
    longitude: float | None
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentFacts:
    """A department with its limits; ages are whole years, both ends included."""

    hospital_id: int
    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    campus_id: UUID | None
    place: str
    sex_limit: Sex | None
    min_age_years: int
    max_age_years: int
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFacts:
    """A doctor and the departments of this doctor."""

    hospital_id: int
    id: UUID
    code: str
    name: str
    title: str
    level: DoctorLevel
    skills: str
    photo_id: UUID | None
    is_active: bool
    department_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTable:
    """Every price of one hospital: (kind, level, doctor or None) -> [(from day, fen)], newest first."""

    prices: Mapping[tuple[FeeKind, DoctorLevel, UUID | None], tuple[tuple[date, int], ...]]

    def fee_fen(self, *, level: DoctorLevel, doctor_id: UUID | None, day: date) -> int | None:
        """What a session of this level costs on this day, all parts together, in fen.

        A doctor's own price beats the level's, part by part. None when no price is set at all:
        such a session must not go on sale; a free one has a price of 0.
        """
        parts = [self._part(kind, level, doctor_id, day) for kind in FeeKind]
        known = [fen for fen in parts if fen is not None]
        return sum(known) if known else None

    def _part(self, kind: FeeKind, level: DoctorLevel, doctor_id: UUID | None, day: date) -> int | None:
        for whose in (doctor_id, None):
            for effective_from, fen in self.prices.get((kind, level, whose), ()):
                if effective_from <= day:
                    return fen
        return None


def _hospital(row: Hospital) -> HospitalFacts:
    return HospitalFacts(
        id=row.id,
        code=row.code,
        name=row.name,
        phones=tuple(row.phones),
        address=row.address,
        is_open=row.state is HospitalState.OPEN,
    )


def _campus(row: Campus) -> CampusFacts:
    return CampusFacts(**{name: getattr(row, name) for name in CampusFacts.__slots__})


def _department(row: Department) -> DepartmentFacts:
    return DepartmentFacts(**{name: getattr(row, name) for name in DepartmentFacts.__slots__})


def _doctor(row: Row[Doctor, list[UUID] | None]) -> DoctorFacts:
    own = {name: getattr(row[0], name) for name in DoctorFacts.__slots__ if name != "department_ids"}
    return DoctorFacts(**own, department_ids=tuple(row[1] or ()))


def _hospitals_of(ids: Iterable[UUID]) -> set[int]:
    return {hospital_of(id_) for id_ in ids}


def _doctors(*where: ColumnElement[bool]) -> Select[Doctor, list[UUID] | None]:
    departments = (
        select(func.array_agg(DoctorDepartment.department_id))
        .where(DoctorDepartment.hospital_id == Doctor.hospital_id, DoctorDepartment.doctor_id == Doctor.id)
        .correlate(Doctor)
        .scalar_subquery()
    )
    return select(Doctor, departments).where(*where)


async def hospitals_by_ids(db: AsyncSession, ids: Collection[int]) -> dict[int, HospitalFacts]:
    """Hospitals by number; unknown numbers are left out."""
    rows = await db.scalars(select(Hospital).where(Hospital.id.in_(ids)))
    return {row.id: _hospital(row) for row in rows}


async def hospital_exists(db: AsyncSession, hospital_id: int) -> bool:
    """Whether there is a hospital with this number, open or closed; reads no row that others might reuse."""
    return await db.scalar(select(Hospital.id).where(Hospital.id == hospital_id)) is not None


async def hospital_by_code(db: AsyncSession, code: str) -> HospitalFacts | None:
    """The hospital with this code."""
    row = await db.scalar(select(Hospital).where(Hospital.code == code))
    return _hospital(row) if row else None


async def require_visible(db: AsyncSession, *, hospital_id: int, single_hospital: str | None) -> None:
    """Raise NotFound unless patients may see this hospital.

    `single_hospital` is the setting: the code of the only hospital shown, None on a platform.
    """
    visible = Hospital.code == single_hospital if single_hospital else true()
    found = await db.scalar(
        select(func.count()).where(Hospital.id == hospital_id, Hospital.state == HospitalState.OPEN, visible)
    )
    if not found:
        raise NotFound


async def campuses_by_ids(db: AsyncSession, ids: Collection[UUID]) -> dict[UUID, CampusFacts]:
    """Campuses by id; unknown ids are left out."""
    found = select(Campus).where(Campus.hospital_id.in_(_hospitals_of(ids)), Campus.id.in_(ids))
    return {row.id: _campus(row) for row in await db.scalars(found)}


async def campuses_by_codes(db: AsyncSession, *, hospital_id: int) -> dict[str, CampusFacts]:
    """Every campus of a hospital by its code."""
    found = select(Campus).where(Campus.hospital_id == hospital_id)
    return {row.code: _campus(row) for row in await db.scalars(found)}


async def departments_by_ids(db: AsyncSession, ids: Collection[UUID]) -> dict[UUID, DepartmentFacts]:
    """Departments by id; unknown ids are left out."""
    found = select(Department).where(Department.hospital_id.in_(_hospitals_of(ids)), Department.id.in_(ids))
    return {row.id: _department(row) for row in await db.scalars(found)}


async def departments_by_codes(db: AsyncSession, *, hospital_id: int) -> dict[str, DepartmentFacts]:
    """Every department of a hospital by its code."""
    found = select(Department).where(Department.hospital_id == hospital_id)
    return {row.code: _department(row) for row in await db.scalars(found)}


async def doctors_by_ids(db: AsyncSession, ids: Collection[UUID]) -> dict[UUID, DoctorFacts]:
    """Doctors by id; unknown ids are left out."""
    rows = await db.execute(_doctors(Doctor.hospital_id.in_(_hospitals_of(ids)), Doctor.id.in_(ids)))
    return {row[0].id: _doctor(row) for row in rows}


async def doctors_by_codes(db: AsyncSession, *, hospital_id: int) -> dict[str, DoctorFacts]:
    """Every doctor of a hospital by code."""
    rows = await db.execute(_doctors(Doctor.hospital_id == hospital_id))
    return {row[0].code: _doctor(row) for row in rows}


async def doctors_of_department(db: AsyncSession, department_id: UUID) -> list[DoctorFacts]:
    """The active doctors of a department, experts first, then by code."""
    members = select(DoctorDepartment.doctor_id).where(
        DoctorDepartment.hospital_id == hospital_of(department_id),
        DoctorDepartment.department_id == department_id,
    )
    own = Doctor.hospital_id == hospital_of(department_id)
    rows = await db.execute(_doctors(own, Doctor.id.in_(members), Doctor.is_active.is_(True)))
    rank = {level: -number for number, level in enumerate(DoctorLevel)}
    return sorted((_doctor(row) for row in rows), key=lambda doctor: (rank[doctor.level], doctor.code))


async def fees_of(db: AsyncSession, *, hospital_id: int) -> FeeTable:
    """The price list of a hospital, to price any number of sessions by one read."""
    rows = await db.scalars(
        select(FeeItem).where(FeeItem.hospital_id == hospital_id).order_by(FeeItem.effective_from.desc())
    )
    prices: dict[tuple[FeeKind, DoctorLevel, UUID | None], tuple[tuple[date, int], ...]] = {}
    for row in rows:
        key = (row.kind, row.level, row.doctor_id)
        prices[key] = (*prices.get(key, ()), (row.effective_from, row.fee_fen))
    return FeeTable(prices=prices)
