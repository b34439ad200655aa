"""Patients as booking, lists and screens need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent, ConsentKind
from guahao.identity.models.person import DocumentType, Patient, Person
from guahao.identity.policy.document import GROWN_UP, OWN_CONSENT
from guahao.kernel.clock import CHINA, age_on
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


_PATIENT, _PERSON, _CONSENT = Patient.__table__.c, Person.__table__.c, Consent.__table__.c

_pair = (
    func.unnest(bindparam("accounts", type_=ARRAY(Uuid)), bindparam("patients", type_=ARRAY(Uuid)))
    .table_valued(column("account_id", Uuid), column("patient_id", Uuid), name="pair")
    .render_derived()
)
_account_consents = exists().where(
    _CONSENT.account_id == _PATIENT.account_id,
    _CONSENT.kind == ConsentKind.SENSITIVE_PERSONAL_INFORMATION,
    _CONSENT.patient_id.is_(None),
    _CONSENT.ended_at.is_(None),
)
_guardian_consents = exists().where(
    _CONSENT.patient_id == _PATIENT.id,
    _CONSENT.kind == ConsentKind.CHILD_SENSITIVE,
    _CONSENT.ended_at.is_(None),
)
_today = cast(func.timezone(CHINA.key, func.now()), Date)
_is_child = _PERSON.birth_date > _today - func.make_interval(OWN_CONSENT)
_wanted = (
    select(
        _PATIENT.id.label("patient_id"),
        _PATIENT.account_id,
        _PATIENT.person_id,
        _PERSON.birth_date,
        _PERSON.sex,
        _PERSON.verified_at.is_not(None).label("verified"),
        or_(
            _PATIENT.account_id.is_(None), and_(_account_consents, or_(~_is_child, _guardian_consents))
        ).label("consented"),
    )
    .join(_pair, _PATIENT.id == _pair.c.patient_id)
    .join(Person.__table__, _PERSON.id == _PATIENT.person_id)
    .where(_PATIENT.account_id.is_not_distinct_from(_pair.c.account_id), _PATIENT.deleted_at.is_(None))
    .cte("wanted")
)


def person_lock(person_id: ColumnElement[UUID]) -> ColumnElement[int]:
    """The number of a person's advisory lock, computed where the rows are."""
    return func.hashtextextended(cast(person_id, Text), 0)


_in_order = select(_wanted.c.person_id).distinct().order_by(_wanted.c.person_id).subquery("in_order")
_locked = select(func.count(func.pg_advisory_xact_lock(person_lock(_in_order.c.person_id))).label("n")).cte(
    "locked"
)
_LOCK = HotStatement(select(_wanted).join(_locked, true()))


async def lock_patients(
    db: AsyncSession, pairs: Sequence[tuple[UUID | None, UUID]]
) -> dict[tuple[UUID | None, UUID], PatientFacts]:
    """Lock the persons behind (account, patient) pairs until the transaction ends, and answer the facts.

    One round trip. Transactions that concern the same person, through whichever account, go one after
    the other; persons are locked in one order, so two callers cannot block each other. A pair whose
    patient is deleted, unknown or not in that account is absent from the answer. The account is None
    for patients enrolled at a desk. Read whatever depends on the lock in a later statement.
    """
    bound = {"accounts": [account for account, _ in pairs], "patients": [patient for _, patient in pairs]}
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
    number = person_lock(literal(person_id, Uuid))
    await db.execute(select(func.pg_advisory_xact_lock(number)))


async def patients_of(db: AsyncSession, *, account_id: UUID) -> list[tuple[Patient, Person]]:
    """The live patients of an account, the oldest first."""
    rows = await db.execute(
        select(Patient, Person)
        .join(Person, Person.id == Patient.person_id)
        .where(Patient.account_id == account_id, Patient.deleted_at.is_(None))
        .order_by(Patient.id)
    )
    return [(patient, person) for patient, person in rows]
