"""Rows 16, 21, 25 and 29: providers that lie, contradict our clock, fail or hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from guahao.adapters.circuit import FAILURES
from guahao.kernel.clock import utc_now
from guahao.kernel.db import transaction
from tests.factories.books import counts, require_rest
from tests.factories.till import Till

pytestmark = pytest.mark.anyio
WAITING = 30
Answering = Callable[[httpx.Request], httpx.Response]


class Wire(httpx.AsyncBaseTransport):
    """The network to WeChat Pay, which somebody else has got hold of."""

    def __init__(self, till: Till) -> None:
        self._channel = till.app.state.gateways["wechat"]._channel
        self._right = self._channel._http
        self.calls: list[str] = []
        self.answering: Answering | None = None
        self.released, self.is_full = asyncio.Event(), asyncio.Event()

    def cut(self, answering: Answering | None) -> None:
        """Answer by `answering`; None hangs until `released` and then breaks."""
        self.answering = answering
        self._channel._http = httpx.AsyncClient(transport=self)

    def mend(self) -> None:
        """The right provider is back, and the circuit has had its rest."""
        self._channel._http = self._right
        self._channel._circuit._tries_at = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        if len(self.calls) == WAITING:
            self.is_full.set()
        if self.answering is None:
            await self.released.wait()
            raise httpx.ReadError("gone", request=request)
        return self.answering(request)


async def rows(till: Till, statement: str) -> list[tuple[Any, ...]]:
    async with transaction(till.sessions) as db:
        return [tuple(row) for row in await db.execute(text(statement))]


def refuses(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def says(http_status: int, **content: Any) -> Answering:
    return lambda _: httpx.Response(http_status, json=content)


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_row_16_a_forged_prepay_answer_is_not_believed(till: Till, status: int) -> None:
    held, wire = await till.hold(), Wire(till)
    wire.cut(says(status, prepay_id="wx00000000000000000000000000000000"))

    answer = await till.pay(held.headers, held.order_id)

    assert (answer.status_code, answer.json()["code"]) == (503, "payment-channel-unavailable")
    assert "wx0000" not in answer.text
    assert await rows(till, "SELECT state, reference FROM payment") == [("preparing", None)]


async def test_row_16_a_forged_answer_that_it_is_paid_books_nothing(till: Till) -> None:
    held, wire = await till.hold(), Wire(till)
    opened = await till.open(held)
    number = opened.json()["id"].replace("-", "")
    before = await counts(till.sessions)
    settings = till.app.state.settings
    wire.cut(
        says(
            200,
            mchid=settings.wechat_pay_mchid,
            appid=settings.wechat_app_id,
            out_trade_no=number,
            transaction_id="4200000000000000000000000000",
            trade_state="SUCCESS",
            success_time="2026-01-01T08:00:00+08:00",
            amount={"total": 5000, "currency": "CNY"},
        )
    )

    for _ in range(3):
        await till.hurry()
        await till.errands("ask_about_payments")

    assert wire.calls
    assert await counts(till.sessions) == before
    assert (await till.order(held))["state"] == "paying"


@pytest.mark.parametrize("status", [200, 404])
async def test_row_16_a_forged_answer_to_a_refund_moves_nothing(till: Till, status: int) -> None:
    held, wire = await till.booked(), Wire(till)
    await till.cancel(held)
    wire.cut(says(status, code="RESOURCE_NOT_EXISTS", status="SUCCESS", refund_id="5030000", amount={}))

    for _ in range(2):
        await till.hurry()
        await till.errands("send_refunds", "follow_refunds")
    assert await rows(till, "SELECT state, number FROM refund") == [("requested", 1)]

    wire.mend()
    await till.rest()
    assert (await till.order(held))["state"] == "refunded"
    await require_rest(till.sessions)


async def test_row_16_a_forged_no_to_closing_keeps_the_place_held(till: Till) -> None:
    held, wire = await till.hold(), Wire(till)
    await till.open(held)
    await till.over(held)
    await till.expire()
    wire.cut(says(404, code="ORDER_NOT_EXIST"))

    await till.errands("ask_about_payments")
    await till.tell()
    assert await till.appointment(held) == "held"

    wire.mend()
    await till.rest()
    assert await till.appointment(held) == "expired"


async def test_row_21_a_clock_that_is_15_minutes_wrong_shows_in_the_health_check(till: Till) -> None:
    held, gateway = await till.hold(), till.app.state.gateways["wechat"]
    gateway._channel._clock = lambda: utc_now() + timedelta(minutes=15)

    answer = await till.pay(held.headers, held.order_id)
    health = (await till.client.get("/readyz")).json()

    assert (answer.status_code, answer.json()["code"]) == (409, "payment-channel-refused")
    assert health["warnings"] == ["wechat: clock-wrong"]
    assert await till.appointment(held) == "held"
    gateway._channel._clock = utc_now
    await till.pay_whole(held.headers, held.order_id)
    assert await till.appointment(held) == "booked"


async def test_row_25_a_trade_whose_title_has_braces_is_asked_about_and_paid(till: Till) -> None:
    held = await till.hold()
    opened = await till.open(held, "alipay_qr")
    async with transaction(till.sessions) as db:
        await db.execute(text("UPDATE sandbox_trade SET title = '{\"}{\"', payer = '}'"))
    await till.fault("notify_never", provider="alipay")
    await till.at_cashier(opened)
    await till.rest()

    assert await till.appointment(held) == "booked"


DOWN: dict[str, Answering] = {
    "no connection": refuses,
    "500": says(500, code="SYSTEM_ERROR"),
    "not json": lambda _: httpx.Response(200, content=b"\xff<html>"),
    "redirect": lambda _: httpx.Response(302, headers={"location": "https://evil.example"}),
}


@pytest.mark.parametrize("answering", DOWN.values(), ids=DOWN)
async def test_row_29_a_dead_provider_stops_no_booking_and_all_goes_on_when_it_is_back(
    till: Till, answering: Answering
) -> None:
    held, wire = await till.hold(), Wire(till)
    paid = await till.hold()
    await till.fault("notify_never")
    await till.at_cashier(await till.open(paid))
    back = await till.booked()
    wire.cut(answering)

    for _ in range(FAILURES + 3):
        answer = await till.pay(held.headers, held.order_id)
        assert (answer.status_code, answer.json()["code"]) == (503, "payment-channel-unavailable")
        assert answer.headers["Retry-After"] == "3"
    assert len(wire.calls) == FAILURES, "the circuit is open: nothing more is sent"
    other = await till.hold()
    await till.cancel(back)
    for one in (held, paid):
        await till.over(one)
    await till.expire()
    for _ in range(2):
        await till.hurry()
        await till.errands("ask_about_payments", "send_refunds", "follow_refunds")
        await till.tell()
    assert len(wire.calls) == FAILURES
    states = [await till.appointment(one) for one in (held, paid, other)]
    assert states == ["held", "held", "held"]
    assert (await till.order(back))["refunds"][0]["state"] == "requested"
    by_alipay = await till.open(other, "alipay_qr")

    wire.mend()
    await till.at_cashier(by_alipay)
    await till.rest()
    states = [await till.appointment(one) for one in (held, paid, other)]
    assert states == ["expired", "booked", "booked"]
    assert (await till.order(back))["state"] == "refunded"
    await require_rest(till.sessions)


async def test_row_29_a_provider_that_asks_us_to_slow_down_is_asked_on(till: Till) -> None:
    held, wire = await till.hold(), Wire(till)
    wire.cut(says(429, code="FREQUENCY_LIMITED"))

    for _ in range(FAILURES + 3):
        answer = await till.pay(held.headers, held.order_id)
        assert (answer.status_code, answer.json()["code"]) == (503, "payment-channel-unavailable")
    assert len(wire.calls) == FAILURES + 3

    wire.mend()
    await till.at_cashier(await till.open(held))
    await till.rest()
    assert await till.appointment(held) == "booked"


async def test_row_29_a_provider_that_hangs_holds_no_connection_of_the_database(till: Till) -> None:
    """Thirty payments wait for it, three times as many as there are connections."""
    helds = [await till.hold() for _ in range(WAITING)]
    wire = Wire(till)
    wire.cut(None)

    waiting = [asyncio.create_task(till.pay(one.headers, one.order_id)) for one in helds]
    await wire.is_full.wait()
    another = await till.hold()
    assert await till.appointment(another) == "held"
    assert (await till.open(another, "alipay_qr")).status_code == 201
    assert not any(task.done() for task in waiting)
    wire.released.set()

    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers["Retry-After"] for answer in answers)


async def test_payments_of_a_provider_no_longer_in_use_keep_nobody_from_being_asked_about(till: Till) -> None:
    held = await till.hold()
    await till.fault("notify_never")
    await till.at_cashier(await till.open(held))
    copies = (
        "INSERT INTO payment (hospital_id, id, order_id, channel, state, amount_fen, expires_at, due_at)"
        " SELECT hospital_id, gen_random_uuid(), order_id, 'alipay_qr', 'closing', amount_fen,"
        " expires_at, due_at - interval '1 day' FROM payment, generate_series(1, 120)"
    )
    async with transaction(till.sessions) as db:
        await db.execute(text(copies))
        await db.execute(text("UPDATE payment SET due_at = due_at - interval '1 hour'"))
    del till.app.state.gateways["alipay"]

    await till.errands("ask_about_payments")

    assert (await till.order(held))["state"] == "paid"
