"""Codes sent by SMS: issuing within the limits, paying for a try, spending the right one."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import CodePurpose, SmsBudget, SmsCode
from guahao.identity.policy.finding import phone_index
from guahao.identity.policy.login import (
    ASKER_ALLOWANCES,
    CODE_TRIES,
    CODE_TTL,
    PHONE_SHARES,
    Allowance,
    share_wait_s,
    wait_s,
)
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem
from guahao.kernel.log import logger

_COUNTED_FOR = timedelta(days=1)


class SmsLimitReached(Problem):
    """Codes were asked for too often, by this asker, for this phone or from this address."""

    code = "sms-limit-reached"
    status = 429
    retry_after_s = 60


class SmsBudgetSpent(Problem):
    """The installation has sent as many messages as it may in one day."""

    code = "sms-budget-spent"
    status = 503
    retry_after_s = 3600


class SmsUnavailable(Problem):
    """The SMS provider could not be reached or refused the message."""

    code = "sms-unavailable"
    status = 503
    retry_after_s = 60


class SmsCodeWrong(Problem):
    """The code is wrong, used, too old, tried too often, or of another phone, purpose or request."""

    code = "sms-code-wrong"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for codes: a device of the phone's owner if it is known as one, else an address."""

    address: str
    device: str | None = None

    def address_hash(self, keys: KeyRing) -> bytes:
        """Under which codes are counted for the address."""
        return keys.blind_index("sms_code.address", self.address)

    def device_hash(self, keys: KeyRing) -> bytes | None:
        """Under which codes are counted for the device."""
        return None if self.device is None else keys.blind_index("sms_code.device", self.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A code to be sent now; it is written down nowhere.

    `id` is told to the asker alone: random in all its bits, unlike `new_id`, so that nobody guesses it.
    """

    id: UUID
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidTry:
    """A try that has been counted against one code, and whether it was right."""

    code_id: UUID
    is_right: bool


async def issue_code(
    db: AsyncSession,
    *,
    key_ring: KeyRing,
    phone: str,
    purpose: CodePurpose,
    asker: Asker,
    per_address_hour: int,
    daily_budget: int,
    now: datetime,
) -> IssuedCode:
    """Make a code of 6 digits for one purpose of one phone; one this asker had before is void from now on.

    The limits are exact under concurrency: requests for one phone, or from one address, wait for each
    other. The caller sends the code after the commit. Raises `SmsLimitReached` or `SmsBudgetSpent`.
    """
    index = phone_index(key_ring, phone)
    address_hash = asker.address_hash(key_ring)
    await _lock_out_others(db, index, address_hash)
    own = and_(SmsCode.phone_index == index, _is_asker(asker, key_ring))
    await _check_limits(db, index, own, is_known=asker.device is not None, now=now)
    if asker.device is None:
        await _check_address(db, address_hash, per_address_hour, now=now)
    await _void(db, and_(own, SmsCode.purpose == purpose), now=now)
    issued = IssuedCode(id=uuid4(), code=f"{secrets.randbelow(1_000_000):06d}")
    db.add(
        SmsCode(
            id=issued.id,
            purpose=purpose,
            phone_index=index,
            address_hash=address_hash,
            device_hash=asker.device_hash(key_ring),
            code_hash=_code_hash(key_ring, issued.id, phone, purpose, issued.code),
            created_at=now,
            expires_at=now + CODE_TTL,
        )
    )
    await db.flush()
    await _spend_budget(db, daily_budget, now=now)
    return issued


async def _lock_out_others(db: AsyncSession, index: bytes, address_hash: bytes) -> None:
    await db.execute(
        select(func.pg_advisory_xact_lock(_lock(index)), func.pg_advisory_xact_lock(_lock(address_hash)))
    )


async def _void(db: AsyncSession, codes: ColumnElement[bool], *, now: datetime) -> None:
    await db.execute(
        update(SmsCode)
        .where(codes, SmsCode.expires_at > now)
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )


async def note_sent(db: AsyncSession, *, code_id: UUID, now: datetime) -> None:
    """Note that the provider took the message."""
    await db.execute(update(SmsCode).where(SmsCode.id == code_id).values(sent_at=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCode:
    """A code as somebody typed it, and for which request: None is the newest of the asker's own address."""

    phone: str
    purpose: CodePurpose
    code: str = field(repr=False)
    request_id: UUID | None


async def pay_code_try(
    db: AsyncSession, *, key_ring: KeyRing, typed: TypedCode, asker: Asker, now: datetime
) -> PaidTry | None:
    """Count one try at the code of a request, and say whether it was right.

    A stranger does not know the request's id, so his guesses spend no try of it. Commit before acting on
    the answer: then no number of parallel tries exceeds five. None when no live code exists.
    """
    if typed.request_id is not None:
        is_meant = SmsCode.id == typed.request_id
    else:
        is_meant = SmsCode.address_hash == asker.address_hash(key_ring)
    phone, purpose = typed.phone, typed.purpose
    newest = (
        select(SmsCode.id)
        .where(SmsCode.phone_index == phone_index(key_ring, phone), SmsCode.purpose == purpose, is_meant)
        .order_by(SmsCode.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    paid = (
        update(SmsCode)
        .where(
            SmsCode.id == newest,
            SmsCode.used_at.is_(None),
            SmsCode.tries < CODE_TRIES,
            SmsCode.expires_at > now,
        )
        .values(tries=SmsCode.tries + 1)
        .returning(SmsCode.id, SmsCode.code_hash)
        .execution_options(synchronize_session=False)
    )
    row = (await db.execute(paid)).one_or_none()
    if row is None:
        return None
    expected = _code_hash(key_ring, row.id, phone, purpose, typed.code)
    return PaidTry(code_id=row.id, is_right=hmac.compare_digest(expected, row.code_hash))


async def spend_code(db: AsyncSession, *, code_id: UUID, now: datetime) -> None:
    """Use up a code whose try was right, together with what it is used for.

    Of several at once exactly one succeeds; the others raise `SmsCodeWrong`.
    """
    spent = (
        update(SmsCode)
        .where(SmsCode.id == code_id, SmsCode.used_at.is_(None), SmsCode.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if affected(await db.execute(spent)) == 0:
        raise SmsCodeWrong


async def forget_old_codes(db: AsyncSession, *, now: datetime) -> int:
    """Delete codes that no limit counts any more; answers how many."""
    return affected(await db.execute(delete(SmsCode).where(SmsCode.created_at < now - _COUNTED_FOR)))


def _is_asker(asker: Asker, keys: KeyRing) -> ColumnElement[bool]:
    device_hash = asker.device_hash(keys)
    if device_hash is not None:
        return SmsCode.device_hash == device_hash
    return and_(SmsCode.address_hash == asker.address_hash(keys), SmsCode.device_hash.is_(None))


async def _check_limits(
    db: AsyncSession, index: bytes, own: ColumnElement[bool], *, is_known: bool, now: datetime
) -> None:
    """Refuse an asker that had enough, and a stranger where strangers had. Raises `SmsLimitReached`."""
    of_phone = (
        select(SmsCode.created_at)
        .where(SmsCode.phone_index == index, SmsCode.created_at > now - _COUNTED_FOR)
        .order_by(SmsCode.created_at.desc())
    )
    of_asker = (await db.scalars(of_phone.where(own))).all()
    wait = wait_s(of_asker, ASKER_ALLOWANCES, now=now)
    if not is_known:
        of_strangers = (await db.scalars(of_phone.where(SmsCode.device_hash.is_(None)))).all()
        wait = max(wait, share_wait_s(of_strangers, of_asker, PHONE_SHARES, now=now))
    if wait > 0:
        raise SmsLimitReached(retry_after_s=wait)


async def _check_address(db: AsyncSession, address_hash: bytes, per_hour: int, *, now: datetime) -> None:
    """Refuse an address that had enough for all phones together. Raises `SmsLimitReached`."""
    limit = Allowance(per_hour, timedelta(hours=1))
    of_address = await db.scalars(
        select(SmsCode.created_at)
        .where(SmsCode.address_hash == address_hash, SmsCode.created_at > now - limit.period)
        .order_by(SmsCode.created_at.desc())
        .offset(limit.count - 1)
        .limit(1)
    )
    if wait := wait_s(of_address.all(), [Allowance(1, limit.period)], now=now):
        raise SmsLimitReached(retry_after_s=wait)


async def _spend_budget(db: AsyncSession, daily_budget: int, *, now: datetime) -> None:
    fresh = insert(SmsBudget).values(day=local_date(now), messages=1)
    counted = await db.scalar(
        fresh.on_conflict_do_update(
            index_elements=["day"],
            set_={"messages": SmsBudget.messages + 1},
            where=SmsBudget.messages < daily_budget,
        ).returning(SmsBudget.messages)
    )
    if counted is None:
        logger().error("sms-budget-spent")
        raise SmsBudgetSpent


def _code_hash(key_ring: KeyRing, id_: UUID, phone: str, purpose: CodePurpose, code: str) -> bytes:
    return hmac.digest(key_ring.pepper, f"{id_}|{phone}|{purpose}|{code}".encode(), "sha256")


def _lock(key: bytes) -> int:
    return int.from_bytes(key[:8], "big", signed=True)
