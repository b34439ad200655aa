"""Whose data may have had their time: candidates, for the domain above to say which it still needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent
from guahao.identity.models.person import Patient, Person


async def deleted_with_phone(db: AsyncSession) -> dict[UUID, UUID]:
    """The persons of the deleted patients whose phone is still there, by patient."""
    wanted = (Patient.deleted_at.is_not(None), Patient.phone_sealed.is_not(None))
    rows = await db.execute(select(Patient.id, Patient.person_id).where(*wanted))
    return {row.id: row.person_id for row in rows}


async def unlisted_persons(
    db: AsyncSession, *, deleted_before: datetime, consent_before: datetime
) -> Sequence[UUID]:
    """The persons whom no account and no desk has listed since, without a consent still to be proven."""
    still_listed = exists().where(
        Patient.person_id == Person.id,
        or_(Patient.deleted_at.is_(None), Patient.deleted_at >= deleted_before),
    )
    still_proven = exists().where(
        Patient.person_id == Person.id,
        Consent.patient_id == Patient.id,
        Patient.deleted_at >= consent_before,
        or_(Consent.ended_at.is_(None), Consent.ended_at >= consent_before),
    )
    wanted = select(Person.id).where(
        ~still_listed, ~still_proven, Person.created_at < deleted_before, Person.forgotten_at.is_(None)
    )
    return (await db.scalars(wanted)).all()


async def ended_consents(db: AsyncSession, *, consent_before: datetime) -> Sequence[UUID]:
    """The consents that ended before that: one without an end permits nothing once its patient is deleted."""
    ended = or_(Consent.ended_at < consent_before, Patient.deleted_at < consent_before)
    return (
        await db.scalars(select(Consent.id).outerjoin(Patient, Patient.id == Consent.patient_id).where(ended))
    ).all()
