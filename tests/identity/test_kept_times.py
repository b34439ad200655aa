"""Times for which the data map says that something is kept: gone after them, and not before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.jobs import forget_ended
from guahao.identity.models.account import CodePurpose, Login, LoginBudget, LoginKind, LoginThrottle, SmsCode
from guahao.identity.models.person import PersonLookUp, PersonQuota
from guahao.identity.models.security_event import SecurityEvent, SecurityEventKind
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Base
from guahao.kernel.ids import new_id
from tests.factories.account import make_account

pytestmark = pytest.mark.anyio
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
FAR = timedelta(days=400)


async def ended_login(db: AsyncSession, moment: datetime, ended_by: str) -> Login:
    times: dict[str, Any] = {
        "revoked_at": None,
        "idle_expires_at": moment + FAR,
        "expires_at": moment + FAR,
    }
    return Login(
        id=new_id(),
        token_hash=new_id().bytes,
        account_id=(await make_account(db)).id,
        kind=LoginKind.WECHAT,
        device="test",
        created_at=moment - DAY,
        last_seen_at=moment - DAY,
        **times | {ended_by: moment},
    )


async def revoked(db: AsyncSession, moment: datetime) -> Base:
    return await ended_login(db, moment, "revoked_at")


async def unused(db: AsyncSession, moment: datetime) -> Base:
    return await ended_login(db, moment, "idle_expires_at")


async def expired(db: AsyncSession, moment: datetime) -> Base:
    return await ended_login(db, moment, "expires_at")


async def security_event(db: AsyncSession, moment: datetime) -> Base:
    account_id = (await make_account(db)).id
    return SecurityEvent(id=new_id(), account_id=account_id, kind=SecurityEventKind.NEW_DEVICE, at=moment)


async def sms_code(_: AsyncSession, moment: datetime) -> Base:
    return SmsCode(
        id=new_id(),
        purpose=CodePurpose.LOGIN,
        phone_index=b"phone",
        address_hash=b"address",
        code_hash=b"code",
        created_at=moment,
        expires_at=moment + 5 * MINUTE,
    )


async def wrong_tries(_: AsyncSession, moment: datetime) -> Base:
    return LoginThrottle(key=new_id().bytes, failures=1, last_try_at=moment, blocked_until=moment)


async def strangers_tries(_: AsyncSession, moment: datetime) -> Base:
    return LoginBudget(key=new_id().bytes, full_at=moment)


@pytest.mark.parametrize(
    ("made", "kept_for"),
    [
        (revoked, 30 * DAY),
        (unused, 30 * DAY),
        (expired, 30 * DAY),
        (security_event, 180 * DAY),
        (sms_code, DAY),
        (wrong_tries, DAY),
        (strangers_tries, timedelta()),
    ],
)
async def test_what_has_a_time_is_gone_after_it_and_not_before(
    db: AsyncSession, made: Any, kept_for: timedelta
) -> None:
    now = utc_now()
    kept, over = await made(db, now - kept_for + MINUTE), await made(db, now - kept_for - SECOND)
    table = type(kept)
    db.add_all([kept, over])
    await db.flush()
    key = table.__table__.primary_key.columns[0].name
    left = getattr(kept, key)

    await forget_ended(db)

    assert list(await db.scalars(select(getattr(table, key)))) == [left]


async def test_what_was_looked_for_is_forgotten_the_day_after(db: AsyncSession) -> None:
    today = local_date(utc_now())
    for day in (today, today - DAY):
        db.add(PersonLookUp(hospital_id=1, day=day, staff_id=new_id(), sought=b"sought"))
    await db.flush()

    await forget_ended(db)

    assert list(await db.scalars(select(PersonLookUp.day))) == [today]


async def test_counts_of_look_ups_are_kept_a_month(db: AsyncSession) -> None:
    today = local_date(utc_now())
    for days in (0, 30, 32):
        day = today - days * DAY
        db.add(PersonQuota(hospital_id=1, day=day, kind="look_up", holder="hospital", count=1))
    await db.flush()

    await forget_ended(db)

    left = set(await db.scalars(select(PersonQuota.day)))
    assert left == {today, today - 30 * DAY}
