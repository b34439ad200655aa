"""Persons: one row per identity document, whoever lists it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.policy.document import Identity, is_same_name
from guahao.identity.policy.finding import VALUE_FORMS, document_index, name_index
from guahao.identity.queries.patients import lock_person
from guahao.identity.service.security_event import Owner, tell
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id


class IdentityNotVerified(Problem):
    """Name and document do not belong together, says the authority or what is known already."""

    code = "identity-not-verified"


async def find_person(
    db: AsyncSession, *, key_ring: KeyRing, identity: Identity, lock: bool = False
) -> Person | None:
    """The person known by this document, if there is one.

    With `lock`, changes to where the person is listed go one after the other from here on.
    """
    wanted = select(Person).where(
        Person.document_type == identity.document_type,
        Person.document_index == document_index(key_ring, identity.document_type, identity.number),
    )
    return await db.scalar(wanted.with_for_update(key_share=True) if lock else wanted)


def require_same_person(person: Person, *, key_ring: KeyRing, identity: Identity) -> None:
    """Raise `IdentityNotVerified` when the known person has another name, birth date or sex."""
    known = key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)
    if not _is_same(person, known, identity):
        raise IdentityNotVerified


def _is_same(person: Person, known_name: str, identity: Identity) -> bool:
    told = (identity.birth_date, identity.sex)
    return is_same_name(known_name, identity.name) and told == (person.birth_date, person.sex)


async def keep_person(
    db: AsyncSession, *, key_ring: KeyRing, identity: Identity, is_verified: bool, now: datetime
) -> Person:
    """Make or find the person of an identity, and lock it.

    Several at once for one document make one row. The first verification decides how the person is
    called; before and after it another name is refused. Raises `IdentityNotVerified`.
    """
    person = None
    while person is None:  # again only when the person of before was forgotten between the two statements
        await _insert_person(db, key_ring=key_ring, identity=identity, is_verified=is_verified, now=now)
        person = await find_person(db, key_ring=key_ring, identity=identity, lock=True)
    if is_verified and person.verified_at is None:
        await _confirm(db, person, key_ring=key_ring, identity=identity, now=now)
    else:
        require_same_person(person, key_ring=key_ring, identity=identity)
    if person.name_index is None:  # written before names were indexed
        person.name_index = name_index(key_ring, identity.name)
    return person


async def _insert_person(
    db: AsyncSession, *, key_ring: KeyRing, identity: Identity, is_verified: bool, now: datetime
) -> None:
    id_ = new_id()
    await db.execute(
        insert(Person)
        .values(
            id=id_,
            document_type=identity.document_type,
            document_index=document_index(key_ring, identity.document_type, identity.number),
            document_sealed=key_ring.seal(identity.number, field="person.document_sealed", row=id_),
            name_sealed=key_ring.seal(identity.name, field="person.name_sealed", row=id_),
            name_index=name_index(key_ring, identity.name),
            birth_date=identity.birth_date,
            sex=identity.sex,
            verified_at=now if is_verified else None,
            value_forms=VALUE_FORMS,
        )
        .on_conflict_do_nothing(constraint="person_document_key")
    )


async def _confirm(
    db: AsyncSession, person: Person, *, key_ring: KeyRing, identity: Identity, now: datetime
) -> None:
    """Believe the proof; whoever listed the document under another name, unproven, loses the patient.

    They are told so, and never the name that is right.
    """
    known = key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)
    if not _is_same(person, known, identity):
        await lock_person(db, person_id=person.id)
        await _overrule_listings(db, person, now=now)
    person.name_sealed = key_ring.seal(identity.name, field="person.name_sealed", row=person.id)
    person.name_index = name_index(key_ring, identity.name)
    person.birth_date, person.sex, person.verified_at = identity.birth_date, identity.sex, now
    await db.flush()


async def _overrule_listings(db: AsyncSession, person: Person, *, now: datetime) -> None:
    ended = await db.execute(
        update(Patient)
        .where(Patient.person_id == person.id, Patient.deleted_at.is_(None))
        .values(deleted_at=now)
        .returning(Patient.id, Patient.account_id)
    )
    for patient_id, account_id in ended.all():
        await record(
            db, AuditEntry(actor="system", action="patient.overrule", subject=f"patient:{patient_id}")
        )
        if account_id is not None:
            await tell(
                db,
                owner=Owner(account_id=account_id),
                kind=SecurityEventKind.PATIENT_OVERRULED,
                patient_id=patient_id,
                now=now,
            )
