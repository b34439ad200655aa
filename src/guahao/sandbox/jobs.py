"""Work of the payment sandbox by the clock: refunds settle, notifications are delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.jobs import Errand
from guahao.sandbox import delivery
from guahao.sandbox.alipay import AlipayNotifier
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import SandboxProvider
from guahao.sandbox.wechat_pay import WeChatNotifier, refunds

EVERY = timedelta(seconds=0.3)


def errands(
    keys: SandboxKeys,
    http: httpx.AsyncClient,
    *,
    mchid: str,
    time_scale: float,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Errand, ...]:
    """List the sandbox's work; `http` reaches the addresses that the merchant gave for notifications."""
    notifiers: delivery.Notifiers = {
        SandboxProvider.WECHAT: WeChatNotifier(keys),
        SandboxProvider.ALIPAY: AlipayNotifier(keys),
    }

    async def deliver(sessions: Sessions) -> int:
        """Settle what is due, then tell it and what was owed before."""
        async with transaction(sessions) as db:
            await refunds.settle(db, mchid=mchid, time_scale=time_scale, now=clock())
        return await delivery.deliver(
            sessions, http=http, notifiers=notifiers, time_scale=time_scale, clock=clock
        )

    return (Errand(name="sandbox.deliver", every=EVERY, run=deliver),)
