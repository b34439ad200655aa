"""Patients as booking, lists and screens need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from guahao.identity.models.person import DocumentType, Patient, Person
from guahao.identity.policy.document import GROWN_UP, OWN_CONSENT
from guahao.kernel.clock import age_on
from guahao.kernel.db import HotStatement
from guahao.kernel.sex import Sex


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFacts:
    """What the rules of booking ask about a patient; `consented` is false after a withdrawal."""

    patient_id: UUID
    person_id: UUID
    birth_date: date
    sex: Sex
    verified: bool
    consented: bool


_COLUMNS: dict[str, TypeEngine[Any]] = {
    "patient_id": Uuid(),
    "account_id": Uuid(),
    "person_id": Uuid(),
    "birth_date": Date(),
    "sex": Text(),
    "verified": Boolean(),
    "consented": Boolean(),
}
_facts = (
    func.lock_patients(
        bindparam("accounts", type_=ARRAY(Uuid)),
        bindparam("patients", type_=ARRAY(Uuid)),
        bindparam("own_consent_years", type_=Integer),
    )
    .table_valued(*(column(name, kind) for name, kind in _COLUMNS.items()), name="facts")
    .render_derived()
)
_LOCK = HotStatement(select(*(_facts.c[name] for name in _COLUMNS)))


async def lock_patients(
    db: AsyncSession, pairs: Sequence[tuple[UUID | None, UUID]]
) -> dict[tuple[UUID | None, UUID], PatientFacts]:
    """Lock the persons behind (account, patient) pairs until the transaction ends, and answer the facts.

    One round trip: a function of the database waits for the locks and reads the facts afterwards, so
    that a patient who was deleted or a consent that was withdrawn meanwhile is known. Transactions
    that concern the same person, through whichever account, go one after the other; persons are locked
    in one order, so two callers cannot block each other. A pair whose patient is deleted, unknown or
    not in that account is absent from the answer. The account is None for patients enrolled at a desk.
    Read whatever else depends on the lock in a later statement.
    """
    bound = {
        "accounts": [account for account, _ in pairs],
        "patients": [patient for _, patient in pairs],
        "own_consent_years": OWN_CONSENT,
    }
    rows = await _LOCK.rows(db, bound)
    return {
        (row.account_id, row.patient_id): PatientFacts(
            patient_id=row.patient_id,
            person_id=row.person_id,
            birth_date=row.birth_date,
            sex=Sex(row.sex),
            verified=row.verified,
            consented=row.consented,
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """Which kind of document a patient shows at the hospital, never its number."""

    kind: DocumentType
    birth_date: date

    def is_minor_on(self, day: date) -> bool:
        """Whether a guardian comes along on this day."""
        return age_on(day, birth_date=self.birth_date) < GROWN_UP


async def document_of(db: AsyncSession, *, patient_id: UUID) -> ShownDocument:
    """The document of a patient, deleted ones too."""
    rows = await db.execute(
        select(Person.document_type, Person.birth_date)
        .join(Patient, Patient.person_id == Person.id)
        .where(Patient.id == patient_id)
    )
    row = rows.one()
    return ShownDocument(kind=row.document_type, birth_date=row.birth_date)


async def lock_person(db: AsyncSession, *, person_id: UUID) -> None:
    """Wait for whoever has this person locked by `lock_patients`, and lock it."""
    await db.execute(select(func.pg_advisory_xact_lock(_lock_number(literal(person_id, Uuid)))))


async def lock_listed_persons(db: AsyncSession, *, account_id: UUID, patient_id: UUID | None) -> None:
    """Lock the persons of an account's live patients, or of one of them, in the order of `lock_patients`.

    For what decides about booking besides the patient, such as a consent.
    """
    listed = select(Patient.person_id).where(Patient.account_id == account_id, Patient.deleted_at.is_(None))
    if patient_id is not None:
        listed = listed.where(Patient.id == patient_id)
    persons = listed.distinct().order_by(Patient.person_id).subquery("listed")
    await db.execute(select(func.count(func.pg_advisory_xact_lock(_lock_number(persons.c.person_id)))))


def _lock_number(person_id: ColumnElement[UUID]) -> ColumnElement[int]:
    """The number of a person's advisory lock, the one that the function `lock_patients` computes."""
    return func.hashtextextended(cast(person_id, Text), 0)


async def releases_of(db: AsyncSession, *, account_id: UUID, since: datetime) -> list[tuple[Patient, Person]]:
    """Whom their owner or a hospital took out of an account since then, the newest first."""
    rows = await db.execute(
        select(Patient, Person)
        .join(Person, Person.id == Patient.person_id)
        .where(
            Patient.account_id == account_id,
            Patient.released_by.is_not(None),
            Patient.deleted_at >= since,
        )
        .order_by(Patient.deleted_at.desc(), Patient.id)
    )
    return [(patient, person) for patient, person in rows]


async def patients_of(db: AsyncSession, *, account_id: UUID) -> list[tuple[Patient, Person]]:
    """The live patients of an account, the oldest first."""
    rows = await db.execute(
        select(Patient, Person)
        .join(Person, Person.id == Patient.person_id)
        .where(Patient.account_id == account_id, Patient.deleted_at.is_(None))
        .order_by(Patient.id)
    )
    return [(patient, person) for patient, person in rows]
