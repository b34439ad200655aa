"""Logins of staff: username, password and, outside the demo always, a one-time password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff
from guahao.identity.service.account import LoginRefused
from guahao.identity.service.login import OpenedLogin, open_staff_login
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


class SecondFactorMissing(Problem):
    """Outside the demo nobody logs in without an authenticator app; an administrator sets it up."""

    code = "second-factor-missing"
    status = 403


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


def totp_step(credential: StaffCredential, *, code: str | None, required: bool, now: datetime) -> int | None:
    """Answer which half minute the code is of, or None when no second factor is asked for.

    One step before and after is accepted. Raises `SecondFactorMissing`, `SecondFactorRequired` or
    `SecondFactorWrong`.
    """
    if credential.totp_secret is None:
        if required:
            raise SecondFactorMissing
        return None
    if code is None:
        raise SecondFactorRequired
    totp = pyotp.TOTP(credential.totp_secret)
    for drift in (0, -1, 1):
        moment = now + timedelta(seconds=drift * _STEP_S)
        if totp.verify(code, for_time=moment):
            return int(moment.timestamp()) // _STEP_S
    raise SecondFactorWrong


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
