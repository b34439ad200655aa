"""The second factor of staff: an authenticator app, and recovery codes for when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.models.staff import Staff, StaffRecoveryCode
from guahao.identity.policy.code import RECOVERY_CODES, RECOVERY_GROUPS, new_code, plain_code
from guahao.identity.service.login import revoke_staff_logins
from guahao.identity.service.security_event import Owner, Source, tell
from guahao.identity.service.staff import (
    SecondAdministratorNeeded,
    has_control,
    locked_member,
    member_to_reset,
    record_deed,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem

_ISSUER = "Guahao"
_STEP = timedelta(seconds=30)


class SecondFactorWrong(Problem):
    """The code of the authenticator app is wrong, too old or was used already."""

    code = "second-factor-wrong"
    status = 401


class RecoveryCodeWrong(Problem):
    """The recovery code is unknown or was used already."""

    code = "recovery-code-wrong"
    status = 401


class TotpAlreadySet(Problem):
    """The second factor is set up; it is removed before another one can be."""

    code = "totp-already-set"
    status = 409


class TotpCodeWrong(Problem):
    """The six digits are not those the authenticator shows now, or nothing was begun."""

    code = "totp-code-wrong"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpBegun:
    """What the authenticator app needs, told once: the secret and the same as an otpauth address."""

    secret: str
    address: str


async def begin_totp(db: AsyncSession, *, staff_id: UUID, key_ring: KeyRing) -> TotpBegun:
    """Give a new secret for the authenticator app; it counts once `confirm_totp` has seen a code.

    Beginning again replaces a secret that was not confirmed. Raises `TotpAlreadySet`.
    """
    staff = await locked_member(db, staff_id=staff_id, scope=None)
    if staff.totp_confirmed_at is not None:
        raise TotpAlreadySet
    secret = pyotp.random_base32()
    staff.totp_sealed = key_ring.seal(secret, field="staff.totp_sealed", row=staff.id)
    await db.flush()
    return TotpBegun(
        secret=secret, address=pyotp.TOTP(secret).provisioning_uri(name=staff.username, issuer_name=_ISSUER)
    )


async def confirm_totp(
    db: AsyncSession, *, staff_id: UUID, code: str, key_ring: KeyRing, source: Source, now: datetime
) -> list[str]:
    """Make the second factor count, shown by one code of the app; answer fresh recovery codes.

    Every login of this person ends, and that code opens no other. Raises `TotpAlreadySet`, `TotpCodeWrong`.
    """
    staff = await locked_member(db, staff_id=staff_id, scope=None)
    if staff.totp_confirmed_at is not None:
        raise TotpAlreadySet
    if staff.totp_sealed is None:
        raise TotpCodeWrong
    step = step_of(
        code, secret=key_ring.open(staff.totp_sealed, field="staff.totp_sealed", row=staff.id), now=now
    )
    if step is None:
        raise TotpCodeWrong
    staff.totp_confirmed_at = now
    staff.totp_last_step = step
    codes = [new_code(RECOVERY_GROUPS) for _ in range(RECOVERY_CODES)]
    await db.flush()
    await db.execute(
        insert(StaffRecoveryCode),
        [{"staff_id": staff_id, "code_hash": _hash(key_ring, staff_id, code)} for code in codes],
    )
    await revoke_staff_logins(db, staff_id=staff_id, now=now)
    await record_deed(db, f"staff:{staff_id}", "staff.totp", staff)
    await _tell(db, staff_id, SecurityEventKind.SECOND_FACTOR_SET, source=source, now=now)
    return codes


def step_of(code: str, *, secret: str, now: datetime) -> int | None:
    """Answer which half minute a code of the app is of, one before and after included; None for no such."""
    totp = pyotp.TOTP(secret)
    moments = (now, now - _STEP, now + _STEP)
    found = (moment for moment in moments if totp.verify(code, for_time=moment))
    return next((int(moment.timestamp() // _STEP.total_seconds()) for moment in found), None)


async def spend_step(db: AsyncSession, *, staff_id: UUID, step: int) -> None:
    """Let a code of the app count once, even for two requests at once. Raises `SecondFactorWrong`."""
    fresh = or_(Staff.totp_last_step.is_(None), Staff.totp_last_step < step)
    used = await db.execute(
        update(Staff)
        .where(Staff.id == staff_id, fresh)
        .values(totp_last_step=step)
        .execution_options(synchronize_session=False)
    )
    if affected(used) == 0:
        raise SecondFactorWrong


async def spend_recovery_code(
    db: AsyncSession, *, staff_id: UUID, code: str, key_ring: KeyRing, source: Source, now: datetime
) -> None:
    """Let a recovery code count once, even for two requests at once. Raises `RecoveryCodeWrong`."""
    used = await db.execute(
        update(StaffRecoveryCode)
        .where(
            StaffRecoveryCode.staff_id == staff_id,
            StaffRecoveryCode.code_hash == _hash(key_ring, staff_id, code),
            StaffRecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if affected(used) == 0:
        raise RecoveryCodeWrong
    staff = await locked_member(db, staff_id=staff_id, scope=None)
    await record_deed(db, f"staff:{staff_id}", "staff.recovery_code_used", staff)
    await _tell(db, staff_id, SecurityEventKind.RECOVERY_CODE_USED, source=source, now=now)


async def remove_own_totp(db: AsyncSession, *, staff_id: UUID, source: Source, now: datetime) -> None:
    """Forget the caller's own second factor, proven by the edge just now, and end every login."""
    staff = await locked_member(db, staff_id=staff_id, scope=None)
    await forget_totp(db, staff, now=now)
    await record_deed(db, f"staff:{staff_id}", "staff.totp_removed", staff)
    await _tell(db, staff_id, SecurityEventKind.SECOND_FACTOR_REMOVED, source=source, now=now)


async def reset_totp(
    db: AsyncSession, *, changer_id: UUID, scope: int | None, staff_id: UUID, now: datetime
) -> None:
    """Forget the second factor of somebody who lost their device, and end their logins.

    Raises `NotFound`, `OwnAccessUnchangeable`, `SecondAdministratorNeeded`.
    """
    staff = await member_to_reset(db, changer_id=changer_id, scope=scope, staff_id=staff_id)
    if has_control(staff):
        raise SecondAdministratorNeeded
    await forget_totp(db, staff, now=now)
    await record_deed(db, f"staff:{changer_id}", "staff.totp_reset", staff)
    await _tell(db, staff_id, SecurityEventKind.ACCESS_RESET, now=now)


async def forget_totp(db: AsyncSession, staff: Staff, *, now: datetime) -> None:
    """Forget the second factor and the recovery codes of a locked member, and end their logins."""
    staff.totp_sealed = staff.totp_confirmed_at = staff.totp_last_step = None
    staff.version += 1
    await db.flush()
    await db.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == staff.id))
    await revoke_staff_logins(db, staff_id=staff.id, now=now)


async def _tell(
    db: AsyncSession, staff_id: UUID, kind: SecurityEventKind, *, source: Source | None = None, now: datetime
) -> None:
    await tell(db, owner=Owner(staff_id=staff_id), kind=kind, source=source, now=now)


def _hash(key_ring: KeyRing, staff_id: UUID, code: str) -> bytes:
    return key_ring.blind_index("staff_recovery_code.code_hash", f"{staff_id}|{plain_code(code)}")
