"""Logins of staff: username, password and the second factor; staff change their own password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.models.staff import Staff
from guahao.identity.service.login import OpenedLogin, open_staff_login, revoke_staff_logins
from guahao.identity.service.second_factor import (
    SecondFactorWrong,
    spend_recovery_code,
    spend_step,
    step_of,
)
from guahao.identity.service.security_event import Owner, Source, tell
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem


class StaffLoginRefused(Problem):
    """Username and password do not belong together, or the person is disabled: the same answer for all."""

    code = "staff-login-refused"
    status = 401


class StaffPasswordWrong(Problem):
    """The present password is wrong."""

    code = "staff-password-wrong"
    status = 409


class SecondFactorRequired(Problem):
    """The password is right; a code of the authenticator app or a recovery code is needed too."""

    code = "second-factor-required"
    status = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffCredential:
    """What a staff login is judged by; all None when nobody has the name."""

    id: UUID | None = None
    hospital_id: int | None = None
    username: str = ""
    password_hash: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What somebody shows besides the password; `step` is the half minute of a right code of the app."""

    step: int | None = None
    recovery_code: str | None = field(default=None, repr=False)


async def staff_credential(db: AsyncSession, *, key_ring: KeyRing, username: str) -> StaffCredential:
    """Read what a staff login is judged by."""
    staff = await db.scalar(
        select(Staff).where(Staff.username == username.lower(), Staff.disabled_at.is_(None))
    )
    return StaffCredential() if staff is None else _credential(staff, key_ring)


async def own_credential(db: AsyncSession, *, staff_id: UUID, key_ring: KeyRing) -> StaffCredential:
    """Read what somebody logged in is judged by who wants to change password or second factor."""
    return _credential((await db.scalars(select(Staff).where(Staff.id == staff_id))).one(), key_ring)


def _credential(staff: Staff, key_ring: KeyRing) -> StaffCredential:
    secret = None
    if staff.totp_sealed is not None and staff.totp_confirmed_at is not None:
        secret = key_ring.open(staff.totp_sealed, field="staff.totp_sealed", row=staff.id)
    return StaffCredential(
        id=staff.id,
        hospital_id=staff.hospital_id,
        username=staff.username,
        password_hash=staff.password_hash,
        totp_secret=secret,
    )


def proof_of(
    credential: StaffCredential, *, totp_code: str | None, recovery_code: str | None, now: datetime
) -> Proof:
    """Judge a code of the app; a recovery code is judged when it is spent.

    Somebody without a second factor proves nothing. Raises `SecondFactorRequired`, `SecondFactorWrong`.
    """
    if credential.totp_secret is None:
        return Proof()
    if totp_code is not None:
        step = step_of(totp_code, secret=credential.totp_secret, now=now)
        if step is None:
            raise SecondFactorWrong
        return Proof(step=step)
    if recovery_code is None:
        raise SecondFactorRequired
    return Proof(recovery_code=recovery_code)


async def spend_proof(
    db: AsyncSession, *, staff_id: UUID, proof: Proof, key_ring: KeyRing, source: Source, now: datetime
) -> None:
    """Let what was shown count once. Raises `SecondFactorWrong`, `RecoveryCodeWrong`."""
    if proof.step is not None:
        await spend_step(db, staff_id=staff_id, step=proof.step)
    elif proof.recovery_code is not None:
        await spend_recovery_code(
            db, staff_id=staff_id, code=proof.recovery_code, key_ring=key_ring, source=source, now=now
        )


async def log_staff_in(
    db: AsyncSession,
    *,
    credential: StaffCredential,
    proof: Proof,
    source: Source,
    is_known_device: bool,
    key_ring: KeyRing,
    now: datetime,
) -> tuple[Staff, OpenedLogin]:
    """Open the login of somebody whose password was found right and who proves the second factor.

    Tells the owner of a device that was not known. Raises what `spend_proof` raises, or
    `StaffLoginRefused` when the password or the second factor was changed or the person disabled since.
    """
    if credential.id is None:
        raise StaffLoginRefused
    await spend_proof(db, staff_id=credential.id, proof=proof, key_ring=key_ring, source=source, now=now)
    staff = await db.scalar(
        select(Staff)
        .where(Staff.id == credential.id, Staff.password_hash == credential.password_hash)
        .where(Staff.disabled_at.is_(None))
        .with_for_update(key_share=True)
    )
    if staff is None or (staff.totp_confirmed_at is None) != (credential.totp_secret is None):
        raise StaffLoginRefused
    if not is_known_device:
        await tell(
            db,
            owner=Owner(staff_id=staff.id),
            kind=SecurityEventKind.NEW_DEVICE,
            source=source,
            now=now,
        )
    return staff, await open_staff_login(
        db, staff_id=staff.id, device=source.device, address=source.address, now=now
    )


async def change_staff_password(
    db: AsyncSession, *, credential: StaffCredential, new_hash: str, source: Source, now: datetime
) -> None:
    """Set a new password and end every login of this person, this one too; they are told.

    Raises `StaffPasswordWrong` when the password was changed since it was found right.
    """
    assert credential.id is not None
    changed = await db.execute(
        update(Staff)
        .where(Staff.id == credential.id, Staff.password_hash == credential.password_hash)
        .values(password_hash=new_hash)
        .execution_options(synchronize_session=False)
    )
    if affected(changed) == 0:
        raise StaffPasswordWrong
    await revoke_staff_logins(db, staff_id=credential.id, now=now)
    await tell(
        db,
        owner=Owner(staff_id=credential.id),
        kind=SecurityEventKind.PASSWORD_CHANGED,
        source=source,
        now=now,
    )
    who = f"staff:{credential.id}"
    await record(db, AuditEntry(actor=who, action="staff.change_password", subject=who))
