"""Forgetting people whose data have had their time; the domain above says whom it does not need any more."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent
from guahao.identity.models.duplicate import DuplicateCheck, PersonDuplicate
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEvent
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.i18n import text


async def forget_phones(db: AsyncSession, patient_ids: Collection[UUID]) -> int:
    """Take the phones of these deleted patients away; answers of how many."""
    deleted = update(Patient).where(
        Patient.id.in_(patient_ids), Patient.deleted_at.is_not(None), Patient.phone_sealed.is_not(None)
    )
    return affected(await db.execute(deleted.values(phone_sealed=None, phone_index=None)))


async def forget_consents(db: AsyncSession, consent_ids: Collection[UUID]) -> int:
    """Delete these consents, which nobody has to prove any more; answers how many."""
    return affected(await db.execute(delete(Consent).where(Consent.id.in_(consent_ids))))


async def forget_persons(db: AsyncSession, person_ids: Collection[UUID]) -> int:
    """Delete persons who never booked, with everything they were listed by and told of; answers how many.

    Whoever is listed anew stays.
    """
    unlisted = await _lock_unlisted(db, person_ids)
    patients = select(Patient.id).where(Patient.person_id.in_(unlisted))
    await db.execute(delete(Consent).where(Consent.patient_id.in_(patients)))
    await db.execute(delete(SecurityEvent).where(SecurityEvent.patient_id.in_(patients)))
    listings = update(Patient).where(Patient.guardian_patient_id.in_(patients))
    await db.execute(listings.values(guardian_patient_id=None).execution_options(synchronize_session=False))
    await db.execute(delete(Patient).where(Patient.person_id.in_(unlisted)))
    await _drop_reports(db, unlisted)
    return affected(await db.execute(delete(Person).where(Person.id.in_(unlisted))))


async def forget_identities(
    db: AsyncSession, person_ids: Collection[UUID], *, key_ring: KeyRing, now: datetime
) -> int:
    """Take name and number from persons whose visits must be kept no longer; answers from how many.

    The bare rows stay. Nobody finds them any more: the same document enrolled later is a new person.
    """
    unlisted = await _lock_unlisted(db, person_ids)
    for person_id in unlisted:
        nothing = text("retention.forgotten")
        await db.execute(
            update(Person)
            .where(Person.id == person_id)
            .values(
                name_sealed=key_ring.seal(nothing, field="person.name_sealed", row=person_id),
                name_index=secrets.token_bytes(16),
                document_sealed=key_ring.seal(nothing, field="person.document_sealed", row=person_id),
                document_index=secrets.token_bytes(16),
                forgotten_at=now,
            )
        )
    return len(unlisted)


async def _drop_reports(db: AsyncSession, person_ids: Collection[UUID]) -> None:
    reports = select(PersonDuplicate.id).where(
        or_(PersonDuplicate.person_id.in_(person_ids), PersonDuplicate.other_id.in_(person_ids))
    )
    await db.execute(delete(DuplicateCheck).where(DuplicateCheck.duplicate_id.in_(reports)))
    await db.execute(delete(PersonDuplicate).where(PersonDuplicate.id.in_(reports)))


async def _lock_unlisted(db: AsyncSession, person_ids: Collection[UUID]) -> Collection[UUID]:
    """Lock persons against being listed, and answer those who are not by now."""
    locked = select(Person.id).where(Person.id.in_(person_ids)).order_by(Person.id).with_for_update()
    found = set((await db.scalars(locked)).all())
    live = select(Patient.person_id).where(Patient.person_id.in_(found), Patient.deleted_at.is_(None))
    return found - set((await db.scalars(live)).all())
