"""Invitations: a code, told once, by which a member of staff chooses a password of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.models.staff import Staff, StaffInvitation
from guahao.identity.policy.code import INVITATION_GROUPS, new_code, plain_code
from guahao.identity.service.login import revoke_staff_logins
from guahao.identity.service.security_event import Owner, tell
from guahao.identity.service.staff import (
    SecondAdministratorNeeded,
    has_control,
    member_to_reset,
    record_deed,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import Problem

_LIFETIME = timedelta(hours=72)


class InvitationRefused(Problem):
    """No open invitation has this name and code: unknown, used, expired or replaced, told alike."""

    code = "invitation-refused"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A code just made; the only moment it is known."""

    code: str = field(repr=False)
    expires_at: datetime


async def invite(
    db: AsyncSession, *, staff: Staff, actor: str, key_ring: KeyRing, now: datetime
) -> Invitation:
    """Make a code by which `staff` chooses a password; one made before is void."""
    made = Invitation(code=new_code(INVITATION_GROUPS), expires_at=now + _LIFETIME)
    await _keep(db, staff, code_hash=_hash(key_ring, staff.id, made.code), expires_at=made.expires_at)
    await record_deed(db, actor, "staff.invite", staff)
    return made


async def _keep(db: AsyncSession, staff: Staff, *, code_hash: bytes, expires_at: datetime) -> None:
    values = {"code_hash": code_hash, "expires_at": expires_at}
    await db.execute(
        insert(StaffInvitation)
        .values(staff_id=staff.id, **values)
        .on_conflict_do_update(index_elements=["staff_id"], set_=values)
    )


def new_part(key_ring: KeyRing) -> tuple[str, bytes]:
    """Make the proposer's half of an invitation of two administrators, and what it is known by."""
    part = new_code(INVITATION_GROUPS)
    return part, _part_hash(key_ring, part)


async def invite_by_two(
    db: AsyncSession,
    *,
    staff: Staff,
    actor: str,
    other: str,
    part_hash: bytes,
    key_ring: KeyRing,
    now: datetime,
) -> Invitation:
    """Complete the invitation of somebody with a role of control; the code is the second half alone.

    The member joins with both halves, `actor`'s and the one that `other` was given before. So neither
    of the two can join in the member's place.
    """
    part = Invitation(code=new_code(INVITATION_GROUPS), expires_at=now + _LIFETIME)
    code_hash = _joint_hash(key_ring, staff.id, [part_hash, _part_hash(key_ring, part.code)])
    await _keep(db, staff, code_hash=code_hash, expires_at=part.expires_at)
    await record_deed(db, actor, "staff.invite", staff, other=other)
    return part


async def take_password(db: AsyncSession, staff: Staff, *, now: datetime) -> None:
    """Take the password of a locked member away and end their logins."""
    staff.password_hash = None
    staff.version += 1
    await db.flush()
    await revoke_staff_logins(db, staff_id=staff.id, now=now)


async def reset_password(
    db: AsyncSession,
    *,
    changer_id: UUID,
    scope: int | None,
    staff_id: UUID,
    key_ring: KeyRing,
    now: datetime,
) -> Invitation:
    """Take somebody's password away, end their logins, and invite them to choose another.

    Raises `NotFound`, `OwnAccessUnchangeable`, `SecondAdministratorNeeded`.
    """
    staff = await member_to_reset(db, changer_id=changer_id, scope=scope, staff_id=staff_id)
    if has_control(staff):
        raise SecondAdministratorNeeded
    await take_password(db, staff, now=now)
    await tell(db, owner=Owner(staff_id=staff_id), kind=SecurityEventKind.ACCESS_RESET, now=now)
    return await invite(db, staff=staff, actor=f"staff:{changer_id}", key_ring=key_ring, now=now)


async def join(
    db: AsyncSession, *, username: str, code: str, password_hash: str, key_ring: KeyRing, now: datetime
) -> None:
    """Set the password of whoever was invited; the code counts once. Raises `InvitationRefused`."""
    staff = await db.scalar(
        select(Staff)
        .where(Staff.username == username.lower(), Staff.disabled_at.is_(None))
        .with_for_update(key_share=True)
    )
    if staff is None:
        raise InvitationRefused
    spent = await db.scalar(
        delete(StaffInvitation)
        .where(
            StaffInvitation.staff_id == staff.id,
            StaffInvitation.code_hash == _hash(key_ring, staff.id, code),
            StaffInvitation.expires_at > now,
        )
        .returning(StaffInvitation.staff_id)
    )
    if spent is None:
        raise InvitationRefused
    await db.execute(
        update(Staff)
        .where(Staff.id == staff.id)
        .values(password_hash=password_hash, version=Staff.version + 1)
        .execution_options(synchronize_session=False)
    )
    await record_deed(db, f"staff:{staff.id}", "staff.join", staff)


def _hash(key_ring: KeyRing, staff_id: UUID, code: str) -> bytes:
    """What a typed code is known by: a whole one, or both halves in either order."""
    plain = plain_code(code)
    length = sum(INVITATION_GROUPS)
    if len(plain) == 2 * length:
        halves = (plain[:length], plain[length:])
        return _joint_hash(key_ring, staff_id, [_part_hash(key_ring, half) for half in halves])
    return key_ring.blind_index("staff_invitation.code_hash", f"{staff_id}|{plain}")


def _part_hash(key_ring: KeyRing, part: str) -> bytes:
    return key_ring.blind_index("control_request.code_part_hash", plain_code(part))


def _joint_hash(key_ring: KeyRing, staff_id: UUID, parts: Sequence[bytes]) -> bytes:
    joint = "|".join(sorted(part.hex() for part in parts))
    return key_ring.blind_index("staff_invitation.code_hash", f"{staff_id}|{joint}")
