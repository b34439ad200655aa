"""Accounts: registering, logging in, changing and resetting the password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.account import Account
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.policy.finding import phone_index
from guahao.identity.policy.login import is_weak_password
from guahao.identity.service.consents import lock_account
from guahao.identity.service.login import revoke_account_logins
from guahao.identity.service.security_event import Owner, Source, tell
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected, constraint_of
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id


class LoginRefused(Problem):
    """Username and password do not belong together, or the account is disabled: the same answer for all."""

    code = "login-refused"
    status = 401


class UsernameTaken(Problem):
    """Another account has this username."""

    code = "username-taken"
    status = 409


class PhoneTaken(Problem):
    """The phone, proven to be the caller's, has an account already."""

    code = "phone-taken"
    status = 409


class PhoneAlreadyLinked(Problem):
    """The account has another phone already."""

    code = "phone-already-linked"
    status = 409


class PhoneUnknown(Problem):
    """The phone, proven to be the caller's, has no account yet."""

    code = "phone-unknown"
    status = 404


class PasswordWeak(Problem):
    """The password is among those that are guessed first."""

    code = "password-weak"
    status = 422


class WeChatLoginRefused(Problem):
    """WeChat does not know the code of wx.login: used before, too old, or of another mini program."""

    code = "wechat-login-refused"
    status = 401


class WeChatPhoneRefused(Problem):
    """WeChat shows us no mainland mobile for the code of its phone-number button."""

    code = "wechat-phone-refused"
    status = 422


class WeChatAccountBlocked(Problem):
    """WeChat holds the user for high-risk; another way to log in is open."""

    code = "wechat-account-blocked"
    status = 403


class WeChatUnavailable(Problem):
    """WeChat cannot be asked right now; another way to log in is open."""

    code = "wechat-unavailable"
    status = 503
    retry_after_s = 5


class OldPasswordWrong(Problem):
    """The present password was not given rightly."""

    code = "old-password-wrong"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a password is judged by; all None when nobody has the name."""

    owner: UUID | None = None
    username: str | None = None
    password_hash: str | None = field(default=None, repr=False)


def check_password_strength(
    password: str, *, username: str, phone: str | None = None, guessed: frozenset[str]
) -> None:
    """Refuse a password that is guessed first, and the person's own phone. Raises `PasswordWeak`."""
    known = () if phone is None else (phone, phone[-8:])
    if is_weak_password(password, username=username, known=known, guessed=guessed):
        raise PasswordWeak


async def credential_by_username(db: AsyncSession, *, username: str) -> Credential:
    """Read what a login by password is judged by."""
    return await _credential(db, Account.username == username.lower())


async def credential_of(db: AsyncSession, *, account_id: UUID) -> Credential:
    """Read what a change of password is judged by."""
    return await _credential(db, Account.id == account_id)


async def phone_of(db: AsyncSession, *, account_id: UUID, key_ring: KeyRing) -> str | None:
    """Read the account's phone, if it has one."""
    sealed = await db.scalar(select(Account.phone_sealed).where(Account.id == account_id))
    return None if sealed is None else key_ring.open(sealed, field="account.phone_sealed", row=account_id)


async def find_by_phone(db: AsyncSession, *, key_ring: KeyRing, phone: str) -> Credential:
    """Read the account of a phone that nobody has proven; what it says must not reach the caller."""
    return await _credential(db, Account.phone_index == phone_index(key_ring, phone))


async def credential_by_phone(db: AsyncSession, *, key_ring: KeyRing, phone: str) -> Credential:
    """Read the account of a phone that was proven. Raises `PhoneUnknown`."""
    found = await find_by_phone(db, key_ring=key_ring, phone=phone)
    if found.owner is None:
        raise PhoneUnknown
    return found


async def register(
    db: AsyncSession,
    *,
    key_ring: KeyRing,
    phone: str,
    username: str,
    password_hash: str,
    now: datetime,
) -> Account:
    """Make an account of a phone that was proven in this transaction.

    Raises `UsernameTaken` or `PhoneTaken`; of several at once exactly one succeeds.
    """
    account = Account(id=new_id(), username=username.lower(), password_hash=password_hash, created_at=now)
    account.phone_sealed = key_ring.seal(phone, field="account.phone_sealed", row=account.id)
    account.phone_index = phone_index(key_ring, phone)
    db.add(account)
    try:
        await db.flush()
    except IntegrityError as error:
        _raise_taken(error)
    await record(db, _deed(account.id, "account.register"))
    return account


async def verified_account(db: AsyncSession, *, account_id: UUID, password_hash: str) -> Account:
    """Read the account for a login whose password was found right against `password_hash`.

    The row is locked against a change of password meanwhile. Raises `LoginRefused` when the
    password was changed or the account disabled since.
    """
    account = await db.scalar(
        select(Account)
        .where(Account.id == account_id, Account.password_hash == password_hash)
        .where(Account.disabled_at.is_(None))
        .with_for_update(key_share=True)
    )
    if account is None:
        raise LoginRefused
    return account


async def account_by_phone(db: AsyncSession, *, key_ring: KeyRing, phone: str) -> Account:
    """Read the account of a phone that was proven in this transaction.

    Raises `PhoneUnknown` or, for a disabled account, `LoginRefused`.
    """
    account = await db.scalar(
        select(Account)
        .where(Account.phone_index == phone_index(key_ring, phone))
        .with_for_update(key_share=True)  # a login must not slip past the closing of the account
    )
    if account is None:
        raise PhoneUnknown
    if account.disabled_at is not None:
        raise LoginRefused
    return account


async def account_of_openid(db: AsyncSession, *, openid: str, now: datetime) -> Account:
    """Read the account of a WeChat user, making one on the first login.

    Safe when the first login arrives twice at once. Raises `LoginRefused` for a disabled account.
    """
    id_ = new_id()
    making = (
        insert(Account)
        .values(id=id_, openid=openid, created_at=now)
        .on_conflict_do_nothing(index_elements=["openid"])
        .returning(Account.id)
    )
    found = select(Account).where(Account.openid == openid).with_for_update(key_share=True)
    account = None
    while account is None:  # again only when the account was closed between the two statements
        if await db.scalar(making) is not None:
            await record(db, _deed(id_, "account.register"))
        account = await db.scalar(found)
    if account.disabled_at is not None:
        raise LoginRefused
    return account


async def link_phone(
    db: AsyncSession, *, key_ring: KeyRing, account_id: UUID, phone: str, source: Source, now: datetime
) -> Account:
    """Give an account without a phone the one that was proven, and tell the owner; again changes nothing.

    Raises `PhoneTaken` when another account has it, of several at once all but one,
    `PhoneAlreadyLinked` when the account has another, and `AccountClosed`.
    """
    index = phone_index(key_ring, phone)
    sealed = key_ring.seal(phone, field="account.phone_sealed", row=account_id)
    await lock_account(db, account_id=account_id)
    linking = update(Account).where(Account.id == account_id, Account.phone_index.is_(None))
    try:
        linked = await db.execute(linking.values(phone_sealed=sealed, phone_index=index))
    except IntegrityError as error:
        _raise_taken(error)
    found = select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    account = (await db.scalars(found)).one()
    if affected(linked):
        await record(db, _deed(account_id, "account.link_phone"))
        owner = Owner(account_id=account_id)
        await tell(db, owner=owner, kind=SecurityEventKind.PHONE_LINKED, source=source, now=now)
    elif account.phone_index != index:
        raise PhoneAlreadyLinked
    return account


async def renew_hash(db: AsyncSession, *, account: Account, password_hash: str) -> None:
    """Store the same password under today's parameters."""
    account.password_hash = password_hash
    await db.flush()


async def change_password(
    db: AsyncSession,
    *,
    account_id: UUID,
    old_hash: str,
    new_hash: str,
    keep_login: UUID,
    source: Source,
    now: datetime,
) -> None:
    """Set a new password and log every other device out; the owner is told.

    Raises `OldPasswordWrong` when the password was changed since it was found right.
    """
    changed = await db.execute(
        update(Account)
        .where(Account.id == account_id, Account.password_hash == old_hash)
        .values(password_hash=new_hash)
    )
    if affected(changed) == 0:
        raise OldPasswordWrong
    await revoke_account_logins(db, account_id=account_id, keep=keep_login, now=now)
    await record(db, _deed(account_id, "account.change_password"))
    await _tell_password(db, account_id=account_id, source=source, now=now)


async def reset_password(
    db: AsyncSession,
    *,
    credential: Credential,
    phone: str,
    new_hash: str,
    source: Source,
    key_ring: KeyRing,
    now: datetime,
) -> None:
    """Set a new password for the owner of the proven phone and log every device out; the owner is told.

    Raises `PhoneUnknown`, also when the owner gave the phone up since.
    """
    account_id = credential.owner
    if account_id is None:
        raise PhoneUnknown
    changing = update(Account).where(
        Account.id == account_id, Account.phone_index == phone_index(key_ring, phone)
    )
    if affected(await db.execute(changing.values(password_hash=new_hash))) == 0:
        raise PhoneUnknown
    await revoke_account_logins(db, account_id=account_id, now=now)
    await record(db, _deed(account_id, "account.reset_password"))
    await _tell_password(db, account_id=account_id, source=source, now=now)


async def _tell_password(db: AsyncSession, *, account_id: UUID, source: Source, now: datetime) -> None:
    await tell(
        db,
        owner=Owner(account_id=account_id),
        kind=SecurityEventKind.PASSWORD_CHANGED,
        source=source,
        now=now,
    )


async def _credential(db: AsyncSession, condition: ColumnElement[bool]) -> Credential:
    row = (
        await db.execute(select(Account.id, Account.username, Account.password_hash).where(condition))
    ).one_or_none()
    if row is None:
        return Credential()
    return Credential(owner=row.id, username=row.username, password_hash=row.password_hash)


def _raise_taken(error: IntegrityError) -> NoReturn:
    match constraint_of(error):
        case "account_username_key":
            raise UsernameTaken from error
        case "account_phone_index_key":
            raise PhoneTaken from error
        case _:
            raise error


def _deed(account_id: UUID, action: str) -> AuditEntry:
    return AuditEntry(actor=f"account:{account_id}", action=action, subject=f"account:{account_id}")
