"""Closing an account for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.consent import Consent, ConsentEnd
from guahao.identity.models.person import Patient
from guahao.identity.ports.closing import Hindrance, Hindrances
from guahao.identity.queries.patients import lock_listed_persons
from guahao.identity.service.holder import Proof, accept_proof
from guahao.identity.service.login import revoke_account_logins
from guahao.identity.service.security_event import Owner, forget_events
from guahao.kernel.errors import Problem


class ClosureHindered(Problem):
    """Something of the account is not settled yet; `hindrances` lists what, and what to do about it."""

    code = "closure-hindered"
    status = 409

    def __init__(self, hindrances: Sequence[Hindrance]) -> None:
        """Name everything at once."""
        super().__init__(
            reasons="；".join(one.text for one in hindrances),
            hindrances=[{"kind": one.kind, "text": one.text} for one in hindrances],
        )


async def close_account(
    db: AsyncSession, *, account_id: UUID, proof: Proof, hindrances: Hindrances, now: datetime
) -> None:
    """Close an account: nobody is known by it, listed in it or logged in to it any more.

    Its phone, username and WeChat user are free for a new account at once. What the law has kept, that
    somebody booked, paid and agreed, stays under the bare id. Waits for bookings of the account's patients
    that are being made, then reads what hinders. Raises `ClosureHindered` and what `accept_proof` raises.
    """
    account = await accept_proof(db, account_id=account_id, proof=proof, now=now)
    await lock_listed_persons(db, account_id=account_id, patient_id=None)
    found = await hindrances(db, account_id=account_id)
    if found:
        raise ClosureHindered(found)
    await _delete_patients(db, account_id, now=now)
    await db.execute(
        update(Consent)
        .where(Consent.account_id == account_id, Consent.ended_at.is_(None))
        .values(ended_at=now, ending=ConsentEnd.WITHDRAWN)
    )
    account.username = account.phone_sealed = account.phone_index = None
    account.password_hash = account.openid = None
    account.closed_at, account.disabled_at = now, account.disabled_at or now
    await db.flush()
    await revoke_account_logins(db, account_id=account_id, now=now)
    await forget_events(db, owner=Owner(account_id=account_id))
    await record(db, _deed(account_id, "account.close", f"account:{account_id}"))


async def _delete_patients(db: AsyncSession, account_id: UUID, *, now: datetime) -> None:
    """Take everybody out of the account, and forget the phones of those who were taken out before."""
    mine = update(Patient).where(Patient.account_id == account_id)
    listed = mine.where(Patient.deleted_at.is_(None)).values(deleted_at=now)
    deleted = (await db.scalars(listed.returning(Patient.id))).all()
    await db.execute(mine.values(phone_sealed=None, phone_index=None))
    await record(db, *(_deed(account_id, "patient.delete", f"patient:{id_}") for id_ in deleted))


def _deed(account_id: UUID, action: str, subject: str) -> AuditEntry:
    return AuditEntry(actor=f"account:{account_id}", action=action, subject=subject)
