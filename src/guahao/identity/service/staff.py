"""Members of staff: making them, their roles, the end of their access."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import HOSPITAL_ROLES, PLATFORM_ROLES, Role
from guahao.identity.service.login import revoke_staff_logins
from guahao.kernel.errors import EditConflict, NotFound, Problem
from guahao.kernel.ids import DIRECTORY, new_id


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


async def create_staff(
    db: AsyncSession,
    *,
    actor: str,
    hospital_id: int | None,
    username: str,
    password_hash: str | None,
    name: str,
    roles: Collection[Role],
) -> Staff:
    """Make a member of staff of a hospital, or of the platform (None).

    `actor` is who does it, for the audit trail; `password_hash` comes from `hash_password`, called
    before the transaction; None for somebody who will be invited.
    Raises `StaffUsernameTaken`, `RolesNotAllowed`.
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
    await record_deed(db, actor, "staff.create", made, roles=made.roles)
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
    version: int,
    now: datetime,
) -> Staff:
    """Change what is given (None leaves it): other roles or disabling end every login at once.

    `scope` is the changer's hospital, None for the platform; `version` the one that was looked at.
    Raises `NotFound`, `RolesNotAllowed`, `OwnAccessUnchangeable`, `EditConflict`.
    """
    staff = await locked_member(db, staff_id=staff_id, scope=scope)
    if staff.version != version:
        raise EditConflict(your_version=version, current_version=staff.version)
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
    staff.version += 1
    await db.flush()
    if is_access:
        await revoke_staff_logins(db, staff_id=staff_id, now=now)
    now_is: dict[str, list[str] | bool] = {"roles": staff.roles, "disabled": staff.disabled_at is not None}
    await record_deed(db, f"staff:{changer_id}", "staff.change", staff, **now_is)
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


def _require_roles(roles: Collection[Role], *, hospital_id: int | None) -> None:
    if not roles or not set(roles) <= (PLATFORM_ROLES if hospital_id is None else HOSPITAL_ROLES):
        raise RolesNotAllowed


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
