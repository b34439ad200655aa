"""Writing the catalogue by code, for the import: each may run twice and then changes nothing.

Order: hospital, campuses, departments (parents first), doctors, fees; then `reindex` once.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Campus, Department, Doctor, FeeItem, Hospital
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, FeeRow, HospitalRow
from guahao.catalog.service.rules import begin_rules
from guahao.catalog.service.store import (
    Columns,
    department_columns,
    fee_columns,
    plain_columns,
    refuse_loop,
    set_departments,
    upsert_owned,
)


def _without(columns: Columns, name: str) -> Columns:
    """Pictures are not in the workbook: what people added by hand stays."""
    return {key: value for key, value in columns.items() if key != name}


async def upsert_hospital(db: AsyncSession, *, row: HospitalRow, actor: str) -> int:
    """Create the hospital with this code, or bring it up to date; answers its number.

    A new hospital gets the default rules as version 1, in force at once; an existing one keeps
    its rules. `actor` is named as their author.
    """
    columns = _without(plain_columns(row), "picture_ids")
    statement = insert(Hospital).values(**columns)
    rest = [name for name in columns if name != "code"]
    statement = statement.on_conflict_do_update(
        index_elements=["code"],
        set_={**{name: statement.excluded[name] for name in rest}, "version": Hospital.version + 1},
        where=or_(*(Hospital.__table__.c[name].is_distinct_from(statement.excluded[name]) for name in rest)),
    )
    hospital_id: int | None = await db.scalar(statement.returning(Hospital.id))
    if hospital_id is None:
        hospital_id = await db.scalar(select(Hospital.id).where(Hospital.code == row.code))
    assert hospital_id is not None
    await begin_rules(db, hospital_id=hospital_id, actor=actor)
    return hospital_id


async def upsert_campus(db: AsyncSession, *, hospital_id: int, row: CampusRow) -> UUID:
    """Create the campus with this code, or bring it up to date; answers its id."""
    return await upsert_owned(db, Campus, hospital_id=hospital_id, key=["code"], columns=plain_columns(row))


async def upsert_department(db: AsyncSession, *, hospital_id: int, row: DepartmentRow) -> UUID:
    """Create the department with this code, or bring it up to date; answers its id.

    Raises NationalCodeUnknown, CatalogCodeUnknown (parent or campus), DepartmentLoop.
    """
    columns = await department_columns(db, hospital_id=hospital_id, row=row)
    id_ = await upsert_owned(db, Department, hospital_id=hospital_id, key=["code"], columns=columns)
    await refuse_loop(db, hospital_id=hospital_id, department_id=id_)
    return id_


async def upsert_doctor(db: AsyncSession, *, hospital_id: int, row: DoctorRow) -> UUID:
    """Create the doctor with this code, or bring the row and its departments up to date.

    Answers the id. Raises CatalogCodeUnknown for a department.
    """
    columns = _without(plain_columns(row), "photo_id")
    id_ = await upsert_owned(db, Doctor, hospital_id=hospital_id, key=["code"], columns=columns)
    await set_departments(db, hospital_id=hospital_id, doctor_id=id_, codes=row.department_codes)
    return id_


async def upsert_fee(db: AsyncSession, *, hospital_id: int, row: FeeRow) -> UUID:
    """Set the price of (kind, level, doctor) from its day on; answers the fee's id.

    Sessions that exist keep the fee they were made with. Raises CatalogCodeUnknown for the doctor.
    """
    columns = await fee_columns(db, hospital_id=hospital_id, row=row)
    key = ["kind", "level", "doctor_id", "effective_from"]
    return await upsert_owned(db, FeeItem, hospital_id=hospital_id, key=key, columns=columns)
