"""Editing the catalogue by hand: one row at a time, optimistic, audited, searchable at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import Campus, Department, Doctor, FeeItem, Hospital
from guahao.catalog.service.conflict import CodeTaken, EditConflict
from guahao.catalog.service.picture import PictureUnknown, require_pictures
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, HospitalRow
from guahao.catalog.service.rules import begin_rules
from guahao.catalog.service.search import reindex
from guahao.catalog.service.store import (
    Columns,
    DepartmentLoop,
    department_columns,
    plain_columns,
    refuse_loop,
    set_departments,
)
from guahao.kernel.db import constraint_of
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of, new_id

Owned = TypeVar("Owned", Campus, Department, Doctor, FeeItem)
AnyRow = TypeVar("AnyRow", Hospital, Campus, Department, Doctor, FeeItem)

_UNIQUE = {
    "hospital_code_key",
    "campus_hospital_id_code_key",
    "department_hospital_id_code_key",
    "doctor_hospital_id_code_key",
    "fee_item_one_price",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Generic[AnyRow]):
    """A row as saved and the names of its changed fields."""

    row: AnyRow
    changed: list[str]


async def create_hospital(db: AsyncSession, *, row: HospitalRow, actor: str) -> Hospital:
    """Create a hospital with the default rules in force; raises CodeTaken, PictureUnknown."""
    if row.picture_ids:
        raise PictureUnknown
    hospital = Hospital(**plain_columns(row), version=1)
    await _add(db, hospital)
    await begin_rules(db, hospital_id=hospital.id, actor=actor)
    await note_edit(db, hospital.id, actor=actor, action="hospital.create", subject=f"hospital:{hospital.id}")
    return hospital


async def update_hospital(
    db: AsyncSession, *, hospital_id: int, version: int, row: HospitalRow, actor: str
) -> Hospital:
    """Replace what a hospital says about itself; raises NotFound, EditConflict, CodeTaken, PictureUnknown."""
    hospital = await db.scalar(
        select(Hospital).where(Hospital.id == hospital_id).with_for_update(key_share=True)
    )
    edited = await change_row(db, hospital, version=version, columns=plain_columns(row))
    await require_pictures(db, hospital_id=hospital_id, ids=row.picture_ids)
    await note_edit(
        db,
        hospital_id,
        actor=actor,
        action="hospital.update",
        subject=f"hospital:{hospital_id}",
        changed=edited.changed,
    )
    return edited.row


async def create_campus(db: AsyncSession, *, hospital_id: int, row: CampusRow, actor: str) -> Campus:
    """Create a campus; raises CodeTaken."""
    return await _create(db, Campus, hospital_id=hospital_id, columns=plain_columns(row), actor=actor)


async def update_campus(
    db: AsyncSession, *, campus_id: UUID, version: int, row: CampusRow, actor: str
) -> Campus:
    """Replace a campus; raises NotFound, EditConflict, CodeTaken."""
    return await _update(db, Campus, id_=campus_id, version=version, columns=plain_columns(row), actor=actor)


async def create_department(
    db: AsyncSession, *, hospital_id: int, row: DepartmentRow, actor: str
) -> Department:
    """Create a department; raises CodeTaken, CatalogCodeUnknown, NationalCodeUnknown."""
    columns = await department_columns(db, hospital_id=hospital_id, row=row)
    return await _create(db, Department, hospital_id=hospital_id, columns=columns, actor=actor)


async def update_department(
    db: AsyncSession, *, department_id: UUID, version: int, row: DepartmentRow, actor: str
) -> Department:
    """Replace a department.

    Raises NotFound, EditConflict, CodeTaken, CatalogCodeUnknown, NationalCodeUnknown, DepartmentLoop.
    """
    hospital_id = hospital_of(department_id)
    await lock_hospital(db, hospital_id)
    columns = await department_columns(db, hospital_id=hospital_id, row=row)
    department = await _update(
        db, Department, id_=department_id, version=version, columns=columns, actor=actor
    )
    await refuse_loop(db, hospital_id=hospital_id, department_id=department_id)
    return department


async def create_doctor(db: AsyncSession, *, hospital_id: int, row: DoctorRow, actor: str) -> Doctor:
    """Create a doctor in the named departments; raises CodeTaken, CatalogCodeUnknown, PictureUnknown."""
    await _require_photo(db, hospital_id=hospital_id, row=row)
    doctor = Doctor(hospital_id=hospital_id, id=new_id(hospital_id), **plain_columns(row), version=1)
    await _add(db, doctor)
    await set_departments(db, hospital_id=hospital_id, doctor_id=doctor.id, codes=row.department_codes)
    await note_edit(db, hospital_id, actor=actor, action="doctor.create", subject=f"doctor:{doctor.id}")
    return doctor


async def update_doctor(
    db: AsyncSession, *, doctor_id: UUID, version: int, row: DoctorRow, actor: str
) -> Doctor:
    """Replace a doctor and the departments.

    Raises NotFound, EditConflict, CodeTaken, CatalogCodeUnknown, PictureUnknown.
    """
    await _require_photo(db, hospital_id=hospital_of(doctor_id), row=row)
    found = await lock_row(db, Doctor, doctor_id)
    edited = await change_row(db, found, version=version, columns=plain_columns(row))
    moved = await set_departments(
        db, hospital_id=hospital_of(doctor_id), doctor_id=doctor_id, codes=row.department_codes
    )
    await note_edit(
        db,
        hospital_of(doctor_id),
        actor=actor,
        action="doctor.update",
        subject=f"doctor:{doctor_id}",
        changed=[*edited.changed, *(["departments"] if moved else [])],
    )
    return edited.row


async def _require_photo(db: AsyncSession, *, hospital_id: int, row: DoctorRow) -> None:
    if row.photo_id is not None:
        await require_pictures(db, hospital_id=hospital_id, ids=[row.photo_id])


async def place_fee(db: AsyncSession, *, hospital_id: int, columns: Columns, actor: str) -> FeeItem:
    """Set a price that needs no approval any more; raises CodeTaken when that day has one already."""
    return await _create(db, FeeItem, hospital_id=hospital_id, columns=columns, actor=actor)


async def replace_fee(
    db: AsyncSession, *, fee_id: UUID, version: int, columns: Columns, actor: str
) -> FeeItem:
    """Correct a price that needs no approval any more; raises NotFound, EditConflict, CodeTaken."""
    return await _update(db, FeeItem, id_=fee_id, version=version, columns=columns, actor=actor)


async def _create(
    db: AsyncSession, model: type[Owned], *, hospital_id: int, columns: Columns, actor: str
) -> Owned:
    row = model(hospital_id=hospital_id, id=new_id(hospital_id), **columns, version=1)
    await _add(db, row)
    kind = model.__tablename__
    await _note(model)(db, hospital_id, actor=actor, action=f"{kind}.create", subject=f"{kind}:{row.id}")
    return row


async def _update(
    db: AsyncSession, model: type[Owned], *, id_: UUID, version: int, columns: Columns, actor: str
) -> Owned:
    edited = await change_row(db, await lock_row(db, model, id_), version=version, columns=columns)
    kind = model.__tablename__
    await _note(model)(
        db,
        hospital_of(id_),
        actor=actor,
        action=f"{kind}.update",
        subject=f"{kind}:{id_}",
        changed=edited.changed,
    )
    return edited.row


async def lock_row(db: AsyncSession, model: type[Owned], id_: UUID) -> Owned | None:
    """Read a row afresh and keep others from changing it until commit."""
    found = select(model).where(model.hospital_id == hospital_of(id_), model.id == id_)
    return await db.scalar(found.with_for_update(key_share=True).execution_options(populate_existing=True))


async def lock_hospital(db: AsyncSession, hospital_id: int) -> None:
    """Let nobody else edit the catalogue of a hospital, nor make sessions in it, until commit.

    Two moves of departments at once could close a loop that neither of them sees.
    """
    await db.execute(select(Hospital.id).where(Hospital.id == hospital_id).with_for_update(key_share=True))


async def change_row(
    db: AsyncSession, row: AnyRow | None, *, version: int, columns: Columns
) -> Edited[AnyRow]:
    """Write what differs over the version that was edited; raises NotFound, EditConflict, CodeTaken."""
    if row is None:
        raise NotFound
    if row.version != version:
        raise EditConflict(your_version=version, current_version=row.version)
    changed = [name for name, value in columns.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, columns[name])
    row.version = version + 1
    await _flush(db, columns)
    return Edited(row=row, changed=changed)


async def _add(db: AsyncSession, row: Hospital | Campus | Department | Doctor | FeeItem) -> None:
    db.add(row)
    await _flush(db, {"code": getattr(row, "code", None)})


async def _flush(db: AsyncSession, columns: dict[str, Any]) -> None:
    try:
        await db.flush()
    except IntegrityError as error:
        if constraint_of(error) == "department_not_its_own_parent":
            raise DepartmentLoop from error
        if constraint_of(error) not in _UNIQUE:
            raise
        raise CodeTaken(catalog_code=columns.get("code")) from error


class _Note(Protocol):
    async def __call__(
        self,
        db: AsyncSession,
        hospital_id: int,
        *,
        actor: str,
        action: str,
        subject: str,
        changed: list[str] | None = None,
    ) -> None: ...


def _note(model: type[Owned]) -> _Note:
    """Nobody searches for prices, and an import sets hundreds of them."""
    return _trace if model is FeeItem else note_edit


async def note_edit(
    db: AsyncSession,
    hospital_id: int,
    *,
    actor: str,
    action: str,
    subject: str,
    changed: list[str] | None = None,
) -> None:
    """Leave a trace of an edit and make it findable."""
    await _trace(db, hospital_id, actor=actor, action=action, subject=subject, changed=changed)
    await reindex(db, hospital_id=hospital_id)


async def _trace(
    db: AsyncSession,
    hospital_id: int,
    *,
    actor: str,
    action: str,
    subject: str,
    changed: list[str] | None = None,
) -> None:
    entry = AuditEntry(
        hospital_id=hospital_id,
        actor=actor,
        action=action,
        subject=subject,
        data={} if changed is None else {"changed": changed},
    )
    await record(db, entry)
