"""Forgetting people whose data have had their time; the domain above says whom it does not need any more."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent
from guahao.identity.models.person import Patient, Person
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import in_parts
from guahao.kernel.i18n import text


async def forget_phones(db: AsyncSession, patient_ids: Collection[UUID]) -> None:
    """Take the phones of these deleted patients away."""
    for part in in_parts(patient_ids):
        deleted = update(Patient).where(Patient.id.in_(part), Patient.deleted_at.is_not(None))
        await db.execute(deleted.values(phone_sealed=None, phone_index=None))


async def forget_persons(db: AsyncSession, person_ids: Collection[UUID]) -> None:
    """Delete persons who never booked, with everything they were listed by; whoever is listed anew stays."""
    for part in in_parts(person_ids):
        unlisted = await _lock_unlisted(db, part)
        patients = select(Patient.id).where(Patient.person_id.in_(unlisted))
        await db.execute(delete(Consent).where(Consent.patient_id.in_(patients)))
        listings = update(Patient).where(Patient.guardian_patient_id.in_(patients))
        await db.execute(
            listings.values(guardian_patient_id=None).execution_options(synchronize_session=False)
        )
        await db.execute(delete(Patient).where(Patient.person_id.in_(unlisted)))
        await db.execute(delete(Person).where(Person.id.in_(unlisted)))


async def forget_identities(
    db: AsyncSession, person_ids: Collection[UUID], *, key_ring: KeyRing, now: datetime
) -> None:
    """Take name and number from persons whose visits must be kept no longer; the bare rows stay.

    Nobody finds them any more: the same document enrolled later is a new person.
    """
    for part in in_parts(person_ids):
        for person_id in await _lock_unlisted(db, part):
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


async def _lock_unlisted(db: AsyncSession, person_ids: Collection[UUID]) -> Collection[UUID]:
    """Lock persons against being listed, and answer those who are not by now."""
    locked = select(Person.id).where(Person.id.in_(person_ids)).order_by(Person.id).with_for_update()
    found = set((await db.scalars(locked)).all())
    live = select(Patient.person_id).where(Patient.person_id.in_(found), Patient.deleted_at.is_(None))
    return found - set((await db.scalars(live)).all())
