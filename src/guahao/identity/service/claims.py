"""A person takes themself back from accounts of others, or a hospital releases them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient, Person, Releaser
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.queries.patients import lock_person
from guahao.identity.service.consents import lock_account
from guahao.identity.service.patients import NewPatient, PatientAlreadyAdded, add_patient, live_patient
from guahao.identity.service.persons import keep_person
from guahao.identity.service.security_event import Owner, tell
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Problem


class ClaimNotProven(Problem):
    """The account's phone is not one that a hospital wrote down with the person's document in hand."""

    code = "claim-not-proven"
    status = 409


async def claim_person(
    db: AsyncSession,
    *,
    account_id: UUID,
    new: NewPatient,
    is_verified: bool,
    key_ring: KeyRing,
    now: datetime,
) -> tuple[Patient, Person]:
    """List the account's holder as themself, and take them out of every other account.

    Who somebody is, name and number alone do not prove: strangers may know them. The proof is the phone
    of the account, itself proven by a code, when a hospital's desk wrote down the same one for this
    person. Appointments stay where they are; all who are concerned see what happened. Raises
    `ClaimNotProven` and what `add_patient` raises, but not `PersonInTooManyAccounts`.
    """
    await lock_account(db, account_id=account_id)
    person = await keep_person(db, key_ring=key_ring, identity=new.identity, is_verified=is_verified, now=now)
    await _require_own_phone(db, account_id=account_id, person_id=person.id)
    await lock_person(db, person_id=person.id)
    others = await _listings(db, person_id=person.id, but=account_id)
    await _release(db, others, by=Releaser.OWNER, actor=f"account:{account_id}", now=now)
    try:
        return await add_patient(
            db, account_id=account_id, new=new, is_verified=is_verified, key_ring=key_ring, now=now
        )
    except PatientAlreadyAdded:
        mine = await _listings(db, person_id=person.id, but=None)
        return await live_patient(
            db,
            account_id=account_id,
            patient_id=next(patient.id for patient in mine if patient.account_id == account_id),
        )


async def _require_own_phone(db: AsyncSession, *, account_id: UUID, person_id: UUID) -> None:
    proven = exists().where(
        Account.id == account_id,
        Patient.person_id == person_id,
        Patient.hospital_id.is_not(None),
        Patient.deleted_at.is_(None),
        Patient.phone_index == Account.phone_index,
    )
    if not await db.scalar(select(proven)):
        raise ClaimNotProven


async def listings_of(db: AsyncSession, *, patient_id: UUID, hospital_id: int) -> Sequence[Patient]:
    """The accounts that list somebody enrolled at this hospital's desk. Raises `NotFound`."""
    person_id = await _enrolled(db, patient_id=patient_id, hospital_id=hospital_id)
    return await _listings(db, person_id=person_id, but=None)


async def release_person(
    db: AsyncSession,
    *,
    patient_id: UUID,
    hospital_id: int,
    listing_ids: Collection[UUID],
    reason: str,
    staff_id: UUID,
    now: datetime,
) -> int:
    """Take somebody enrolled at this desk out of the named accounts; answers out of how many.

    The holder of each account and the person see who did it; the reason is in the hospital's trail. Doing it
    twice changes nothing. Raises `NotFound`.
    """
    person_id = await _enrolled(db, patient_id=patient_id, hospital_id=hospital_id)
    await lock_person(db, person_id=person_id)
    listed = await _listings(db, person_id=person_id, but=None)
    chosen = [patient for patient in listed if patient.id in listing_ids]
    for patient in chosen:
        patient.release_hospital_id, patient.release_staff_id = hospital_id, staff_id
        patient.release_reason = reason
    actor = f"staff:{staff_id}"
    await _release(db, chosen, by=Releaser.HOSPITAL, actor=actor, now=now)
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=actor,
            action="person.release",
            subject=f"person:{person_id}",
            data={"reason": reason, "accounts": len(chosen)},
        ),
    )
    return len(chosen)


async def _enrolled(db: AsyncSession, *, patient_id: UUID, hospital_id: int) -> UUID:
    person_id: UUID | None = await db.scalar(
        select(Patient.person_id).where(
            Patient.id == patient_id, Patient.hospital_id == hospital_id, Patient.deleted_at.is_(None)
        )
    )
    if person_id is None:
        raise NotFound
    return person_id


async def _listings(db: AsyncSession, *, person_id: UUID, but: UUID | None) -> Sequence[Patient]:
    wanted = select(Patient).where(
        Patient.person_id == person_id, Patient.account_id.is_not(None), Patient.deleted_at.is_(None)
    )
    if but is not None:
        wanted = wanted.where(Patient.account_id != but)
    rows = await db.scalars(wanted.order_by(Patient.id).execution_options(populate_existing=True))
    return rows.all()


async def _release(
    db: AsyncSession,
    listings: Sequence[Patient],
    *,
    by: Releaser,
    actor: str,
    now: datetime,
) -> None:
    for patient in listings:
        patient.deleted_at, patient.released_by = now, by
        assert patient.account_id is not None
        await tell(
            db,
            owner=Owner(account_id=patient.account_id),
            kind=SecurityEventKind.PATIENT_RELEASED,
            patient_id=patient.id,
            now=now,
        )
    await db.flush()
    await record(
        db,
        *(
            AuditEntry(
                actor=actor,
                action="patient.release",
                subject=f"patient:{patient.id}",
                data={"by": by.value, "account": f"account:{patient.account_id}"},
            )
            for patient in listings
        ),
    )
