from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import Role
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import LedgerAccount, LedgerEntry, Order, OrderState, Payment, PaymentState, Refund
from guahao.payment.ports import Channel
from tests.factories.office import Member, hire, refusal
from tests.factories.payment import make_order, open_payment, pay_late

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.DESK)


async def order_of(sessions: Sessions, **overrides: object) -> UUID:
    async with transaction(sessions) as db:
        return (await make_order(db, **overrides)).id


async def payments(db: AsyncSession) -> list[Payment]:
    rows = select(Payment).order_by(Payment.id).execution_options(populate_existing=True)
    return list(await db.scalars(rows))


async def test_cash_is_captured_at_once(desk: Member, sessions: Sessions, db: AsyncSession) -> None:
    order_id = await order_of(sessions, amount_fen=5000, insurance_fen=2000, expires_at=None)

    taken = await desk.post(f"/orders/{order_id}/payments", channel="cash")

    assert taken.status_code == 201, taken.text
    shown = taken.json()["payment"]
    assert (shown["state"], shown["captured_fen"], taken.json()["qr_code"]) == ("captured", 3000, None)
    order = await db.get_one(Order, (1, order_id))
    assert (order.state, str(order.paid_payment_id)) == (OrderState.PAID, shown["id"])
    booked = await db.execute(
        select(LedgerEntry.debit, LedgerEntry.amount_fen).order_by(LedgerEntry.amount_fen)
    )
    assert booked.all() == [(LedgerAccount.INSURANCE, 2000), (LedgerAccount.CASH, 3000)]


async def test_row_31_a_double_click_takes_cash_once(
    desk: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await order_of(sessions)
    path = f"/orders/{order_id}/payments"

    first, again = [await desk.post(path, key="one-click", channel="cash") for _ in range(2)]
    third = await desk.post(path, channel="cash")

    assert (first.status_code, again.json()) == (201, first.json())
    assert (refusal(third), third.json()["state"]) == ((409, "order-not-payable"), "paid")
    assert len(await payments(db)) == 1


async def test_two_desks_at_once_take_cash_once(
    desk: Member, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    other = await hire(client, sessions, Role.DESK)
    order_id = await order_of(sessions)
    path = f"/orders/{order_id}/payments"

    answers = await asyncio.gather(*(who.post(path, channel="cash") for who in (desk, other, desk, other)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
    assert len(await payments(db)) == 1


async def test_money_that_still_comes_by_phone_after_cash_goes_back(
    desk: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await order_of(sessions)
    async with transaction(sessions) as work:
        begun = await open_payment(work, order_id)

    await desk.post(f"/orders/{order_id}/payments", channel="cash")
    async with transaction(sessions) as work:
        await pay_late(work, begun)

    assert [(one.channel, one.state) for one in await payments(db)] == [
        (Channel.WECHAT_JSAPI, PaymentState.CAPTURED),
        (Channel.CASH, PaymentState.CAPTURED),
    ]
    (back,) = (await db.scalars(select(Refund))).all()
    assert (back.payment_id, back.amount_fen, back.reason.value) == (begun.id, 5000, "duplicate")


@pytest.mark.parametrize(
    "overrides",
    [
        {"expires_at": utc_now() - timedelta(seconds=1)},
        {"state": OrderState.CLOSED},
        {"state": OrderState.CLOSING},
        {"amount_fen": 1000, "insurance_fen": 1000},
    ],
)
async def test_an_order_that_takes_no_money_takes_no_cash(
    desk: Member, sessions: Sessions, db: AsyncSession, overrides: dict[str, object]
) -> None:
    order_id = await order_of(sessions, **overrides)

    refused = await desk.post(f"/orders/{order_id}/payments", channel="cash")

    assert refusal(refused) == (409, "order-not-payable")
    assert await payments(db) == []


@pytest.mark.parametrize("channel", ["wechat_jsapi", "alipay_wap", "gold"])
async def test_the_desk_has_its_own_channels(
    desk: Member, sessions: Sessions, db: AsyncSession, channel: str
) -> None:
    order_id = await order_of(sessions)

    refused = await desk.post(f"/orders/{order_id}/payments", channel=channel)
    with_amount = await desk.post(f"/orders/{order_id}/payments", channel="cash", amount_fen=1)

    assert [refusal(refused), refusal(with_amount)] == [(422, "invalid-request")] * 2
    assert await payments(db) == []


async def test_a_code_for_the_payers_phone_is_opened_once_at_the_provider(
    desk: Member, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await order_of(sessions)
    path = f"/orders/{order_id}/payments"

    first = await desk.post(path, channel="wechat_native")
    again = await desk.post(path, channel="wechat_native")

    assert first.status_code == 201, first.text
    assert first.json()["payment"]["state"] == "open"
    assert first.json()["qr_code"].startswith("weixin://")
    assert again.json()["payment"]["id"] == first.json()["payment"]["id"]
    assert len(await payments(db)) == 1


async def test_row_33_nobody_else_takes_money(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    order_id = await order_of(sessions)
    url = f"/api/v1/staff/orders/{order_id}/payments"
    finance = await hire(client, sessions, Role.FINANCE)
    foreign = await hire(client, sessions, Role.DESK, hospital_id=2)

    answers = [
        await client.post(url, json={"channel": "cash"}, headers=headers)
        for headers in ({}, finance.header, foreign.header)
    ]

    assert [answer.status_code for answer in answers] == [401, 403, 404]
    assert await payments(db) == []
