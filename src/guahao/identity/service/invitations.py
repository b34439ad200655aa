"""Invitations: a code, told once, by which a member of staff chooses a password of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff, StaffInvitation
from guahao.identity.policy.code import INVITATION_GROUPS, new_code, plain_code
from guahao.identity.service.login import revoke_staff_logins
from guahao.identity.service.staff import OwnAccessUnchangeable, locked_member, record_deed
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
    values = {"code_hash": _hash(key_ring, staff.id, made.code), "expires_at": made.expires_at}
    await db.execute(
        insert(StaffInvitation)
        .values(staff_id=staff.id, **values)
        .on_conflict_do_update(index_elements=["staff_id"], set_=values)
    )
    await record_deed(db, actor, "staff.invite", staff)
    return made


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

    Raises `NotFound`, `OwnAccessUnchangeable`.
    """
    staff = await locked_member(db, staff_id=staff_id, scope=scope)
    if staff_id == changer_id:
        raise OwnAccessUnchangeable
    staff.password_hash = None
    staff.version += 1
    await db.flush()
    await revoke_staff_logins(db, staff_id=staff_id, now=now)
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
    return key_ring.blind_index("staff_invitation.code_hash", f"{staff_id}|{plain_code(code)}")
