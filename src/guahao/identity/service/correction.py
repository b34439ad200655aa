"""Correcting a misspelt name or a document that was replaced, at a desk or by the account's own holder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEvent, SecurityEventKind
from guahao.identity.policy import document
from guahao.identity.policy.correction import (
    CorrectedField,
    Correction,
    CorrectionIsAnotherPerson,
    Evidence,
    corrected_fields,
    is_provable_online,
    require_same_human,
)
from guahao.identity.policy.document import Identity
from guahao.identity.policy.finding import VALUE_FORMS, document_index, name_index
from guahao.identity.ports.verification import Verdict
from guahao.identity.queries.patients import lock_person
from guahao.identity.queries.people import enrolled_at
from guahao.identity.service.consents import lock_account
from guahao.identity.service.patients import live_patient
from guahao.identity.service.person_quota import Quota, spend_quota
from guahao.identity.service.persons import IdentityNotVerified, find_person
from guahao.identity.service.security_event import Owner, tell
from guahao.kernel.clock import CHINA, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import constraint_of
from guahao.kernel.errors import NotFound, Problem

__all__ = [
    "DETAIL_PROBLEMS",
    "CorrectedField",
    "Correction",
    "CorrectionIsAnotherPerson",
    "Evidence",
    "correct_person",
]

AGAIN_AFTER = timedelta(days=7)


class DocumentOfAnotherPerson(Problem):
    """The document is that of a person who is known already; two persons are never made one."""

    code = "document-of-another-person"
    status = 409


class CorrectionNeedsDesk(Problem):
    """Others rely on the person, or name and number alone do not prove the change: papers are needed."""

    code = "correction-needs-desk"
    status = 409


class CorrectionTooSoon(Problem):
    """The patient was corrected less than seven days ago; it works again at `again_at`."""

    code = "correction-too-soon"
    status = 409

    def __init__(self, again_at: datetime) -> None:
        """Name the moment, for the client and for a person."""
        local = again_at.astimezone(CHINA)
        super().__init__(again_at=local.isoformat(), when=f"{local:%Y-%m-%d %H:%M}")


DETAIL_PROBLEMS = (
    document.DocumentNumberInvalid,
    document.BirthDetailsContradict,
    document.BirthDateInvalid,
    document.BirthCertificateTooOld,
    document.PersonNameInvalid,
    CorrectionIsAnotherPerson,
    DocumentOfAnotherPerson,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The person as known from now on, and what became another value; nothing when all was right before."""

    identity: Identity
    fields: Sequence[CorrectedField]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskProof:
    """Who at which desk saw what, and why it was wrong before."""

    staff_id: UUID
    hospital_id: int
    evidence: Evidence
    reason: str


async def correct_person(
    db: AsyncSession,
    *,
    person_id: UUID,
    correction: Correction,
    proof: DeskProof,
    quota: Quota,
    key_ring: KeyRing,
    now: datetime,
) -> Corrected:
    """Write what staff read in the papers of a person, whom the caller knows to be of this hospital.

    The same values again change, count and tell nothing. Otherwise one of `quota` is spent, every account
    that lists the person is told, and the trail of this hospital, and of others at whose desk the person
    is enrolled, says who saw what and which fields it concerned, never a value. Corrections of one person
    go one after the other; appointments stand. Raises `NotFound`, `PersonQuotaSpent`, `DETAIL_PROBLEMS`.
    """
    person, known = await _locked(db, person_id, key_ring)
    new = correction.applied(known, today=local_date(now))
    fields = corrected_fields(known, new)
    if not fields:
        return Corrected(identity=known, fields=fields)
    require_same_human(known, new)
    await _rewrite(db, person, new, key_ring=key_ring, now=now)
    await spend_quota(db, quota=quota, hospital_id=proof.hospital_id, staff_id=proof.staff_id, now=now)
    await _tell_accounts(db, person_id, now=now)
    await record(db, *await _entries(db, person_id, fields, proof))
    return Corrected(identity=new, fields=fields)


async def provable_identity(
    db: AsyncSession,
    *,
    account_id: UUID,
    patient_id: UUID,
    correction: Correction,
    key_ring: KeyRing,
    now: datetime,
) -> Identity | None:
    """What the authority shall be asked about before `correct_own`; None when nothing would change.

    Changes nothing. Raises what `correct_own` raises.
    """
    _, person = await live_patient(db, account_id=account_id, patient_id=patient_id)
    known = _identity(person, key_ring)
    new = correction.applied(known, today=local_date(now))
    if not corrected_fields(known, new):
        return None
    await _require_own(db, account_id=account_id, patient_id=patient_id, known=known, new=new, now=now)
    return new


async def correct_own(
    db: AsyncSession,
    *,
    account_id: UUID,
    patient_id: UUID,
    new: Identity,
    verdict: Verdict,
    key_ring: KeyRing,
    now: datetime,
) -> tuple[Patient, Person]:
    """Write another name or document of a patient that the authority has just confirmed.

    Only while nobody else relies on the person: no other account has or had them, no desk enrolled them.
    Raises `NotFound`, `IdentityNotVerified`, `CorrectionNeedsDesk`, `CorrectionTooSoon`, `DETAIL_PROBLEMS`.
    """
    if verdict is Verdict.MISMATCH:
        raise IdentityNotVerified
    if verdict is Verdict.UNDECIDED:
        raise CorrectionNeedsDesk
    await lock_account(db, account_id=account_id)
    patient, listed = await live_patient(db, account_id=account_id, patient_id=patient_id)
    person, known = await _locked(db, listed.id, key_ring)
    fields = corrected_fields(known, new)
    if not fields:
        return patient, person
    await _require_own(db, account_id=account_id, patient_id=patient_id, known=known, new=new, now=now)
    await _rewrite(db, person, new, key_ring=key_ring, now=now)
    await _tell_accounts(db, person.id, now=now)
    entry = AuditEntry(
        actor=f"account:{account_id}",
        action="patient.correct",
        subject=f"patient:{patient_id}",
        data={"fields": [field.value for field in fields]},
    )
    await record(db, entry)
    return patient, person


async def _require_own(
    db: AsyncSession, *, account_id: UUID, patient_id: UUID, known: Identity, new: Identity, now: datetime
) -> None:
    other = Patient.account_id.is_distinct_from(account_id)
    mine = select(Patient.person_id).where(Patient.id == patient_id).scalar_subquery()
    is_relied_on = await db.scalar(select(exists().where(Patient.person_id == mine, other)))
    if is_relied_on or not is_provable_online(known, new):
        raise CorrectionNeedsDesk
    last = await db.scalar(
        select(func.max(SecurityEvent.at)).where(
            SecurityEvent.account_id == account_id,
            SecurityEvent.patient_id == patient_id,
            SecurityEvent.kind == SecurityEventKind.PATIENT_CORRECTED,
        )
    )
    if last is not None and last + AGAIN_AFTER > now:
        raise CorrectionTooSoon(last + AGAIN_AFTER)


async def _locked(db: AsyncSession, person_id: UUID, key_ring: KeyRing) -> tuple[Person, Identity]:
    """The person, locked against being listed, booked for or corrected meanwhile."""
    person = await db.scalar(
        select(Person)
        .where(Person.id == person_id, Person.forgotten_at.is_(None))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if person is None:
        raise NotFound
    await lock_person(db, person_id=person_id)
    return person, _identity(person, key_ring)


def _identity(person: Person, key_ring: KeyRing) -> Identity:
    return Identity(
        document_type=person.document_type,
        number=key_ring.open(person.document_sealed, field="person.document_sealed", row=person.id),
        name=key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id),
        birth_date=person.birth_date,
        sex=person.sex,
    )


async def _rewrite(
    db: AsyncSession, person: Person, new: Identity, *, key_ring: KeyRing, now: datetime
) -> None:
    """Seal and index the new values; of two persons who get one document at once, one is refused."""
    other = await find_person(db, key_ring=key_ring, identity=new)
    if other is not None and other.id != person.id:
        raise DocumentOfAnotherPerson
    person.document_type = new.document_type
    person.document_index = document_index(key_ring, new.document_type, new.number)
    person.document_sealed = key_ring.seal(new.number, field="person.document_sealed", row=person.id)
    person.name_sealed = key_ring.seal(new.name, field="person.name_sealed", row=person.id)
    person.name_index = name_index(key_ring, new.name)
    person.birth_date, person.sex = new.birth_date, new.sex
    person.verified_at, person.value_forms = person.verified_at or now, VALUE_FORMS
    try:
        await db.flush()
    except IntegrityError as error:
        if constraint_of(error) != "person_document_key":
            raise
        raise DocumentOfAnotherPerson from error


async def _tell_accounts(db: AsyncSession, person_id: UUID, *, now: datetime) -> None:
    listings = await db.execute(
        select(Patient.id, Patient.account_id)
        .where(Patient.person_id == person_id, Patient.account_id.is_not(None), Patient.deleted_at.is_(None))
        .order_by(Patient.id)
    )
    for patient_id, account_id in listings.all():
        owner = Owner(account_id=account_id)
        await tell(db, owner=owner, kind=SecurityEventKind.PATIENT_CORRECTED, patient_id=patient_id, now=now)


async def _entries(
    db: AsyncSession, person_id: UUID, fields: Sequence[CorrectedField], proof: DeskProof
) -> list[AuditEntry]:
    actor, subject = f"staff:{proof.staff_id}", f"person:{person_id}"
    data = {
        "fields": [field.value for field in fields],
        "evidence": proof.evidence.value,
        "reason": proof.reason,
    }
    here = AuditEntry(
        hospital_id=proof.hospital_id, actor=actor, action="person.correct", subject=subject, data=data
    )
    told = {**data, "by_hospital": proof.hospital_id}
    return [
        here,
        *(
            AuditEntry(hospital_id=other, actor=actor, action="person.correct", subject=subject, data=told)
            for other in await enrolled_at(db, person_id=person_id)
            if other != proof.hospital_id
        ),
    ]
