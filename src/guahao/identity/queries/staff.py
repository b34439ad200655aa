"""Members of staff as administrators see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, any_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login
from guahao.identity.models.staff import Staff, StaffRecoveryCode
from guahao.identity.policy.permission import Role
from guahao.kernel.paging import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLogin:
    """A login as its owner sees it on every page: under which name, and until when."""

    username: str
    has_second_factor: bool
    recovery_codes_left: int
    idle_ends_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSearch:
    """Which members; `scope` is the searcher's hospital, None for the platform, which sees everybody."""

    scope: int | None
    hospital_id: int | None = None
    role: Role | None = None
    is_disabled: bool | None = None
    words: str | None = None


MEMBERS = Listing(
    by={"created_at": Staff.id, "name": Staff.name, "username": Staff.username},
    id=Staff.id,
    default="-created_at",
)
"""The staff of an installation are hundreds: they are sorted without an index of their own."""


def members(search: MemberSearch) -> Select[Staff]:
    """The members that are searched for; words are looked for in name and username."""
    wanted = [
        Staff.hospital_id == hospital
        for hospital in (search.scope, search.hospital_id)
        if hospital is not None
    ]
    if search.role is not None:
        wanted.append(any_(Staff.roles) == search.role.value)
    if search.is_disabled is not None:
        wanted.append(Staff.disabled_at.is_not(None) if search.is_disabled else Staff.disabled_at.is_(None))
    if search.words is not None:
        wanted.append(
            or_(
                Staff.name.icontains(search.words, autoescape=True),
                Staff.username.icontains(search.words, autoescape=True),
            )
        )
    return select(Staff).where(*wanted)


async def own_login(db: AsyncSession, *, staff_id: UUID, login_id: UUID) -> OwnLogin:
    """The login itself; it exists, since somebody is logged in by it."""
    codes = (
        select(func.count())
        .select_from(StaffRecoveryCode)
        .where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
        .scalar_subquery()
    )
    found = await db.execute(
        select(
            *(Staff.username, Staff.totp_confirmed_at, Login.idle_expires_at, Login.expires_at),
            codes.label("recovery_codes_left"),
        )
        .join(Login, Login.staff_id == Staff.id)
        .where(Staff.id == staff_id, Login.id == login_id)
    )
    row = found.one()
    return OwnLogin(
        username=row.username,
        has_second_factor=row.totp_confirmed_at is not None,
        recovery_codes_left=row.recovery_codes_left,
        idle_ends_at=row.idle_expires_at,
        ends_at=row.expires_at,
    )


async def logins_of_staff(db: AsyncSession, *, staff_id: UUID, now: datetime) -> Sequence[Login]:
    """The devices on which somebody is logged in, the one used last first."""
    live = (Login.revoked_at.is_(None), Login.idle_expires_at > now, Login.expires_at > now)
    found = await db.scalars(
        select(Login).where(Login.staff_id == staff_id, *live).order_by(Login.last_seen_at.desc(), Login.id)
    )
    return found.all()


async def usernames_in_use(db: AsyncSession, usernames: Collection[str]) -> bool:
    """Tell whether any of these names logs in here, as staff or as a patient."""
    staff = select(Staff.username).where(Staff.username.in_(usernames))
    accounts = select(Account.username).where(Account.username.in_(usernames))
    return await db.scalar(staff.union_all(accounts).limit(1)) is not None
