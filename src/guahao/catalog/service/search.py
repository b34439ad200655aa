"""Keeping the search entries of a hospital in step with its catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department, Doctor, DoctorDepartment, EntryKind, Hospital, SearchEntry
from guahao.catalog.policy.pinyin import spelled, spellings_of_person
from guahao.catalog.policy.symptoms import departments_for, symptoms
from guahao.kernel.value.search import search_form

_LOCK = 0x5EA2C4
_DELETE_AT_ONCE = 500
_AFTER_DEPARTMENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A row of search_entry, without the hospital."""

    kind: EntryKind
    entity_id: str
    text: str
    pinyin: str
    initials: str
    name: str
    hint: str
    position: int = 0

    @property
    def key(self) -> tuple[EntryKind, str, str, str]:
        """What is unique in a hospital."""
        return self.kind, self.entity_id, self.text, self.pinyin


@dataclass(frozen=True, slots=True, kw_only=True)
class _Catalogue:
    """What of a hospital can be found."""

    hospital: Hospital
    departments: dict[UUID, Department]
    doctors: list[Doctor]
    departments_of: dict[UUID, list[UUID]]


async def reindex(db: AsyncSession, *, hospital_id: int) -> int:
    """Bring the search entries of one hospital up to date; answers how many changed.

    Every edit calls it; an import calls it once, at its end. Safe to run at any time: writes
    only what differs, and one run per hospital at a time.
    """
    await db.execute(select(func.pg_advisory_xact_lock(_LOCK, hospital_id)))
    await db.flush()
    wanted = {entry.key: entry for entry in reversed(list(_entries(await _read(db, hospital_id))))}
    rows = await db.scalars(select(SearchEntry).where(SearchEntry.hospital_id == hospital_id))
    names = _Entry.__slots__
    present = {_Entry(**{name: getattr(row, name) for name in names}) for row in rows}
    fresh = set(wanted.values()) - present
    stale = sorted(entry.key for entry in present - set(wanted.values()))
    key = tuple_(SearchEntry.kind, SearchEntry.entity_id, SearchEntry.text, SearchEntry.pinyin)
    for start in range(0, len(stale), _DELETE_AT_ONCE):
        part = stale[start : start + _DELETE_AT_ONCE]
        await db.execute(
            delete(SearchEntry)
            .where(SearchEntry.hospital_id == hospital_id, key.in_(part))
            .execution_options(synchronize_session=False)
        )
    if fresh:
        await db.execute(insert(SearchEntry), [{"hospital_id": hospital_id, **asdict(e)} for e in fresh])
    return len(fresh) + len(stale)


async def reindex_next(db: AsyncSession) -> int:
    """Index one hospital that has no entry, as after a change of what is compared; answers how many."""
    has_entry = exists().where(SearchEntry.hospital_id == Hospital.id)
    hospital_id = await db.scalar(select(Hospital.id).where(~has_entry).order_by(Hospital.id).limit(1))
    if hospital_id is None:
        return 0
    await reindex(db, hospital_id=hospital_id)
    return 1


async def _read(db: AsyncSession, hospital_id: int) -> _Catalogue:
    hospital = await db.get_one(Hospital, hospital_id)
    departments = await db.scalars(
        select(Department).where(Department.hospital_id == hospital_id, Department.is_active)
    )
    doctors = await db.scalars(select(Doctor).where(Doctor.hospital_id == hospital_id, Doctor.is_active))
    by_id = {row.id: row for row in departments}
    departments_of: dict[UUID, list[UUID]] = defaultdict(list)
    for link in await db.scalars(select(DoctorDepartment).where(DoctorDepartment.hospital_id == hospital_id)):
        if link.department_id in by_id:
            departments_of[link.doctor_id].append(link.department_id)
    return _Catalogue(
        hospital=hospital, departments=by_id, doctors=list(doctors), departments_of=departments_of
    )


def _entry(
    kind: EntryKind, entity_id: int | UUID | str, text: str, *, name: str, hint: str, position: int = 0
) -> _Entry:
    form = search_form(text)
    spelling = spelled(form)
    return _Entry(
        kind=kind,
        entity_id=str(entity_id),
        text=form,
        pinyin=spelling.pinyin,
        initials=spelling.initials,
        name=name,
        hint=hint,
        position=position,
    )


def _entries(catalogue: _Catalogue) -> Iterator[_Entry]:
    """Every entry, the better first where two have the same key."""
    hospital = catalogue.hospital
    yield _entry(
        EntryKind.HOSPITAL,
        hospital.id,
        hospital.name,
        name=hospital.name,
        hint=" ".join(filter(None, (hospital.level, hospital.city))),
    )
    for department in catalogue.departments.values():
        parent = catalogue.departments.get(department.parent_id) if department.parent_id else None
        hint = " ".join(filter(None, (parent.name if parent else "", department.place)))
        yield _entry(EntryKind.DEPARTMENT, department.id, department.name, name=department.name, hint=hint)
    for doctor in catalogue.doctors:
        yield from _doctor_entries(catalogue, doctor)
    yield from _disease_entries(catalogue)


def _doctor_entries(catalogue: _Catalogue, doctor: Doctor) -> Iterator[_Entry]:
    names = sorted(catalogue.departments[id_].name for id_ in catalogue.departments_of.get(doctor.id, ()))
    hint = " ".join(filter(None, (doctor.title, *names)))
    own = _entry(EntryKind.DOCTOR, doctor.id, doctor.name, name=doctor.name, hint=hint)
    for spelling in spellings_of_person(own.text):
        yield replace(own, pinyin=spelling.pinyin, initials=spelling.initials)
    for text in filter(None, (*doctor.diseases, doctor.skills)):
        yield _entry(
            EntryKind.DOCTOR, doctor.id, text, name=doctor.name, hint=hint, position=_AFTER_DEPARTMENTS
        )


def _disease_entries(catalogue: _Catalogue) -> Iterator[_Entry]:
    for department in catalogue.departments.values():
        for disease in department.diseases:
            yield _disease(department, disease, shown=disease, position=0)
    for doctor in catalogue.doctors:
        for id_ in catalogue.departments_of.get(doctor.id, ()):
            for disease in doctor.diseases:
                yield _disease(catalogue.departments[id_], disease, shown=disease, position=1)
    yield from _symptom_entries(catalogue)


def _symptom_entries(catalogue: _Catalogue) -> Iterator[_Entry]:
    by_code: dict[str, list[str]] = defaultdict(list)
    for department in catalogue.departments.values():
        if department.national_code:
            by_code[department.national_code].append(str(department.id))
    for symptom in symptoms():
        for number, found in enumerate(departments_for(symptom, by_code)):
            department = catalogue.departments[UUID(found)]
            for word in (symptom.name, *symptom.aliases):
                yield _disease(department, word, shown=symptom.name, position=2 + number)


def _disease(department: Department, word: str, *, shown: str, position: int) -> _Entry:
    return _entry(EntryKind.DISEASE, department.id, word, name=shown, hint=department.name, position=position)
