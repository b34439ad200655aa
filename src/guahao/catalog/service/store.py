"""How rows become columns: references by code become ids of the same hospital."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Campus, Department, Doctor, DoctorDepartment
from guahao.catalog.policy.national import check_national_code
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, FeeRow, HospitalRow
from guahao.kernel.db import Base
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id

Columns = dict[str, Any]


class CatalogCodeUnknown(Problem):
    """A code names no campus, department or doctor of this hospital."""

    code = "catalog-code-unknown"
    status = 422


class DepartmentLoop(Problem):
    """A department would be below itself."""

    code = "department-loop"
    status = 422


async def ids_of_codes(
    db: AsyncSession,
    model: type[Campus | Department | Doctor],
    *,
    hospital_id: int,
    codes: Collection[str | None],
    field: str,
) -> dict[str | None, UUID | None]:
    """Look codes up; None stays None.

    Raises CatalogCodeUnknown naming the field and the first unknown code.
    """
    found: dict[str | None, UUID | None] = {None: None}
    wanted = sorted({code for code in codes if code is not None})
    if wanted:
        rows = await db.execute(
            select(model.code, model.id).where(model.hospital_id == hospital_id, model.code.in_(wanted))
        )
        found.update((code, id_) for code, id_ in rows)
    for code in wanted:
        if code not in found:
            raise CatalogCodeUnknown(field=field, catalog_code=code)
    return found


def plain_columns(row: HospitalRow | CampusRow | DepartmentRow | DoctorRow | FeeRow) -> Columns:
    """The fields that are columns under the same name."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name in {"code", "national_code"} or not name.endswith(("_code", "_codes"))
    }


async def department_columns(db: AsyncSession, *, hospital_id: int, row: DepartmentRow) -> Columns:
    """The columns of a department.

    Raises NationalCodeUnknown, CatalogCodeUnknown.
    """
    check_national_code(row.national_code)
    parents = await ids_of_codes(
        db, Department, hospital_id=hospital_id, codes=[row.parent_code], field="parent_code"
    )
    campuses = await ids_of_codes(
        db, Campus, hospital_id=hospital_id, codes=[row.campus_code], field="campus_code"
    )
    return {
        **plain_columns(row),
        "parent_id": parents[row.parent_code],
        "campus_id": campuses[row.campus_code],
    }


async def fee_columns(db: AsyncSession, *, hospital_id: int, row: FeeRow) -> Columns:
    """The columns of a price; raises CatalogCodeUnknown."""
    doctors = await ids_of_codes(
        db, Doctor, hospital_id=hospital_id, codes=[row.doctor_code], field="doctor_code"
    )
    return {**plain_columns(row), "doctor_id": doctors[row.doctor_code]}


_LOOP = text(
    "WITH RECURSIVE above (id) AS ("
    " SELECT parent_id FROM department WHERE hospital_id = :hospital_id AND id = :id"
    " UNION SELECT d.parent_id FROM department d JOIN above a ON d.id = a.id"
    " WHERE d.hospital_id = :hospital_id"
    ") SELECT 1 FROM above WHERE id = :id"
)


async def refuse_loop(db: AsyncSession, *, hospital_id: int, department_id: UUID) -> None:
    """Raise DepartmentLoop when the department, as just written, is above itself."""
    if await db.scalar(_LOOP, {"hospital_id": hospital_id, "id": department_id}):
        raise DepartmentLoop


async def set_departments(
    db: AsyncSession, *, hospital_id: int, doctor_id: UUID, codes: Collection[str]
) -> bool:
    """Make these the departments of a doctor; answers whether anything changed.

    Raises CatalogCodeUnknown.
    """
    wanted_by_code = await ids_of_codes(
        db, Department, hospital_id=hospital_id, codes=codes, field="department_codes"
    )
    wanted = {id_ for id_ in wanted_by_code.values() if id_ is not None}
    own = (DoctorDepartment.hospital_id == hospital_id, DoctorDepartment.doctor_id == doctor_id)
    present = set(await db.scalars(select(DoctorDepartment.department_id).where(*own)))
    if present - wanted:
        await db.execute(
            delete(DoctorDepartment).where(*own, DoctorDepartment.department_id.in_(present - wanted))
        )
    if wanted - present:
        await db.execute(
            insert(DoctorDepartment),
            [
                {"hospital_id": hospital_id, "doctor_id": doctor_id, "department_id": department_id}
                for department_id in sorted(wanted - present)
            ],
        )
    return wanted != present


async def upsert_owned(
    db: AsyncSession, model: type[Base], *, hospital_id: int, key: Collection[str], columns: Mapping[str, Any]
) -> UUID:
    """Insert a row of a hospital or bring the one with the same key up to date; answers its id.

    An unchanged row is not written, so its version stays.
    """
    table = model.metadata.tables[model.__tablename__]
    statement = upsert(table).values(hospital_id=hospital_id, id=new_id(hospital_id), **columns)
    rest = [name for name in columns if name not in key]
    statement = statement.on_conflict_do_update(
        index_elements=["hospital_id", *key],
        set_={**{name: statement.excluded[name] for name in rest}, "version": table.c.version + 1},
        where=or_(*(table.c[name].is_distinct_from(statement.excluded[name]) for name in rest)),
    )
    id_: UUID | None = await db.scalar(statement.returning(table.c.id))
    if id_ is None:
        same = [table.c[name].is_not_distinct_from(columns[name]) for name in key]
        id_ = await db.scalar(select(table.c.id).where(table.c.hospital_id == hospital_id, *same))
    assert id_ is not None
    return id_
