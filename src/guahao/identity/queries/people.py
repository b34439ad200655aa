"""People as staff find and recognise them: masked, one value opened at a time, found by exact values only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, exists, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from guahao.identity.models.account import Account
from guahao.identity.models.person import DocumentType, Patient, Person
from guahao.identity.policy.finding import document_index, name_index, phone_index
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.masking import mask_document, mask_name, mask_phone, shown
from guahao.kernel.sex import Sex

__all__ = ["DocumentType", "FoundPerson", "PatientValue", "ShownPatient"]

_MOST_SHOWN = 20


class PatientValue(StrEnum):
    """A personal value of a patient that staff may ask to see in full."""

    NAME = "name"
    PHONE = "phone"
    DOCUMENT_NUMBER = "document_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPatient:
    """A patient as a page shows them; name, phone and number are masked."""

    patient_id: UUID
    person_id: UUID
    is_enrolled_at_desk: bool
    name: str
    phone: str | None
    document_type: DocumentType
    document_number: str
    birth_date: date
    sex: Sex
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """A person found by an exact value, masked; `patient_id` is whom the desk books for, if enrolled."""

    person_id: UUID
    patient_id: UUID | None
    name: str
    phone: str | None
    document_type: DocumentType
    document_number: str
    birth_date: date
    sex: Sex


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPeople:
    """The first 20 of those who were found, and whether there are more."""

    people: list[FoundPerson]
    has_more: bool


async def patient_shown(db: AsyncSession, *, patient_id: UUID, key_ring: KeyRing) -> ShownPatient:
    """One patient, deleted ones too, masked."""
    patient, person = await _patient(db, patient_id)
    return ShownPatient(
        patient_id=patient.id,
        person_id=person.id,
        is_enrolled_at_desk=patient.account_id is None,
        name=_masked_name(person, key_ring),
        phone=_masked_phone(patient, key_ring),
        document_type=person.document_type,
        document_number=_masked_number(person, key_ring),
        birth_date=person.birth_date,
        sex=person.sex,
        is_verified=person.verified_at is not None,
    )


async def opened_value(
    db: AsyncSession, *, patient_id: UUID, value: PatientValue, key_ring: KeyRing
) -> str | None:
    """One personal value in full; None where none is known. The caller records who looked."""
    patient, person = await _patient(db, patient_id)
    match value:
        case PatientValue.NAME:
            return key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)
        case PatientValue.DOCUMENT_NUMBER:
            return key_ring.open(person.document_sealed, field="person.document_sealed", row=person.id)
        case PatientValue.PHONE if patient.phone_sealed is None:
            return None
        case PatientValue.PHONE:
            return key_ring.open(patient.phone_sealed, field="patient.phone_sealed", row=patient.id)


def people_numbered(text: str, *, hospital_id: int, key_ring: KeyRing) -> CompoundSelect[UUID]:
    """The ids of all people whose document number or phone is exactly this, as `people_sought`."""
    return union(*_by_number(text, key_ring, hospital_id=hospital_id))


def enrolled_people(*, hospital_id: int, among: CompoundSelect[UUID]) -> Select[UUID]:
    """Those of some people who are enrolled at a hospital's desk."""
    return select(Patient.person_id).where(
        Patient.hospital_id == hospital_id, Patient.deleted_at.is_(None), Patient.person_id.in_(among)
    )


async def people_anywhere(db: AsyncSession, *, text: str, hospital_id: int, key_ring: KeyRing) -> FoundPeople:
    """The people of the whole platform with this document number or phone, masked.

    `patient_id` is of the asking hospital's desk. Who looks needs a reason; it is counted and recorded.
    """
    numbered = union(*_by_number(text, key_ring, hospital_id=None))
    return await _found(db, Person.id.in_(numbered), key_ring, hospital_id=hospital_id)


async def enrolled_at(db: AsyncSession, *, person_id: UUID) -> list[int]:
    """The hospitals at whose desk a person is enrolled."""
    rows = await db.scalars(
        select(Patient.hospital_id)
        .where(Patient.person_id == person_id, Patient.hospital_id.is_not(None), Patient.deleted_at.is_(None))
        .order_by(Patient.hospital_id)
    )
    return [hospital_id for hospital_id in rows if hospital_id is not None]


async def require_enrolled(db: AsyncSession, *, patient_id: UUID, hospital_id: int) -> None:
    """Raise `NotFound` for a patient who is not enrolled at this hospital's desk."""
    enrolled = exists().where(Patient.id == patient_id, Patient.hospital_id == hospital_id)
    if not await db.scalar(select(enrolled)):
        raise NotFound


def people_sought(text: str, *, hospital_id: int, key_ring: KeyRing) -> CompoundSelect[UUID]:
    """The ids of all people whose whole name, document number or phone is exactly this.

    A phone is one of an account or one given to this hospital, never what another hospital was given.

    To be part of another statement: a common name is that of thousands. Each way to find somebody is a
    select of its own, so that each has its index.
    """
    by_name = select(Person.id).where(Person.name_index == name_index(key_ring, text))
    return union(by_name, *_by_number(text, key_ring, hospital_id=hospital_id))


async def person_of(db: AsyncSession, *, patient_id: UUID) -> UUID:
    """The person behind a patient, deleted ones too. Raises `NotFound`."""
    person_id: UUID | None = await db.scalar(select(Patient.person_id).where(Patient.id == patient_id))
    if person_id is None:
        raise NotFound
    return person_id


async def people_shown(
    db: AsyncSession, wanted: Select[UUID] | CompoundSelect[UUID], *, hospital_id: int, key_ring: KeyRing
) -> FoundPeople:
    """The people with these ids, masked, with the patient of this hospital's desk."""
    return await _found(db, Person.id.in_(wanted), key_ring, hospital_id=hospital_id)


async def people_by_ids(
    db: AsyncSession, person_ids: Collection[UUID], *, hospital_id: int, key_ring: KeyRing
) -> dict[UUID, FoundPerson]:
    """A page of people, masked, with the patient of this hospital's desk."""
    rows = await db.execute(_at_desk(hospital_id).where(Person.id.in_(person_ids)))
    return {person.id: _masked(person, patient, key_ring) for person, patient in rows}


def _by_number(text: str, key_ring: KeyRing, *, hospital_id: int | None) -> list[Select[UUID]]:
    phone = phone_index(key_ring, text)
    is_listed: ColumnElement[bool] = Patient.deleted_at.is_(None)
    if hospital_id is not None:
        is_listed = and_(is_listed, or_(Patient.hospital_id.is_(None), Patient.hospital_id == hospital_id))
    documents = [
        and_(Person.document_type == kind, Person.document_index == document_index(key_ring, kind, text))
        for kind in DocumentType
    ]
    by_account = select(Patient.person_id).join(Account, Account.id == Patient.account_id)
    return [
        select(Person.id).where(or_(*documents)),
        select(Patient.person_id).where(Patient.phone_index == phone, is_listed),
        by_account.where(Account.phone_index == phone, is_listed),
    ]


async def _found(
    db: AsyncSession, wanted: ColumnElement[bool], key_ring: KeyRing, *, hospital_id: int
) -> FoundPeople:
    rows = (await db.execute(_people(wanted, hospital_id))).all()
    people = [_masked(person, patient, key_ring) for person, patient in rows[:_MOST_SHOWN]]
    return FoundPeople(people=people, has_more=len(rows) > _MOST_SHOWN)


def _people(wanted: ColumnElement[bool], hospital_id: int) -> Select[Person, Patient | None]:
    listed = aliased(Patient)
    is_listed = exists().where(listed.person_id == Person.id)
    return _at_desk(hospital_id).where(wanted, is_listed).order_by(Person.id).limit(_MOST_SHOWN + 1)


def _at_desk(hospital_id: int) -> Select[Person, Patient | None]:
    """Persons, each with the patient of this hospital's desk."""
    at_desk = and_(
        Patient.person_id == Person.id, Patient.hospital_id == hospital_id, Patient.deleted_at.is_(None)
    )
    return select(Person, Patient).outerjoin(Patient, at_desk)


def _masked(person: Person, patient: Patient | None, key_ring: KeyRing) -> FoundPerson:
    return FoundPerson(
        person_id=person.id,
        patient_id=patient.id if patient else None,
        name=_masked_name(person, key_ring),
        phone=_masked_phone(patient, key_ring) if patient else None,
        document_type=person.document_type,
        document_number=_masked_number(person, key_ring),
        birth_date=person.birth_date,
        sex=person.sex,
    )


async def _patient(db: AsyncSession, patient_id: UUID) -> tuple[Patient, Person]:
    rows = await db.execute(
        select(Patient, Person).join(Person, Person.id == Patient.person_id).where(Patient.id == patient_id)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


def _masked_name(person: Person, key_ring: KeyRing) -> str:
    name = key_ring.open_shown(person.name_sealed, field="person.name_sealed", row=person.id)
    return shown(name, mask_name)


def _masked_number(person: Person, key_ring: KeyRing) -> str:
    number = key_ring.open_shown(person.document_sealed, field="person.document_sealed", row=person.id)
    return shown(number, mask_document)


def _masked_phone(patient: Patient, key_ring: KeyRing) -> str | None:
    if patient.phone_sealed is None:
        return None
    phone = key_ring.open_shown(patient.phone_sealed, field="patient.phone_sealed", row=patient.id)
    return shown(phone, mask_phone)
