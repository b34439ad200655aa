"""What the database holds now, as the rows of a workbook."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import (
    Campus,
    Department,
    Doctor,
    DoctorDepartment,
    FeeItem,
    Hospital,
    HospitalState,
)
from guahao.kernel.db import Base, read_in_parts
from guahao.scheduling.models import ScheduleTemplate
from guahao.web.workbook.rows import (
    CampusRow,
    DepartmentRow,
    DoctorRow,
    FeeRow,
    HospitalRow,
    ScheduleRow,
    Workbook,
)

_Model = TypeVar("_Model", bound=Base)


async def current_workbook(db: AsyncSession, *, codes: Collection[str] | None = None) -> Workbook:
    """Everything about the hospitals with these codes, or about all; rows have the number 0."""
    chosen = select(Hospital).order_by(Hospital.code)
    if codes is not None:
        chosen = chosen.where(Hospital.code.in_(codes))
    hospitals = list(await db.scalars(chosen))
    read = _Reader(db, hospitals)
    campuses = await read.all(Campus)
    departments = await read.all(Department)
    doctors = await read.all(Doctor)
    read.departments_of = await read.memberships(departments)
    fees, templates = await read.all(FeeItem), await read.all(ScheduleTemplate)

    def told() -> Workbook:
        return Workbook(
            hospital=tuple(_hospital(row) for row in hospitals),
            campus=tuple(sorted(map(read.campus, campuses), key=lambda row: (row.hospital, row.code))),
            department=tuple(
                sorted(
                    map(read.department, departments), key=lambda row: (row.hospital, row.position, row.code)
                )
            ),
            doctor=tuple(sorted(map(read.doctor, doctors), key=lambda row: (row.hospital, row.code))),
            fee=tuple(sorted(map(read.fee, fees), key=_fee_order)),
            schedule=tuple(sorted(map(read.schedule, templates), key=_schedule_order)),
        )

    return await asyncio.to_thread(told)


def _fee_order(row: FeeRow) -> tuple[object, ...]:
    return row.hospital, row.doctor or "", row.level, row.kind, row.effective_from


def _schedule_order(row: ScheduleRow) -> tuple[object, ...]:
    return row.hospital, row.department, row.doctor, row.weekday, row.starts, row.valid_from


def _hospital(row: Hospital) -> HospitalRow:
    return HospitalRow(
        number=0,
        code=row.code,
        name=row.name,
        kind=row.kind.value,
        level=row.level,
        city=row.city,
        address=row.address,
        phones=tuple(row.phones),
        latitude=row.latitude,
        longitude=row.longitude,
        intro=row.intro,
        notices=tuple(row.notices),
        is_active=row.state is HospitalState.OPEN,
    )


class _Reader:
    """Reads rows of some hospitals and turns ids back into codes."""

    def __init__(self, db: AsyncSession, hospitals: Collection[Hospital]) -> None:
        self._db = db
        self._hospital_code = {row.id: row.code for row in hospitals}
        self._code: dict[UUID | None, str] = {}
        self.departments_of: dict[UUID, tuple[str, ...]] = {}

    async def all(self, model: type[_Model]) -> list[_Model]:
        """Every row of these hospitals; remembers the codes of those that have one."""
        table: Any = model  # each of these tables has hospital_id, which Base does not say
        wanted = select(model).where(table.hospital_id.in_(self._hospital_code))
        rows = [row[0] async for part in read_in_parts(self._db, wanted) for row in part]
        self._code.update({row.id: row.code for row in rows if isinstance(row, Campus | Department | Doctor)})
        return rows

    async def memberships(self, departments: Collection[Department]) -> dict[UUID, tuple[str, ...]]:
        """The department codes of each doctor, in the departments' order."""
        order = {row.id: (row.position, row.code) for row in departments}
        found: dict[UUID, list[UUID]] = defaultdict(list)
        for row in await self.all(DoctorDepartment):
            found[row.doctor_id].append(row.department_id)
        return {
            doctor: tuple(self._code[one] for one in sorted(ids, key=order.__getitem__))
            for doctor, ids in found.items()
        }

    def campus(self, row: Campus) -> CampusRow:
        return CampusRow(
            number=0,
            hospital=self._hospital_code[row.hospital_id],
            code=row.code,
            name=row.name,
            address=row.address,
            phone=row.phone,
            latitude=row.latitude,
            longitude=row.longitude,
            is_active=row.is_active,
        )

    def department(self, row: Department) -> DepartmentRow:
        return DepartmentRow(
            number=0,
            hospital=self._hospital_code[row.hospital_id],
            code=row.code,
            name=row.name,
            parent=self._code.get(row.parent_id),
            national_code=row.national_code,
            campus=self._code.get(row.campus_id),
            place=row.place,
            diseases=tuple(row.diseases),
            sex_limit=row.sex_limit,
            min_age_years=row.min_age_years,
            max_age_years=row.max_age_years,
            position=row.position,
            intro=row.intro,
            is_active=row.is_active,
        )

    def doctor(self, row: Doctor) -> DoctorRow:
        return DoctorRow(
            number=0,
            hospital=self._hospital_code[row.hospital_id],
            code=row.code,
            name=row.name,
            departments=self.departments_of.get(row.id, ()),
            title=row.title,
            level=row.level.value,
            skills=row.skills,
            diseases=tuple(row.diseases),
            intro=row.intro,
            is_active=row.is_active,
        )

    def fee(self, row: FeeItem) -> FeeRow:
        return FeeRow(
            number=0,
            hospital=self._hospital_code[row.hospital_id],
            kind=row.kind.value,
            level=row.level.value,
            doctor=self._code.get(row.doctor_id),
            fee_fen=row.fee_fen,
            effective_from=row.effective_from,
        )

    def schedule(self, row: ScheduleTemplate) -> ScheduleRow:
        return ScheduleRow(
            number=0,
            hospital=self._hospital_code[row.hospital_id],
            doctor=self._code[row.doctor_id],
            department=self._code[row.department_id],
            campus=self._code[row.campus_id],
            weekday=row.weekday,
            period=row.period.value,
            starts=row.starts,
            ends=row.ends,
            slot_min=row.slot_min,
            capacity_per_slot=row.capacity_per_slot,
            room=row.room,
            level=row.level,
            own_level=row.own_level,
            on_holidays=row.on_holidays.value,
            valid_from=row.valid_from,
            valid_until=row.valid_until and row.valid_until - timedelta(days=1),
            sells_after_end=row.sells_after_end,
        )
