from __future__ import annotations

import asyncio

import pytest

from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import faults
from guahao.sandbox.models import FaultKind, SandboxProvider

pytestmark = pytest.mark.anyio

WECHAT, ALIPAY = SandboxProvider.WECHAT, SandboxProvider.ALIPAY


async def takes(sessions: Sessions, provider: SandboxProvider, kind: FaultKind, trade: str = "") -> bool:
    async with transaction(sessions) as db:
        return await faults.takes(db, provider=provider, kind=kind, out_trade_no=trade)


async def on(sessions: Sessions, kind: FaultKind, trade: str = "", times: int | None = 1) -> None:
    async with transaction(sessions) as db:
        await faults.switch_on(db, provider=WECHAT, kind=kind, out_trade_no=trade, times=times)


async def left(sessions: Sessions) -> list[tuple[str, int | None]]:
    async with sessions() as db:
        return [(fault.out_trade_no, fault.times_left) for fault in await faults.switched_on(db)]


async def test_a_fault_happens_as_often_as_it_was_asked_for(sessions: Sessions) -> None:
    await on(sessions, FaultKind.SLOW_ANSWER, times=2)

    happened = [await takes(sessions, WECHAT, FaultKind.SLOW_ANSWER) for _ in range(4)]

    assert happened == [True, True, False, False]


async def test_a_fault_without_a_number_happens_until_it_is_switched_off(sessions: Sessions) -> None:
    await on(sessions, FaultKind.MIGRATION, times=None)

    assert [await takes(sessions, WECHAT, FaultKind.MIGRATION) for _ in range(3)] == [True] * 3
    async with transaction(sessions) as db:
        assert await faults.switch_off(db, kind=FaultKind.MIGRATION) == 1
    assert not await takes(sessions, WECHAT, FaultKind.MIGRATION)


async def test_a_fault_hits_its_own_trade_and_provider_only(sessions: Sessions) -> None:
    await on(sessions, FaultKind.NOTIFY_TWICE, trade="mine")

    assert not await takes(sessions, WECHAT, FaultKind.NOTIFY_TWICE, "other")
    assert not await takes(sessions, ALIPAY, FaultKind.NOTIFY_TWICE, "mine")
    assert await takes(sessions, WECHAT, FaultKind.NOTIFY_TWICE, "mine")


async def test_a_switch_for_the_trade_is_used_before_one_for_any(sessions: Sessions) -> None:
    await on(sessions, FaultKind.NOTIFY_TWICE)
    await on(sessions, FaultKind.NOTIFY_TWICE, trade="mine")

    await takes(sessions, WECHAT, FaultKind.NOTIFY_TWICE, "mine")

    assert await left(sessions) == [("", 1)]


async def test_once_happens_once_for_ten_at_the_same_time(sessions: Sessions) -> None:
    await on(sessions, FaultKind.CUT_AFTER_COMMIT)

    happened = await asyncio.gather(*(takes(sessions, WECHAT, FaultKind.CUT_AFTER_COMMIT) for _ in range(10)))

    assert sum(happened) == 1


async def test_everything_is_switched_off_at_once(sessions: Sessions) -> None:
    await on(sessions, FaultKind.CLOSE_RACE)
    await on(sessions, FaultKind.NOTIFY_LATE, trade="mine")

    async with transaction(sessions) as db:
        assert await faults.switch_off(db) == 2

    assert await left(sessions) == []
