"""Doctors as staff look for them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Doctor, DoctorDepartment, DoctorLevel, EntryKind, SearchEntry
from guahao.kernel.ids import hospital_of
from guahao.kernel.paging import Listing
from guahao.kernel.value.search import search_form
from guahao.kernel.value.signs import narrow

DOCTORS = Listing(
    by={"code": Doctor.code, "name": Doctor.name, "level": Doctor.level}, id=Doctor.code, default="code"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFilter:
    """What a list of doctors is narrowed to; None does not narrow. `q`: name, pinyin, initials, number."""

    hospital_id: int
    q: str | None = None
    level: DoctorLevel | None = None
    department_id: UUID | None = None
    is_active: bool | None = None


def doctors(wanted: DoctorFilter) -> Select[Doctor]:
    """The doctors of a hospital."""
    found = select(Doctor).where(Doctor.hospital_id == wanted.hospital_id)
    if wanted.q and search_form(wanted.q):
        found = found.where(is_named(wanted.hospital_id, wanted.q))
    if wanted.level is not None:
        found = found.where(Doctor.level == wanted.level)
    if wanted.department_id is not None:
        members = select(DoctorDepartment.doctor_id).where(
            DoctorDepartment.hospital_id == wanted.hospital_id,
            DoctorDepartment.department_id == wanted.department_id,
        )
        found = found.where(Doctor.id.in_(members))
    if wanted.is_active is not None:
        found = found.where(Doctor.is_active.is_(wanted.is_active))
    return found


def is_named(hospital_id: int, q: str) -> ColumnElement[bool]:
    """Whether name, pinyin, initials or number of a doctor are what somebody typed.

    A doctor who has left is not in the search index and is found by name or number only.
    """
    form = search_form(q)
    spelled = select(SearchEntry.entity_id).where(
        SearchEntry.hospital_id == hospital_id,
        SearchEntry.kind == EntryKind.DOCTOR,
        SearchEntry.position == 0,
        or_(
            SearchEntry.text.contains(form, autoescape=True),
            SearchEntry.pinyin.startswith(form, autoescape=True),
            SearchEntry.initials.startswith(form, autoescape=True),
        ),
    )
    return or_(
        Doctor.name.icontains(narrow(q), autoescape=True),
        Doctor.name.icontains(form, autoescape=True),
        Doctor.code.istartswith(narrow(q), autoescape=True),
        cast(Doctor.id, Text).in_(spelled),
    )


async def is_doctor(db: AsyncSession, *, doctor_id: UUID) -> bool:
    """Whether there is such a doctor, active or not."""
    row = select(exists().where(Doctor.hospital_id == hospital_of(doctor_id), Doctor.id == doctor_id))
    return bool(await db.scalar(row))
