"""What identity holds about an account, for a copy that its holder takes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login
from guahao.identity.models.consent import Consent
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEvent
from guahao.kernel.copy import rows_copy
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Json


async def copy_of_account(db: AsyncSession, *, account_id: UUID, key_ring: KeyRing) -> dict[str, list[Json]]:
    """Read the account's own rows, names and numbers in full.

    Persons are those listed now: who was taken out of the account is no longer its holder's to see.
    """
    mine = (Patient.account_id == account_id, Patient.deleted_at.is_(None))
    wanted = (
        select(Account).where(Account.id == account_id),
        select(Login).where(Login.account_id == account_id).order_by(Login.created_at),
        select(Patient).where(Patient.account_id == account_id).order_by(Patient.id),
        select(Person).where(Person.id.in_(select(Patient.person_id).where(*mine))).order_by(Person.id),
        select(Consent).where(Consent.account_id == account_id).order_by(Consent.given_at),
        select(SecurityEvent).where(SecurityEvent.account_id == account_id).order_by(SecurityEvent.id),
    )
    names = ("account", "login", "patient", "person", "consent", "security_event")
    rows = [(await db.scalars(statement)).all() for statement in wanted]
    return {name: rows_copy(found, key_ring) for name, found in zip(names, rows, strict=True)}
