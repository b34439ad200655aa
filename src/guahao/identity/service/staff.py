"""Members of staff: making them, their roles, their second factor, the end of their access."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import HOSPITAL_ROLES, PLATFORM_ROLES, Role
from guahao.identity.service.login import revoke_staff_logins
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import DIRECTORY, new_id

_ISSUER = "Guahao"
_STEP = timedelta(seconds=30)


class StaffUsernameTaken(Problem):
    """Another member of staff, perhaps of another hospital, has this username."""

    code = "staff-username-taken"
    status = 409


class RolesNotAllowed(Problem):
    """These roles cannot be given there: platform roles only to the platform's people, and so on."""

    code = "roles-not-allowed"
    status = 422


class OwnAccessUnchangeable(Problem):
    """Nobody changes their own roles or disables themself; another administrator does."""

    code = "own-access-unchangeable"
    status = 409


class TotpAlreadySet(Problem):
    """The second factor is set up; an administrator resets it before another one can be."""

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


async def create_staff(
    db: AsyncSession,
    *,
    actor: str,
    hospital_id: int | None,
    username: str,
    password_hash: str,
    name: str,
    roles: Collection[Role],
) -> Staff:
    """Make a member of staff of a hospital, or of the platform (None).

    `actor` is who does it, for the audit trail; `password_hash` comes from `hash_password`, called
    before the transaction. Raises `StaffUsernameTaken`, `RolesNotAllowed`.
    """
    _require_roles(roles, hospital_id=hospital_id)
    made: Staff | None = await db.scalar(
        insert(Staff)
        .values(
            id=new_id(),
            hospital_id=hospital_id,
            username=username.lower(),
            password_hash=password_hash,
            name=name,
            roles=_stored(roles),
        )
        .on_conflict_do_nothing(index_elements=["username"])
        .returning(Staff)
    )
    if made is None:
        raise StaffUsernameTaken
    await _record(db, actor, "staff.create", made, roles=made.roles)
    return made


async def change_staff(
    db: AsyncSession,
    *,
    changer_id: UUID,
    scope: int | None,
    staff_id: UUID,
    name: str | None,
    roles: Collection[Role] | None,
    is_disabled: bool | None,
    now: datetime,
) -> Staff:
    """Change what is given (None leaves it): other roles or disabling end every login at once.

    `scope` is the changer's hospital, None for the platform. Raises `NotFound`, `RolesNotAllowed`,
    `OwnAccessUnchangeable`.
    """
    staff = await _locked(db, staff_id=staff_id, scope=scope)
    is_access = roles is not None or is_disabled is not None
    if is_access and staff_id == changer_id:
        raise OwnAccessUnchangeable
    if name is not None:
        staff.name = name
    if roles is not None:
        _require_roles(roles, hospital_id=staff.hospital_id)
        staff.roles = _stored(roles)
    if is_disabled is not None:
        staff.disabled_at = (staff.disabled_at or now) if is_disabled else None
    await db.flush()
    if is_access:
        await revoke_staff_logins(db, staff_id=staff_id, now=now)
    await _record(
        db,
        f"staff:{changer_id}",
        "staff.change",
        staff,
        roles=staff.roles,
        disabled=staff.disabled_at is not None,
    )
    return staff


async def begin_totp(db: AsyncSession, *, staff_id: UUID, key_ring: KeyRing) -> TotpBegun:
    """Give a new secret for the authenticator app; it counts once `confirm_totp` has seen a code.

    Beginning again replaces a secret that was not confirmed. Raises `TotpAlreadySet`.
    """
    staff = await _locked(db, staff_id=staff_id, scope=None)
    if staff.totp_confirmed_at is not None:
        raise TotpAlreadySet
    secret = pyotp.random_base32()
    staff.totp_sealed = key_ring.seal(secret, field="staff.totp_sealed", row=staff.id)
    await db.flush()
    return TotpBegun(
        secret=secret, address=pyotp.TOTP(secret).provisioning_uri(name=staff.username, issuer_name=_ISSUER)
    )


async def confirm_totp(
    db: AsyncSession, *, staff_id: UUID, code: str, key_ring: KeyRing, now: datetime
) -> None:
    """Make the second factor count, shown by one code of the app; that code opens no login.

    Raises `TotpAlreadySet`, `TotpCodeWrong`.
    """
    staff = await _locked(db, staff_id=staff_id, scope=None)
    if staff.totp_confirmed_at is not None:
        raise TotpAlreadySet
    if staff.totp_sealed is None:
        raise TotpCodeWrong
    secret = key_ring.open(staff.totp_sealed, field="staff.totp_sealed", row=staff.id)
    moments = [now + drift * _STEP for drift in (0, -1, 1)]
    matching = [moment for moment in moments if pyotp.TOTP(secret).verify(code, for_time=moment)]
    if not matching:
        raise TotpCodeWrong
    staff.totp_confirmed_at = now
    staff.totp_last_step = int(matching[0].timestamp() // _STEP.total_seconds())
    await _record(db, f"staff:{staff_id}", "staff.totp", staff)


async def reset_totp(
    db: AsyncSession, *, changer_id: UUID, scope: int | None, staff_id: UUID, now: datetime
) -> None:
    """Forget the second factor of somebody who lost their device, and end their logins.

    Raises `NotFound`, `OwnAccessUnchangeable`.
    """
    staff = await _locked(db, staff_id=staff_id, scope=scope)
    if staff_id == changer_id:
        raise OwnAccessUnchangeable
    staff.totp_sealed = staff.totp_confirmed_at = staff.totp_last_step = None
    await db.flush()
    await revoke_staff_logins(db, staff_id=staff_id, now=now)
    await _record(db, f"staff:{changer_id}", "staff.totp_reset", staff)


async def _locked(db: AsyncSession, *, staff_id: UUID, scope: int | None) -> Staff:
    staff = await db.scalar(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if staff is None or scope not in {None, staff.hospital_id}:
        raise NotFound
    return staff


def _require_roles(roles: Collection[Role], *, hospital_id: int | None) -> None:
    if not roles or not set(roles) <= (PLATFORM_ROLES if hospital_id is None else HOSPITAL_ROLES):
        raise RolesNotAllowed


def _stored(roles: Collection[Role]) -> list[str]:
    return sorted({role.value for role in roles})


async def _record(db: AsyncSession, actor: str, action: str, staff: Staff, **data: list[str] | bool) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=staff.hospital_id or DIRECTORY,
            actor=actor,
            action=action,
            subject=f"staff:{staff.id}",
            data=dict(data),
        ),
    )
