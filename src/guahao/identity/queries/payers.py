"""Finding the accounts of people by what staff have at hand."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Patient
from guahao.identity.queries.people import people_sought
from guahao.kernel.crypto import KeyRing


async def account_ids_matching(
    db: AsyncSession, *, text: str, hospital_id: int, key_ring: KeyRing
) -> list[UUID]:
    """The accounts with a patient of exactly this name, document number or phone, as a hospital knows it."""
    people = people_sought(text, hospital_id=hospital_id, key_ring=key_ring)
    found = select(Patient.account_id).where(Patient.person_id.in_(people), Patient.account_id.is_not(None))
    return [account_id for account_id in await db.scalars(found.distinct()) if account_id is not None]
