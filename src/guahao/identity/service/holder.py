"""Proof that it is the holder who asks, and not somebody who found a phone that is logged in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, SmsCode
from guahao.identity.service.account import phone_of
from guahao.identity.service.consents import lock_account
from guahao.identity.service.sms_code import SmsCodeWrong, spend_code
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import Problem


class HolderNotProven(Problem):
    """The password, or the WeChat user, is not the one of this account."""

    code = "holder-not-proven"
    status = 409


class AccountHasNoPhone(Problem):
    """The account has no phone to send a code to."""

    code = "account-has-no-phone"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found right before the deed, exactly one of the three; judged again together with it."""

    password_hash: str | None = field(default=None, repr=False)
    code_id: UUID | None = None
    openid: str | None = field(default=None, repr=False)


async def own_phone(db: AsyncSession, *, account_id: UUID, key_ring: KeyRing) -> str:
    """Read the account's phone. Raises `AccountHasNoPhone`."""
    phone = await phone_of(db, account_id=account_id, key_ring=key_ring)
    if phone is None:
        raise AccountHasNoPhone
    return phone


async def accept_proof(db: AsyncSession, *, account_id: UUID, proof: Proof, now: datetime) -> Account:
    """Lock the account for a deed of its holder, using the proof up together with it.

    Raises `AccountClosed`, `SmsCodeWrong`, and `HolderNotProven` when what was proven has changed since.
    """
    await lock_account(db, account_id=account_id)
    account = await db.get_one(Account, account_id, populate_existing=True)
    if proof.code_id is not None:
        await _require_sent_to(db, account, code_id=proof.code_id)
        await spend_code(db, code_id=proof.code_id, now=now)
        return account
    by_password = proof.password_hash is not None and proof.password_hash == account.password_hash
    by_wechat = proof.openid is not None and proof.openid == account.openid
    if not (by_password or by_wechat):
        raise HolderNotProven
    return account


async def _require_sent_to(db: AsyncSession, account: Account, *, code_id: UUID) -> None:
    """Refuse a code of a number that the locked account has given up since."""
    sent_to = await db.scalar(select(SmsCode.phone_index).where(SmsCode.id == code_id))
    if account.phone_index is None or sent_to != account.phone_index:
        raise SmsCodeWrong
