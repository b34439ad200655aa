"""Members of staff: making them, their roles, the end of their access."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import (
    CONTROL_ROLES,
    HOSPITAL_ROLES,
    PLATFORM_ROLES,
    Role,
    incompatible_roles,
)
from guahao.identity.service.login import revoke_staff_logins
from guahao.kernel.errors import EditConflict, NotFound, Problem
from guahao.kernel.i18n import text
from guahao.kernel.ids import DIRECTORY, hospital_of, new_id


class StaffUsernameTaken(Problem):
    """Another member of staff, perhaps of another hospital, has this username."""

    code = "staff-username-taken"
    status = 409


class RolesNotAllowed(Problem):
    """These roles cannot be given there: platform roles only to the platform's people, and so on."""

    code = "roles-not-allowed"
    status = 422


class RolesIncompatible(Problem):
    """One person cannot have these `roles` together: who asks for something never decides about it."""

    code = "roles-incompatible"
    status = 422


class DoctorRequired(Problem):
    """The role of a doctor belongs to one doctor of the hospital (`doctor_id`), and only that role does."""

    code = "doctor-required"
    status = 422


class SecondAdministratorNeeded(Problem):
    """This gives access to a role of control: another administrator has to allow it."""

    code = "second-administrator-needed"
    status = 409


class OwnAccessUnchangeable(Problem):
    """Nobody changes their own roles or disables themself; another administrator does."""

    code = "own-access-unchangeable"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """Somebody who shall work for a hospital, or for the platform (None), and as what.

    `doctor_id` is whose sessions and patients somebody with the role of a doctor sees; no other role has it.
    """

    hospital_id: int | None
    username: str
    name: str
    roles: Collection[Role]
    doctor_id: UUID | None = None


async def create_staff(db: AsyncSession, *, actor: str, new: NewMember) -> Staff:
    """Make a member of staff who has no password: an invitation lets them choose one.

    `actor` is who does it, for the audit trail. Raises `StaffUsernameTaken`, `RolesNotAllowed`,
    `RolesIncompatible`, `DoctorRequired`.
    """
    require_roles(new.roles, hospital_id=new.hospital_id)
    require_doctor(new.doctor_id, roles=new.roles, hospital_id=new.hospital_id)
    made: Staff | None = await db.scalar(
        insert(Staff)
        .values(
            id=new_id(),
            hospital_id=new.hospital_id,
            username=new.username.lower(),
            name=new.name,
            roles=_stored(new.roles),
            doctor_id=new.doctor_id,
        )
        .on_conflict_do_nothing(index_elements=["username"])
        .returning(Staff)
    )
    if made is None:
        raise StaffUsernameTaken
    await record_deed(db, actor, "staff.create", made, roles=made.roles)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """What shall be other than before, None leaves it; `version` is the one that was looked at.

    With `roles` comes `doctor_id`, None for somebody who is no doctor.
    """

    version: int
    name: str | None = None
    roles: Collection[Role] | None = None
    doctor_id: UUID | None = None
    is_disabled: bool | None = None

    @property
    def is_access(self) -> bool:
        """Whether it is about what somebody may do, not only what they are called."""
        return self.roles is not None or self.is_disabled is not None


def needs_second(staff: Staff, change: MemberChange) -> bool:
    """Whether a change gives a role of control to somebody without it, or lifts a disable."""
    gained = set() if change.roles is None else {*_stored(change.roles)} - set(staff.roles)
    return bool(gained & CONTROL_ROLES) or (change.is_disabled is False and staff.disabled_at is not None)


async def change_staff(
    db: AsyncSession,
    *,
    changer_id: UUID,
    scope: int | None,
    staff_id: UUID,
    change: MemberChange,
    now: datetime,
) -> Staff:
    """Change a member alone: other roles or disabling end every login at once.

    `scope` is the changer's hospital, None for the platform. Raises `NotFound`, `EditConflict`,
    `SecondAdministratorNeeded` and what `member_to_change`, `apply_roles` raise.
    """
    staff = await member_to_change(db, changer_id=changer_id, scope=scope, staff_id=staff_id, change=change)
    if needs_second(staff, change):
        raise SecondAdministratorNeeded
    renamed: dict[str, str] = {}
    if change.name is not None and change.name != staff.name:
        renamed = {"old_name": staff.name, "name": change.name}
        staff.name = change.name
    if change.roles is not None:
        apply_roles(staff, roles=change.roles, doctor_id=change.doctor_id)
    if change.is_disabled:
        staff.disabled_at = staff.disabled_at or now
    staff.version += 1
    await db.flush()
    if change.is_access:
        await revoke_staff_logins(db, staff_id=staff_id, now=now)
    await record_access(db, f"staff:{changer_id}", staff, **renamed)
    return staff


async def member_to_change(
    db: AsyncSession, *, changer_id: UUID, scope: int | None, staff_id: UUID, change: MemberChange
) -> Staff:
    """Lock a member whom `changer_id` may change so.

    Raises `NotFound`, `EditConflict`, `OwnAccessUnchangeable`.
    """
    staff = await locked_member(db, staff_id=staff_id, scope=scope)
    if staff.version != change.version:
        raise EditConflict(your_version=change.version, current_version=staff.version)
    if change.is_access and staff_id == changer_id:
        raise OwnAccessUnchangeable
    return staff


def apply_roles(staff: Staff, *, roles: Collection[Role], doctor_id: UUID | None) -> None:
    """Give a member these roles instead of the present ones.

    Raises `RolesNotAllowed`, `RolesIncompatible`, `DoctorRequired`.
    """
    require_roles(roles, hospital_id=staff.hospital_id)
    require_doctor(doctor_id, roles=roles, hospital_id=staff.hospital_id)
    staff.roles, staff.doctor_id = _stored(roles), doctor_id


async def record_access(db: AsyncSession, actor: str, staff: Staff, **renamed: str) -> None:
    """Write into the trail what a member may do from now on, and both names of who was renamed.

    All that somebody ever did is shown under the present name: only the trail still knows the other.
    """
    now_is: dict[str, list[str] | bool] = {"roles": staff.roles, "disabled": staff.disabled_at is not None}
    await record_deed(db, actor, "staff.change", staff, **now_is, **renamed)


def has_control(staff: Staff) -> bool:
    """Whether somebody has a role of control, so that one administrator alone does not reset their access."""
    return bool(set(staff.roles) & CONTROL_ROLES)


async def member_to_reset(db: AsyncSession, *, changer_id: UUID, scope: int | None, staff_id: UUID) -> Staff:
    """Lock a member whose access somebody else resets. Raises `NotFound`, `OwnAccessUnchangeable`."""
    staff = await locked_member(db, staff_id=staff_id, scope=scope)
    if staff_id == changer_id:
        raise OwnAccessUnchangeable
    return staff


async def locked_member(db: AsyncSession, *, staff_id: UUID, scope: int | None) -> Staff:
    """Lock a member of staff of the hospital `scope`, None for any. Raises `NotFound`."""
    staff = await db.scalar(
        select(Staff)
        .where(Staff.id == staff_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if staff is None or scope not in {None, staff.hospital_id}:
        raise NotFound
    return staff


def require_roles(roles: Collection[Role], *, hospital_id: int | None) -> None:
    """Raise `RolesNotAllowed` or `RolesIncompatible` for roles that nobody has there."""
    if not roles or not set(roles) <= (PLATFORM_ROLES if hospital_id is None else HOSPITAL_ROLES):
        raise RolesNotAllowed
    excluded = incompatible_roles(roles)
    if excluded:
        raise RolesIncompatible(
            roles=[role.value for role in excluded],
            names="、".join(text(f"role.{role.value}") for role in excluded),
        )


def require_doctor(doctor_id: UUID | None, *, roles: Collection[Role], hospital_id: int | None) -> None:
    """Raise `DoctorRequired` unless exactly the role of a doctor comes with a doctor of this hospital."""
    if (Role.DOCTOR in roles) != (doctor_id is not None):
        raise DoctorRequired
    if doctor_id is not None and (hospital_id is None or hospital_of(doctor_id) != hospital_id):
        raise DoctorRequired


def _stored(roles: Collection[Role]) -> list[str]:
    return sorted({role.value for role in roles})


async def record_deed(
    db: AsyncSession, actor: str, action: str, staff: Staff, **data: list[str] | bool | str
) -> None:
    """Write into the trail of their hospital what was done to a member of staff."""
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
