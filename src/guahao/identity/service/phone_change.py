"""Changing the phone of an account: the new number proven, and the holder proven anew."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.policy.finding import phone_index
from guahao.identity.service.account import PhoneTaken
from guahao.identity.service.holder import Proof, accept_proof
from guahao.identity.service.login import revoke_account_logins
from guahao.identity.service.security_event import Owner, Source, tell
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import constraint_of
from guahao.kernel.errors import Problem


class PhoneUnchanged(Problem):
    """The new number is the one that the account has."""

    code = "phone-unchanged"
    status = 409


async def change_phone(
    db: AsyncSession,
    *,
    account_id: UUID,
    proof: Proof,
    phone: str,
    keep_login: UUID,
    source: Source,
    key_ring: KeyRing,
    now: datetime,
) -> Account:
    """Give the account of a proven holder the new number, proven in this transaction; the old one is free.

    Patients of the account that had the old number get the new one, every other login ends, and the
    owner is told. Of two accounts that want one number the constraint lets one have it. Raises
    `PhoneTaken`, `PhoneUnchanged` and what `accept_proof` raises.
    """
    account = await accept_proof(db, account_id=account_id, proof=proof, now=now)
    old, new = account.phone_index, phone_index(key_ring, phone)
    if old == new:
        raise PhoneUnchanged
    account.phone_sealed = key_ring.seal(phone, field="account.phone_sealed", row=account_id)
    account.phone_index = new
    try:
        await db.flush()
    except IntegrityError as error:
        if constraint_of(error) != "account_phone_index_key":
            raise
        raise PhoneTaken from error
    if old is not None:
        await _change_patients(db, account_id=account_id, old=old, phone=phone, key_ring=key_ring)
    await revoke_account_logins(db, account_id=account_id, keep=keep_login, now=now)
    owner = Owner(account_id=account_id)
    await tell(db, owner=owner, kind=SecurityEventKind.PHONE_CHANGED, source=source, now=now)
    who = f"account:{account_id}"
    await record(db, AuditEntry(actor=who, action="account.change_phone", subject=who))
    return account


async def _change_patients(
    db: AsyncSession, *, account_id: UUID, old: bytes, phone: str, key_ring: KeyRing
) -> None:
    """Whoever was reached at the number that is given up is reached at the new one."""
    mine = (Patient.account_id == account_id, Patient.phone_index == old, Patient.deleted_at.is_(None))
    for patient in await db.scalars(select(Patient).where(*mine).order_by(Patient.id)):
        patient.phone_sealed = key_ring.seal(phone, field="patient.phone_sealed", row=patient.id)
        patient.phone_index = phone_index(key_ring, phone)
    await db.flush()
