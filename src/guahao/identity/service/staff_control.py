"""Access to roles of control: one administrator proposes it, another allows it, neither can use it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.models.staff import ControlRequest, RequestKind, Staff
from guahao.identity.policy.permission import Role
from guahao.identity.service.control import (
    ControlRequestClosed,
    Decider,
    NewRequest,
    approve_request,
    propose,
)
from guahao.identity.service.invitations import Invitation, invite_by_two, new_part, take_password
from guahao.identity.service.second_factor import forget_totp
from guahao.identity.service.security_event import Owner, tell
from guahao.identity.service.staff import (
    MemberChange,
    NewMember,
    OwnAccessUnchangeable,
    StaffUsernameTaken,
    apply_roles,
    create_staff,
    locked_member,
    member_to_change,
    member_to_reset,
    record_access,
    record_deed,
    require_doctor,
    require_roles,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A request just made; `code_part` is the proposer's half of the invitation, known this once."""

    request: ControlRequest
    code_part: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request just allowed and done; `invitation` holds the approver's half, where one was made."""

    request: ControlRequest
    invitation: Invitation | None


async def propose_member(
    db: AsyncSession, *, new: NewMember, proposer_id: UUID, key_ring: KeyRing, now: datetime
) -> Proposal:
    """Ask for an account with a role of control; it is made when a second administrator agrees.

    Raises `StaffUsernameTaken`, `RolesNotAllowed`, `RolesIncompatible`, `DoctorRequired`,
    `ControlRequestOpen`.
    """
    require_roles(new.roles, hospital_id=new.hospital_id)
    require_doctor(new.doctor_id, roles=new.roles, hospital_id=new.hospital_id)
    username = new.username.lower()
    if await db.scalar(select(Staff.id).where(Staff.username == username)) is not None:
        raise StaffUsernameTaken
    part, part_hash = new_part(key_ring)
    request = NewRequest(
        kind=RequestKind.CREATE_MEMBER,
        hospital_id=new.hospital_id,
        subject=f"username:{username}",
        detail={"username": username, "name": new.name, **_access(new.roles, new.doctor_id)},
        code_part_hash=part_hash,
    )
    return Proposal(request=await propose(db, new=request, proposer_id=proposer_id, now=now), code_part=part)


async def propose_change(
    db: AsyncSession,
    *,
    changer_id: UUID,
    scope: int | None,
    staff_id: UUID,
    change: MemberChange,
    key_ring: KeyRing,
    now: datetime,
) -> Proposal:
    """Ask for roles of control for somebody, or for the end of a disable.

    Raises `NotFound`, `EditConflict`, `OwnAccessUnchangeable`, `RolesNotAllowed`, `RolesIncompatible`,
    `DoctorRequired`, `ControlRequestOpen`.
    """
    staff = await member_to_change(db, changer_id=changer_id, scope=scope, staff_id=staff_id, change=change)
    if change.roles is None:
        return await _propose_about(db, staff, RequestKind.ENABLE_MEMBER, proposer_id=changer_id, now=now)
    require_roles(change.roles, hospital_id=staff.hospital_id)
    require_doctor(change.doctor_id, roles=change.roles, hospital_id=staff.hospital_id)
    part, part_hash = new_part(key_ring)
    request = NewRequest(
        kind=RequestKind.GRANT_ROLES,
        hospital_id=staff.hospital_id,
        subject=f"staff:{staff.id}",
        detail=_about(staff) | _access(change.roles, change.doctor_id),
        code_part_hash=part_hash,
    )
    return Proposal(request=await propose(db, new=request, proposer_id=changer_id, now=now), code_part=part)


async def propose_reset(
    db: AsyncSession,
    *,
    kind: RequestKind,
    changer_id: UUID,
    scope: int | None,
    staff_id: UUID,
    key_ring: KeyRing,
    now: datetime,
) -> Proposal:
    """Ask for a reset of the password or the second factor of somebody with a role of control.

    Raises `NotFound`, `OwnAccessUnchangeable`, `ControlRequestOpen`.
    """
    staff = await member_to_reset(db, changer_id=changer_id, scope=scope, staff_id=staff_id)
    if kind is RequestKind.RESET_TOTP:
        return await _propose_about(db, staff, kind, proposer_id=changer_id, now=now)
    part, part_hash = new_part(key_ring)
    request = NewRequest(
        kind=kind,
        hospital_id=staff.hospital_id,
        subject=f"staff:{staff.id}",
        detail=_about(staff),
        code_part_hash=part_hash,
    )
    return Proposal(request=await propose(db, new=request, proposer_id=changer_id, now=now), code_part=part)


async def _propose_about(
    db: AsyncSession, staff: Staff, kind: RequestKind, *, proposer_id: UUID, now: datetime
) -> Proposal:
    request = NewRequest(
        kind=kind, hospital_id=staff.hospital_id, subject=f"staff:{staff.id}", detail=_about(staff)
    )
    return Proposal(request=await propose(db, new=request, proposer_id=proposer_id, now=now))


def _about(staff: Staff) -> dict[str, object]:
    return {"staff_id": str(staff.id), "username": staff.username, "name": staff.name, "roles": staff.roles}


def _access(roles: Collection[Role], doctor_id: UUID | None) -> dict[str, object]:
    chosen = sorted({role.value for role in roles})
    return {"roles": chosen, "doctor_id": None if doctor_id is None else str(doctor_id)}


async def approve_access(
    db: AsyncSession, *, request_id: UUID, decider: Decider, key_ring: KeyRing, now: datetime
) -> Approval:
    """Allow what another administrator proposed about somebody's access, and do it.

    Raises `NotFound` (also for a request of another kind), `SamePerson`, `ControlRequestClosed`,
    `OwnAccessUnchangeable`, `StaffUsernameTaken` and what roles are refused with.
    """
    request = await approve_request(db, request_id=request_id, decider=decider, now=now)
    actor = f"staff:{decider.id}"
    if request.kind is RequestKind.CREATE_MEMBER:
        staff = await create_staff(db, actor=actor, new=_member_of(request))
    else:
        staff = await _member(db, request, decider)
        await _apply(db, request, staff, actor=actor, now=now)
        if request.kind is not RequestKind.ENABLE_MEMBER:
            await tell(db, owner=Owner(staff_id=staff.id), kind=SecurityEventKind.ACCESS_RESET, now=now)
    invitation = None
    if request.code_part_hash is not None:
        invitation = await invite_by_two(
            db,
            staff=staff,
            actor=actor,
            other=f"staff:{request.proposed_by}",
            part_hash=request.code_part_hash,
            key_ring=key_ring,
            now=now,
        )
    return Approval(request=request, invitation=invitation)


async def _member(db: AsyncSession, request: ControlRequest, decider: Decider) -> Staff:
    if request.kind is RequestKind.LOOSEN_CONTROL:
        raise NotFound
    staff = await locked_member(db, staff_id=UUID(str(request.detail["staff_id"])), scope=decider.scope)
    if staff.id == decider.id:
        raise OwnAccessUnchangeable
    return staff


async def _apply(
    db: AsyncSession, request: ControlRequest, staff: Staff, *, actor: str, now: datetime
) -> None:
    """Do to a locked member what two administrators agreed on.

    Whoever gets a role of control begins anew: nobody who knew the old password or held the old
    authenticator comes to the new role by it.
    """
    match request.kind:
        case RequestKind.GRANT_ROLES:
            if staff.disabled_at is not None:
                raise ControlRequestClosed(state="disabled")
            new = _member_of(request)
            apply_roles(staff, roles=new.roles, doctor_id=new.doctor_id)
            await take_password(db, staff, now=now)
            await forget_totp(db, staff, now=now)
            await record_access(db, actor, staff)
        case RequestKind.RESET_LOGIN:
            await take_password(db, staff, now=now)
        case RequestKind.RESET_TOTP:
            await forget_totp(db, staff, now=now)
            await record_deed(db, actor, "staff.totp_reset", staff, other=f"staff:{request.proposed_by}")
        case RequestKind.ENABLE_MEMBER:
            staff.disabled_at = None
            staff.version += 1
            await db.flush()
            await record_access(db, actor, staff)
        case RequestKind.CREATE_MEMBER | RequestKind.LOOSEN_CONTROL:
            raise NotFound


def _member_of(request: ControlRequest) -> NewMember:
    detail = request.detail
    doctor_id = detail.get("doctor_id")
    roles = detail["roles"]
    assert isinstance(roles, list)
    return NewMember(
        hospital_id=request.hospital_id,
        username=str(detail["username"]),
        name=str(detail["name"]),
        roles=[Role(role) for role in roles],
        doctor_id=None if doctor_id is None else UUID(str(doctor_id)),
    )
