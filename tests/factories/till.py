"""The whole way of money without a port: our application, the sandbox's providers, and their clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from fastapi import FastAPI
from sqlalchemy import func, text, update

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.relay import Relay
from guahao.payment import jobs
from guahao.payment.models import Payment, Refund
from guahao.sandbox import jobs as sandbox_jobs
from guahao.sandbox.keys import SandboxKeys
from guahao.web import wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Drives what workers do, one step at a time."""

    app: FastAPI
    client: httpx.AsyncClient
    sessions: Sessions
    keys: SandboxKeys
    jump: list[timedelta] = field(default_factory=lambda: [timedelta(0)])

    async def pay(
        self, headers: dict[str, str], order_id: str, *, channel: str = "wechat_jsapi", key: str | None = None
    ) -> httpx.Response:
        """Ask for a payment of an order, as a client does."""
        extra = {"Idempotency-Key": key} if key else {}
        return await self.client.post(
            f"/api/v1/orders/{order_id}/payments", json={"channel": channel}, headers=headers | extra
        )

    async def at_cashier(self, opened: httpx.Response, deed: str = "pay") -> httpx.Response:
        """Do at WeChat's cashier what a payer does there."""
        prepay_id = opened.json()["params"]["package"].removeprefix("prepay_id=")
        return await self.client.post(f"/sandbox/wechat-pay/{prepay_id}/{deed}")

    async def pay_whole(self, headers: dict[str, str], order_id: str) -> None:
        """Open a payment, pay it at the cashier, and let everybody hear of it."""
        opened = await self.pay(headers, order_id)
        assert opened.status_code == 201, opened.text
        assert (await self.at_cashier(opened)).status_code == 200
        await self.settle()

    async def deliver(self) -> None:
        """Let the sandbox post the notifications that are due."""
        scale = self.app.state.settings.sandbox_time_scale
        mchid = self.app.state.settings.wechat_pay_mchid
        for errand in sandbox_jobs.errands(self.keys, self.client, mchid=mchid, time_scale=scale):
            await errand.run(self.sessions)

    async def errands(self, *names: str) -> None:
        """Run payment's own errands, all or those named."""
        for errand in jobs.errands(self.app.state.gateways):
            if not names or errand.name.removeprefix("payment.") in names:
                await errand.run(self.sessions)

    async def tell(self) -> None:
        """Tell all events to their reactions."""
        relay = Relay(self.sessions, wiring.reactions())
        while await relay.tell_batch():
            pass

    async def settle(self) -> None:
        """Let everything that is due happen until nothing is left."""
        for _ in range(3):
            await self.tell()
            await self.errands("send_refunds", "follow_refunds", "ask_about_payments")
            await self.deliver()
            await self.tell()

    async def hurry(self) -> None:
        """Make everything due that waits for its time: questions, refunds, notifications."""
        async with transaction(self.sessions) as db:
            now = func.clock_timestamp()
            await db.execute(update(Payment).values(due_at=now))
            await db.execute(update(Payment).values(refund_sent_at=None))
            await db.execute(update(Refund).values(due_at=now))
            await db.execute(text("UPDATE sandbox_delivery SET due_at = clock_timestamp()"))
