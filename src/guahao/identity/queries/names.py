"""Masked names of patients and phones of accounts, for lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient, Person
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import in_parts
from guahao.kernel.masking import mask_name, mask_phone, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedNames:
    """Names of patients as they are stored; opening thousands takes long enough to want a thread."""

    by_patient: Mapping[UUID, tuple[UUID, bytes]]

    def masked(self, key_ring: KeyRing) -> dict[UUID, str]:
        """Open and mask them: 张*丰; one that does not open says so, and the others stay."""
        return {
            patient_id: shown(
                key_ring.open_shown(sealed, field="person.name_sealed", row=person_id), mask_name
            )
            for patient_id, (person_id, sealed) in self.by_patient.items()
        }


async def sealed_names(db: AsyncSession, patient_ids: Collection[UUID]) -> SealedNames:
    """Names of patients, deleted ones too."""
    names: dict[UUID, tuple[UUID, bytes]] = {}
    for part in in_parts(patient_ids):
        rows = await db.execute(
            select(Patient.id, Person.id, Person.name_sealed)
            .join(Person, Person.id == Patient.person_id)
            .where(Patient.id.in_(part))
        )
        names |= {patient_id: (person_id, sealed) for patient_id, person_id, sealed in rows}
    return SealedNames(by_patient=names)


async def patient_names(
    db: AsyncSession, patient_ids: Collection[UUID], *, key_ring: KeyRing
) -> dict[UUID, str]:
    """Masked names of a page of patients, deleted ones too."""
    return (await sealed_names(db, patient_ids)).masked(key_ring)


async def account_phones(
    db: AsyncSession, account_ids: Collection[UUID], *, key_ring: KeyRing
) -> dict[UUID, str]:
    """Masked phones of accounts; without a phone an account is absent."""
    rows = await db.execute(
        select(Account.id, Account.phone_sealed).where(
            Account.id.in_(account_ids), Account.phone_sealed.is_not(None)
        )
    )
    return {
        id_: shown(key_ring.open_shown(sealed, field="account.phone_sealed", row=id_), mask_phone)
        for id_, sealed in rows
        if sealed is not None
    }
