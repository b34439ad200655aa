"""Enrolling a person at a hospital's desk: somebody without a phone books through staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import Patient, Relation
from guahao.identity.policy.document import OWN_CONSENT, Identity
from guahao.identity.policy.finding import phone_index
from guahao.identity.queries.patients import PatientFacts, lock_patients
from guahao.identity.service.consents import Accepted, ConsentRequired, Giver, check_versions, keep_consent
from guahao.identity.service.persons import keep_person
from guahao.kernel.clock import age_on, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.ids import new_id


async def enrol_person(
    db: AsyncSession,
    *,
    staff_id: UUID,
    hospital_id: int,
    identity: Identity,
    phone: str | None,
    accepted: Sequence[Accepted],
    key_ring: KeyRing,
    now: datetime,
) -> PatientFacts:
    """Answer the locked patient, without account, of a person whose document staff hold in their hands.

    The same person is enrolled once at a hospital, however often it is asked; the given phone replaces
    the one this hospital had before, and no other's. What the person signed at the counter comes as
    `accepted`. Raises `ConsentRequired`, `ConsentVersionOutdated`, and `IdentityNotVerified` when the
    document is known under another name.
    """
    _require_consents(
        accepted, is_child=age_on(local_date(now), birth_date=identity.birth_date) < OWN_CONSENT
    )
    person = await keep_person(db, key_ring=key_ring, identity=identity, is_verified=True, now=now)
    patient = await _desk_patient(db, hospital_id=hospital_id, person_id=person.id)
    if phone is not None:
        patient.phone_sealed = key_ring.seal(phone, field="patient.phone_sealed", row=patient.id)
        patient.phone_index = phone_index(key_ring, phone)
    for one in accepted:
        await keep_consent(db, giver=Giver(patient_id=patient.id, staff_id=staff_id), kind=one.kind)
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=f"staff:{staff_id}",
            action="patient.enrol",
            subject=f"patient:{patient.id}",
        ),
    )
    await db.flush()
    return (await lock_patients(db, [(None, patient.id)]))[None, patient.id]


def _require_consents(accepted: Sequence[Accepted], *, is_child: bool) -> None:
    check_versions(accepted)
    given = {one.kind for one in accepted}
    needed = [
        ConsentKind.SENSITIVE_PERSONAL_INFORMATION,
        *([ConsentKind.CHILD_SENSITIVE] if is_child else []),
    ]
    for kind in needed:
        if kind not in given:
            raise ConsentRequired(kind)


async def _desk_patient(db: AsyncSession, *, hospital_id: int, person_id: UUID) -> Patient:
    """Find or make the hospital's own patient; the person is locked, so nobody makes another."""
    wanted = select(Patient).where(
        Patient.hospital_id == hospital_id, Patient.person_id == person_id, Patient.deleted_at.is_(None)
    )
    found = await db.scalar(wanted)
    if found is None:
        found = Patient(
            id=new_id(),
            account_id=None,
            hospital_id=hospital_id,
            person_id=person_id,
            relation=Relation.SELF,
        )
        db.add(found)
        await db.flush()
    return found
