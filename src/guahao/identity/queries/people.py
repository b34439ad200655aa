"""People as staff find and recognise them: masked, one value opened at a time, found by exact values only."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from guahao.identity.models.account import Account
from guahao.identity.models.person import DocumentType, Patient, Person
from guahao.identity.policy.document import age_on
from guahao.identity.policy.finding import document_index, name_index, phone_index
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.masking import mask_document, mask_name, mask_phone
from guahao.kernel.sex import Sex

__all__ = ["DocumentType", "FoundPerson", "PatientValue", "ShownPatient", "age_on"]

_MOST_FOUND = 20


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


async def patient_shown(db: AsyncSession, *, patient_id: UUID, key_ring: KeyRing) -> ShownPatient:
    """One patient, deleted ones too, masked."""
    patient, person = await _patient(db, patient_id)
    return ShownPatient(
        patient_id=patient.id,
        person_id=person.id,
        is_enrolled_at_desk=patient.account_id is None,
        name=mask_name(_name(person, key_ring)),
        phone=_masked_phone(patient, key_ring),
        document_type=person.document_type,
        document_number=mask_document(_number(person, key_ring)),
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
            return _name(person, key_ring)
        case PatientValue.DOCUMENT_NUMBER:
            return _number(person, key_ring)
        case PatientValue.PHONE:
            return _phone(patient, key_ring)


async def people_with_number(db: AsyncSession, *, text: str, key_ring: KeyRing) -> list[FoundPerson]:
    """The people whose document number or phone is exactly this, with the desk's patient where enrolled."""
    written = _written(text)
    return await _found(db, or_(*_by_number(written, key_ring)), key_ring)


async def person_ids_matching(db: AsyncSession, *, text: str, key_ring: KeyRing) -> list[UUID]:
    """The people whose whole name, document number or phone is exactly this."""
    written = _written(text)
    by_name = Person.name_index == name_index(key_ring, written)
    found = await db.scalars(select(Person.id).where(or_(by_name, *_by_number(written, key_ring))))
    return list(found.all())


async def person_of(db: AsyncSession, *, patient_id: UUID) -> UUID:
    """The person behind a patient, deleted ones too. Raises `NotFound`."""
    person_id: UUID | None = await db.scalar(select(Patient.person_id).where(Patient.id == patient_id))
    if person_id is None:
        raise NotFound
    return person_id


async def people_by_ids(
    db: AsyncSession, person_ids: Collection[UUID], *, key_ring: KeyRing
) -> list[FoundPerson]:
    """These people, masked."""
    return await _found(db, Person.id.in_(person_ids), key_ring)


def _written(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace(" ", "").upper()


def _by_number(written: str, key_ring: KeyRing) -> list[ColumnElement[bool]]:
    phone = phone_index(key_ring, written)
    by_account = select(Patient.person_id).join(Account, Account.id == Patient.account_id)
    by_patient = select(Patient.person_id).where(Patient.phone_index == phone, Patient.deleted_at.is_(None))
    documents = [document_index(key_ring, kind.value, written) for kind in DocumentType]
    return [
        Person.document_index.in_(documents),
        Person.id.in_(by_patient),
        Person.id.in_(by_account.where(Account.phone_index == phone, Patient.deleted_at.is_(None))),
    ]


async def _found(db: AsyncSession, wanted: ColumnElement[bool], key_ring: KeyRing) -> list[FoundPerson]:
    rows = await db.execute(_people(wanted))
    return [
        FoundPerson(
            person_id=person.id,
            patient_id=patient.id if patient else None,
            name=mask_name(_name(person, key_ring)),
            phone=_masked_phone(patient, key_ring) if patient else None,
            document_type=person.document_type,
            document_number=mask_document(_number(person, key_ring)),
            birth_date=person.birth_date,
            sex=person.sex,
        )
        for person, patient in rows
    ]


def _people(wanted: ColumnElement[bool]) -> Select[Person, Patient | None]:
    at_desk = (Patient.person_id == Person.id) & Patient.account_id.is_(None) & Patient.deleted_at.is_(None)
    listed = aliased(Patient)
    is_listed = exists().where(listed.person_id == Person.id)
    return (
        select(Person, Patient)
        .outerjoin(Patient, at_desk)
        .where(wanted, is_listed)
        .order_by(Person.id)
        .limit(_MOST_FOUND)
    )


async def _patient(db: AsyncSession, patient_id: UUID) -> tuple[Patient, Person]:
    rows = await db.execute(
        select(Patient, Person).join(Person, Person.id == Patient.person_id).where(Patient.id == patient_id)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


def _name(person: Person, key_ring: KeyRing) -> str:
    return key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)


def _number(person: Person, key_ring: KeyRing) -> str:
    return key_ring.open(person.document_sealed, field="person.document_sealed", row=person.id)


def _phone(patient: Patient, key_ring: KeyRing) -> str | None:
    if patient.phone_sealed is None:
        return None
    return key_ring.open(patient.phone_sealed, field="patient.phone_sealed", row=patient.id)


def _masked_phone(patient: Patient, key_ring: KeyRing) -> str | None:
    phone = _phone(patient, key_ring)
    return mask_phone(phone) if phone else None
