"""Who sends this request: from bearer token to account or member of staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import Permission, Role, permissions_of
from guahao.identity.service.token import TokenMemory, hash_of
from guahao.kernel.db import HotStatement, Sessions, autocommitting
from guahao.kernel.errors import NotFound

ACCOUNT_IDLE = timedelta(days=30)
STAFF_IDLE = timedelta(minutes=30)
_ACCOUNT_SEEN_STEP = timedelta(hours=1)
_STAFF_SEEN_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef:
    """The account that sends a request, and the login it does so by."""

    id: UUID
    login_id: UUID


NO_DOCTOR = UUID(int=0)
"""The id of nobody: what is read for it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRef:
    """The member of staff who sends a request; `hospital_id` is None for the platform's own people.

    Who lacks a second factor where one is required may only set it up.
    """

    id: UUID
    login_id: UUID
    name: str
    hospital_id: int | None
    roles: frozenset[Role]
    permissions: frozenset[Permission]
    lacks_second_factor: bool = False
    doctor_id: UUID | None = None

    def own_doctor(self, permission: Permission) -> UUID | None:
        """Whose rows alone the caller sees by this permission: a doctor's own, None for everybody's.

        Somebody with another role that has the permission sees all; a doctor whose account is bound to
        no doctor sees none (`NO_DOCTOR`).
        """
        if permission in permissions_of(self.roles - {Role.DOCTOR}):
            return None
        return NO_DOCTOR if self.doctor_id is None else self.doctor_id

    def require_doctor(self, doctor_id: UUID | None, permission: Permission) -> None:
        """Raise `NotFound` for a row of another doctor, to somebody who sees only their own."""
        if self.own_doctor(permission) not in {None, doctor_id}:
            raise NotFound

    def may(self, hospital_id: int) -> bool:
        """Whether rows of this hospital exist for this person."""
        return self.hospital_id is None or self.hospital_id == hospital_id

    def require(self, hospital_id: int) -> None:
        """Raise `NotFound` for rows of a foreign hospital, as if they did not exist."""
        if not self.may(hospital_id):
            raise NotFound


ACCOUNT_TOKENS: TokenMemory[AccountRef] = TokenMemory()
STAFF_TOKENS: TokenMemory[StaffRef] = TokenMemory()


_LOGIN, _OWNER = Login.__table__.c, Account.__table__.c
_ACCOUNT = HotStatement(
    select(_LOGIN.id, _LOGIN.account_id, _LOGIN.last_seen_at, _LOGIN.idle_expires_at, _LOGIN.expires_at)
    .join(Account.__table__, _OWNER.id == _LOGIN.account_id)
    .where(
        _LOGIN.token_hash == bindparam("token_hash"),
        _LOGIN.revoked_at.is_(None),
        _LOGIN.idle_expires_at > bindparam("now"),
        _LOGIN.expires_at > bindparam("now"),
        _OWNER.disabled_at.is_(None),
    )
)


async def recognise_account(sessions: Sessions, token: str, *, now: datetime) -> AccountRef | None:
    """Answer whose account `token` stands for, or None when it is unknown, over, revoked or disabled."""
    token_hash = hash_of(token)
    known = ACCOUNT_TOKENS.recall(token_hash, now=now)
    if known is not None:
        return known
    async with autocommitting(sessions) as db:
        rows = await _ACCOUNT.rows(db, {"token_hash": token_hash, "now": now})
        row = rows[0] if rows else None
        await _note_seen(db, row, idle=ACCOUNT_IDLE, step=_ACCOUNT_SEEN_STEP, now=now)
    if row is None:
        return None
    who = AccountRef(id=row.account_id, login_id=row.id)
    until = min(row.idle_expires_at, row.expires_at)
    ACCOUNT_TOKENS.remember(token_hash, who, owner=who.id, until=until, now=now)
    return who


async def recognise_staff(
    sessions: Sessions, token: str, *, needs_second_factor: bool, now: datetime
) -> StaffRef | None:
    """Answer which member of staff `token` stands for, or None as above.

    Where a second factor is needed, setting it up ends the logins made without it.
    """
    token_hash = hash_of(token)
    known = STAFF_TOKENS.recall(token_hash, now=now)
    if known is not None:
        return known
    statement = (
        select(
            *(Login.id, Login.staff_id, Login.last_seen_at, Login.idle_expires_at, Login.expires_at),
            *(Staff.name, Staff.hospital_id, Staff.roles, Staff.doctor_id, Staff.totp_confirmed_at),
        )
        .join(Staff, Staff.id == Login.staff_id)
        .where(*_is_live(token_hash, now), Staff.disabled_at.is_(None))
    )
    if needs_second_factor:
        made_with_it = Login.created_at >= Staff.totp_confirmed_at
        statement = statement.where(or_(Staff.totp_confirmed_at.is_(None), made_with_it))
    async with autocommitting(sessions) as db:
        row = (await db.execute(statement)).one_or_none()
        await _note_seen(db, row, idle=STAFF_IDLE, step=_STAFF_SEEN_STEP, now=now)
    if row is None:
        return None
    who = _staff_ref(row, lacks_second_factor=needs_second_factor and row.totp_confirmed_at is None)
    until = min(row.idle_expires_at, row.expires_at)
    STAFF_TOKENS.remember(token_hash, who, owner=who.id, until=until, now=now)
    return who


def _staff_ref(row: Row[*tuple[Any, ...]], *, lacks_second_factor: bool) -> StaffRef:
    roles = frozenset(Role(role) for role in row.roles)
    return StaffRef(
        id=row.staff_id,
        login_id=row.id,
        name=row.name,
        hospital_id=row.hospital_id,
        roles=roles,
        permissions=frozenset({Permission.OWN_LOGIN}) if lacks_second_factor else permissions_of(roles),
        lacks_second_factor=lacks_second_factor,
        doctor_id=row.doctor_id,
    )


def _is_live(token_hash: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Login.token_hash == token_hash,
        Login.revoked_at.is_(None),
        Login.idle_expires_at > now,
        Login.expires_at > now,
    )


async def _note_seen(
    db: AsyncSession, row: Row[*tuple[Any, ...]] | None, *, idle: timedelta, step: timedelta, now: datetime
) -> None:
    """Note now and then that a login was seen, outside the request's transaction: no lock on later work."""
    if row is not None and now - row.last_seen_at >= step:
        await db.execute(
            update(Login)
            .where(Login.id == row.id, Login.last_seen_at <= now - step)
            .values(last_seen_at=now, idle_expires_at=now + idle)
            .execution_options(synchronize_session=False)
        )
