"""The whole way of money without a port: our application, the sandbox's providers, and their clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select, text, update

from guahao.booking.jobs import JOBS
from guahao.booking.models import Appointment
from guahao.identity.models.person import Person
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.kernel.relay import Relay
from guahao.payment import jobs
from guahao.payment.models import Order, Payment, PaymentSetting
from guahao.payment.ports import Bill, BillKind, BillRow, Provider
from guahao.payment.service.reconcile import reconcile
from guahao.sandbox import jobs as sandbox_jobs
from guahao.sandbox.alipay import AlipayNotifier
from guahao.sandbox.delivery import Outgoing
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import (
    Disorder,
    RefundState,
    SandboxDelivery,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
)
from guahao.sandbox.wechat_pay import WeChatNotifier
from guahao.web import wiring
from tests.factories.booking import Booker, make_booker
from tests.factories.books import unrest
from tests.factories.scheduling import make_slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A place that somebody holds and has not paid."""

    booker: Booker
    slot_id: UUID
    appointment_id: str
    order_id: str

    @property
    def headers(self) -> dict[str, str]:
        """The header of the one who holds it."""
        return self.booker.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Drives what workers do, one step at a time."""

    app: FastAPI
    client: httpx.AsyncClient
    sessions: Sessions
    keys: SandboxKeys

    async def hold(
        self,
        *,
        slot_id: UUID | None = None,
        fee_fen: int = 5000,
        capacity: int = 1,
        hospital_id: int | None = None,
    ) -> Held:
        """Somebody holds a place, of a new slot unless given; the hospital takes Alipay too."""
        async with transaction(self.sessions) as db:
            booker = await make_booker(db)
            if slot_id is None:
                slot = await make_slot(
                    db, fee_fen=fee_fen, capacity=capacity, days=5, hospital_id=hospital_id
                )
                slot_id = slot.id
            await db.merge(
                PaymentSetting(
                    hospital_id=hospital_of(slot_id), is_alipay_offered=True, second_person_over_fen=20_000
                )
            )
            person = await db.get_one(Person, booker.person_id)
            ring = self.app.state.key_ring
            person.name_sealed = ring.seal("王小明", field="person.name_sealed", row=person.id)
        body = {"slot_id": str(slot_id), "patient_id": str(booker.patient_id)}
        answer = await self.client.post("/api/v1/appointments", json=body, headers=booker.headers)
        assert answer.status_code == 201, answer.text
        held = answer.json()
        return Held(booker=booker, slot_id=slot_id, appointment_id=held["id"], order_id=held["order"]["id"])

    async def pay(
        self, headers: dict[str, str], order_id: str, *, channel: str = "wechat_jsapi", key: str | None = None
    ) -> httpx.Response:
        """Ask for a payment of an order, as a client does."""
        extra = {"Idempotency-Key": key} if key else {}
        return await self.client.post(
            f"/api/v1/orders/{order_id}/payments", json={"channel": channel}, headers=headers | extra
        )

    async def open(self, held: Held, channel: str = "wechat_jsapi") -> httpx.Response:
        """Open a payment, which must succeed."""
        opened = await self.pay(held.headers, held.order_id, channel=channel)
        assert opened.status_code == 201, opened.text
        return opened

    async def at_cashier(self, opened: httpx.Response, deed: str = "pay") -> httpx.Response:
        """Do at the provider's cashier what a payer does there."""
        payment = opened.json()
        if payment["channel"].startswith("alipay"):
            return await self.client.post(f"/sandbox/alipay/{UUID(payment['id']).hex}/{deed}")
        name = payment["params"].get("package") or payment["params"]["qr_code"]
        return await self.client.post(f"/sandbox/wechat-pay/{name.rpartition('=')[2]}/{deed}")

    async def pay_whole(self, headers: dict[str, str], order_id: str) -> None:
        """Open a payment, pay it at the cashier, and let everybody hear of it."""
        opened = await self.pay(headers, order_id)
        assert opened.status_code == 201, opened.text
        assert (await self.at_cashier(opened)).status_code == 200
        await self.settle()

    async def booked(self, *, fee_fen: int = 5000) -> Held:
        """Somebody holds a place and has paid it."""
        held = await self.hold(fee_fen=fee_fen)
        await self.pay_whole(held.headers, held.order_id)
        return held

    async def cancel(self, held: Held) -> httpx.Response:
        """Give the place back, as its owner."""
        path = f"/api/v1/appointments/{held.appointment_id}/cancel"
        return await self.client.post(path, headers=held.headers)

    async def order(self, held: Held) -> dict[str, Any]:
        """The order as its owner sees it."""
        answer = await self.client.get(f"/api/v1/orders/{held.order_id}", headers=held.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def appointment(self, held: Held) -> str:
        """The appointment's state as its owner sees it."""
        path = f"/api/v1/appointments/{held.appointment_id}"
        return str((await self.client.get(path, headers=held.headers)).json()["state"])

    async def fault(
        self, kind: str, *, provider: str = "wechat", times: int | None = 1, trade: str = ""
    ) -> None:
        """Switch a fault of the sandbox on."""
        body = {"provider": provider, "kind": kind, "times": times, "out_trade_no": trade}
        answer = await self.client.put("/sandbox/faults", json=body)
        assert answer.status_code == 200, answer.text

    async def deliver(self) -> None:
        """Let the sandbox post the notifications that are due."""
        scale = self.app.state.settings.sandbox_time_scale
        mchid = self.app.state.settings.wechat_pay_mchid
        for errand in sandbox_jobs.errands(self.keys, self.client, mchid=mchid, time_scale=scale):
            await errand.run(self.sessions)

    async def letters(self, *, event: str | None = None) -> list[SandboxDelivery]:
        """What the sandbox has to tell or has told, oldest first."""
        async with self.sessions() as db:
            rows = await db.scalars(select(SandboxDelivery).order_by(SandboxDelivery.id))
            return [row for row in rows if event in {None, row.event}]

    def written(
        self,
        letter: SandboxDelivery,
        *,
        at: datetime | None = None,
        keys: SandboxKeys | None = None,
        disorder: Disorder = Disorder.NONE,
    ) -> Outgoing:
        """One attempt of a notification, genuinely signed."""
        used = keys or self.keys
        is_wechat = letter.provider is SandboxProvider.WECHAT
        writer = WeChatNotifier(used) if is_wechat else AlipayNotifier(used)
        return writer.write(letter, disorder, now=at or utc_now())

    async def post(self, path: str, sent: Outgoing) -> httpx.Response:
        """Post a notification to one of our addresses, as whoever found it on the internet."""
        return await self.client.post(f"/callbacks/{path}", content=sent.body, headers=dict(sent.headers))

    async def errands(self, *names: str) -> None:
        """Run payment's own errands, all or those named."""
        for errand in jobs.errands(self.app.state.gateways):
            if not names or errand.name.removeprefix("payment.") in names:
                await errand.run(self.sessions)

    async def expire(self) -> None:
        """Let booking end the holds whose time is over."""
        (job,) = [job for job in JOBS if job.name == "booking.expire_holds"]
        async with transaction(self.sessions) as db:
            await job.run(db)

    async def bill(self, provider: Provider) -> None:
        """Set what the sandbox has moved so far against our books, as its bill of today would be."""
        async with transaction(self.sessions) as db:
            trades = await db.scalars(
                select(SandboxTrade).where(
                    SandboxTrade.provider == provider.value, SandboxTrade.paid_at.is_not(None)
                )
            )
            paid = [_billed(row) for row in trades]
            refunds = await db.scalars(select(SandboxRefund).where(SandboxRefund.provider == provider.value))
            back = [_billed_refund(row) for row in refunds if row.state in _BILLED]
        bill = Bill(
            provider=provider,
            day=local_date(utc_now()),
            digest="test",
            rows=[*paid, *back],
            row_count=len(paid) + len(back),
            paid_fen=sum(row.amount_fen for row in paid),
            refunded_fen=sum(row.amount_fen for row in back),
            funds=None,
        )
        await reconcile(self.sessions, bill=bill, now=utc_now())

    async def tell(self) -> None:
        """Tell all events to their reactions."""
        relay = Relay(self.sessions, wiring.reactions())
        while await relay.tell_batch():
            pass

    async def settle(self) -> None:
        """Let everything that is due happen until nothing is left; refunds take no time."""
        for _ in range(3):
            await self.tell()
            await self.errands("send_refunds", "follow_refunds", "ask_about_payments")
            async with transaction(self.sessions) as db:
                await db.execute(text("UPDATE sandbox_refund SET settles_at = created_at"))
            await self.deliver()
            await self.tell()

    async def hurry(self) -> None:
        """Make everything due that waits for its time: questions, refunds, notifications, events.

        Waits for nobody's lock, since no actor of the product changes many rows in this order.
        """
        for statement in _HURRIES:
            async with transaction(self.sessions) as db:
                await db.execute(text(statement))

    async def hurried(self, times: int = 3) -> None:
        """Let all time pass that anybody waits for, several times."""
        for _ in range(times):
            await self.hurry()
            await self.settle()

    async def rest(self, *, rounds: int = 12) -> None:
        """Let all time pass, again and again, until nothing waits for anything but a person."""
        for _ in range(rounds):
            await self.hurry()
            await self.tell()
            await self.errands("send_refunds", "follow_refunds", "ask_about_payments")
            async with transaction(self.sessions) as db:
                await db.execute(text("UPDATE sandbox_refund SET settles_at = created_at"))
            await self.deliver()
            await self.tell()
            if not await unrest(self.sessions):
                return

    async def over(self, held: Held) -> None:
        """Let the time to pay be over since a second, by our clock; the provider takes money until asked."""
        order_id = UUID(held.order_id)
        past = func.clock_timestamp() - timedelta(seconds=1)
        async with transaction(self.sessions) as db:
            its = update(Appointment).where(Appointment.order_id == order_id)
            await db.execute(its.values(hold_expires_at=past))
            await db.execute(update(Order).where(Order.id == order_id).values(expires_at=past))
            payments = update(Payment).where(Payment.order_id == order_id)
            await db.execute(payments.values(expires_at=past, due_at=past))


_HURRIES = [
    f"UPDATE {table} SET {change} WHERE ctid = ANY"
    f" (ARRAY(SELECT ctid FROM {table} WHERE {where} FOR UPDATE SKIP LOCKED))"
    for table, change, where in (
        ("payment", "due_at = clock_timestamp(), refund_sent_at = NULL", "true"),
        ("refund", "due_at = clock_timestamp()", "true"),
        ("sandbox_delivery", "due_at = clock_timestamp()", "true"),
        ("event", "due_at = now()", "state = 'pending'"),
    )
]
_BILLED = (RefundState.PROCESSING, RefundState.SUCCESS)


def _billed(trade: SandboxTrade) -> BillRow:
    assert trade.paid_at is not None
    return BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=trade.out_trade_no,
        transaction_id=trade.transaction_id or "",
        out_refund_no="",
        amount_fen=trade.amount_fen,
        at=trade.paid_at,
        is_final=True,
    )


def _billed_refund(refund: SandboxRefund) -> BillRow:
    return BillRow(
        kind=BillKind.REFUND,
        out_trade_no=refund.out_trade_no,
        transaction_id="",
        out_refund_no=refund.out_refund_no,
        amount_fen=refund.amount_fen,
        at=refund.created_at,
        is_final=refund.state is RefundState.SUCCESS,
    )
