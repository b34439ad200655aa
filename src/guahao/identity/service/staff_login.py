"""Logins of staff: username, password and a one-time password; staff change their own password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.staff import Staff
from guahao.identity.service.account import LoginRefused, OldPasswordWrong
from guahao.identity.service.login import OpenedLogin, open_staff_login, revoke_staff_logins
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem

_STEP_S = 30


class SecondFactorRequired(Problem):
    """The password is right; the code of the authenticator app is needed too."""

    code = "second-factor-required"
    status = 401


class SecondFactorWrong(Problem):
    """The code of the authenticator app is wrong, too old or was used already."""

    code = "second-factor-wrong"
    status = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffCredential:
    """What a staff login is judged by; all None when nobody has the name."""

    id: UUID | None = None
    password_hash: str | None = field(default=None, repr=False)
    totp_secret: str | None = field(default=None, repr=False)


async def staff_credential(db: AsyncSession, *, key_ring: KeyRing, username: str) -> StaffCredential:
    """Read what a staff login is judged by."""
    staff = await db.scalar(
        select(Staff).where(Staff.username == username.lower(), Staff.disabled_at.is_(None))
    )
    if staff is None:
        return StaffCredential()
    secret = None
    if staff.totp_sealed is not None and staff.totp_confirmed_at is not None:
        secret = key_ring.open(staff.totp_sealed, field="staff.totp_sealed", row=staff.id)
    return StaffCredential(id=staff.id, password_hash=staff.password_hash, totp_secret=secret)


def totp_step(credential: StaffCredential, *, code: str | None, now: datetime) -> int | None:
    """Answer which half minute the code is of, or None for somebody without a second factor.

    One step before and after is accepted. Raises `SecondFactorRequired` or `SecondFactorWrong`.
    """
    if credential.totp_secret is None:
        return None
    if code is None:
        raise SecondFactorRequired
    totp = pyotp.TOTP(credential.totp_secret)
    for drift in (0, -1, 1):
        moment = now + timedelta(seconds=drift * _STEP_S)
        if totp.verify(code, for_time=moment):
            return int(moment.timestamp()) // _STEP_S
    raise SecondFactorWrong


async def own_credential(db: AsyncSession, *, staff_id: UUID) -> tuple[str, str]:
    """Read username and password hash, to judge a change of password."""
    row = (await db.execute(select(Staff.username, Staff.password_hash).where(Staff.id == staff_id))).one()
    return row.username, row.password_hash


async def log_staff_in(
    db: AsyncSession, *, credential: StaffCredential, step: int | None, device: str, now: datetime
) -> tuple[Staff, OpenedLogin]:
    """Open the login of somebody whose password and code were found right.

    A code works once, even for two requests at once. Raises `SecondFactorWrong`, or `LoginRefused`
    when the password was changed or the person disabled since.
    """
    if step is not None:
        fresh = or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < step)
        used = await db.execute(
            update(Staff)
            .where(Staff.id == credential.id, fresh)
            .values(totp_last_step=step)
            .execution_options(synchronize_session=False)
        )
        if affected(used) == 0:
            raise SecondFactorWrong
    staff = await db.scalar(
        select(Staff)
        .where(Staff.id == credential.id, Staff.password_hash == credential.password_hash)
        .where(Staff.disabled_at.is_(None))
        .with_for_update(key_share=True)
    )
    if staff is None:
        raise LoginRefused
    return staff, await open_staff_login(db, staff_id=staff.id, device=device, now=now)


async def change_staff_password(
    db: AsyncSession, *, staff_id: UUID, old_hash: str, new_hash: str, now: datetime
) -> None:
    """Set a new password and end every login of this person, this one too.

    Raises `OldPasswordWrong` when the password was changed since it was found right.
    """
    changed = await db.execute(
        update(Staff)
        .where(Staff.id == staff_id, Staff.password_hash == old_hash)
        .values(password_hash=new_hash)
        .execution_options(synchronize_session=False)
    )
    if affected(changed) == 0:
        raise OldPasswordWrong
    await revoke_staff_logins(db, staff_id=staff_id, now=now)
    who = f"staff:{staff_id}"
    await record(db, AuditEntry(actor=who, action="staff.change_password", subject=who))
