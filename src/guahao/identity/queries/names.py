"""Masked names of patients, for lists."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Patient, Person
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import in_parts
from guahao.kernel.masking import mask_name


async def patient_names(
    db: AsyncSession, patient_ids: Collection[UUID], *, key_ring: KeyRing
) -> dict[UUID, str]:
    """Masked names (张*丰) of patients, deleted ones too."""
    names: dict[UUID, str] = {}
    for part in in_parts(patient_ids):
        rows = await db.execute(
            select(Patient.id, Person.id, Person.name_sealed)
            .join(Person, Person.id == Patient.person_id)
            .where(Patient.id.in_(part))
        )
        for patient_id, person_id, sealed in rows:
            names[patient_id] = mask_name(key_ring.open(sealed, field="person.name_sealed", row=person_id))
    return names
