"""What a payer may and may not open, and how refunds are spaced, through the front door."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from guahao.identity.policy.permission import Role
from guahao.kernel.db import transaction
from guahao.kernel.ids import hospital_of
from guahao.payment.policy import MAX_TRIES
from tests.factories.books import counts, require_rest
from tests.factories.office import hire
from tests.factories.till import Till

pytestmark = pytest.mark.anyio
WECHAT_BROWSER = "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 MicroMessenger/8.0.50"


async def rows(till: Till, statement: str) -> list[tuple[Any, ...]]:
    async with transaction(till.sessions) as db:
        return [tuple(row) for row in await db.execute(text(statement))]


async def changed(till: Till, statement: str) -> None:
    async with transaction(till.sessions) as db:
        await db.execute(text(statement))


async def test_an_order_whose_time_is_over_is_not_opened_and_nothing_is_written(till: Till) -> None:
    held = await till.hold()
    await till.over(held)
    before = await counts(till.sessions)

    answer = await till.pay(held.headers, held.order_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "order-not-payable")
    assert await counts(till.sessions) == before
    assert await rows(till, "SELECT count(*) FROM sandbox_trade") == [(0,)]


async def test_an_order_of_nothing_is_booked_and_takes_no_money(till: Till) -> None:
    held = await till.hold(fee_fen=0)

    answer = await till.pay(held.headers, held.order_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "order-not-payable")
    assert await till.appointment(held) == "booked"
    assert await rows(till, "SELECT count(*) FROM payment") == [(0,)]


async def test_alipay_is_neither_shown_nor_opened_where_the_hospital_does_not_offer_it(till: Till) -> None:
    held = await till.hold()
    assert "alipay_wap" in (await till.order(held))["channels"]
    await changed(till, "UPDATE payment_setting SET is_alipay_offered = false")

    for channel in ("alipay_wap", "alipay_page", "alipay_qr"):
        answer = await till.pay(held.headers, held.order_id, channel=channel)
        assert (answer.status_code, answer.json()["code"]) == (409, "payment-channel-not-offered")
    await changed(till, "DELETE FROM payment_setting")
    shown = (await till.order(held))["channels"]
    assert not [channel for channel in shown if channel.startswith("alipay")]
    assert await rows(till, "SELECT count(*) FROM payment") == [(0,)]


async def test_whoever_changes_the_channel_all_the_time_is_stopped(till: Till) -> None:
    held = await till.hold()
    for number in range(2 * MAX_TRIES):
        await till.open(held, ("wechat_jsapi", "alipay_qr")[number % 2])

    answer = await till.pay(held.headers, held.order_id)

    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-payments")
    assert answer.headers["Retry-After"]
    assert len(await rows(till, "SELECT id FROM payment WHERE state IN ('preparing', 'open')")) == 1


async def test_a_payment_whose_time_is_over_makes_way_for_a_new_one(till: Till) -> None:
    """An order without an end outlives its payments: what the provider would refuse is not tried again."""
    held = await till.hold()
    await changed(till, "UPDATE payment_order SET expires_at = NULL")
    first = await till.open(held)
    await changed(till, "UPDATE payment SET expires_at = now() - interval '1 second'")

    second = await till.open(held)

    assert second.json()["id"] != first.json()["id"]
    await till.at_cashier(second)
    await till.rest()
    assert await till.appointment(held) == "booked"
    await require_rest(till.sessions)


async def test_refunds_of_one_payment_are_sent_a_minute_apart(till: Till) -> None:
    held = await till.booked()
    finance = await hire(till.client, till.sessions, Role.FINANCE, hospital_id=hospital_of(held.slot_id))
    for fen in (100, 200):
        assert (
            await finance.post(f"/orders/{held.order_id}/refunds", amount_fen=fen, note="多收了")
        ).is_success

    for _ in range(3):
        await till.errands("send_refunds")
    assert len(await rows(till, "SELECT amount_fen FROM sandbox_refund")) == 1
    await changed(till, "UPDATE payment SET refund_sent_at = refund_sent_at - interval '59 seconds'")
    await till.errands("send_refunds")
    assert len(await rows(till, "SELECT amount_fen FROM sandbox_refund")) == 1
    await changed(till, "UPDATE payment SET refund_sent_at = refund_sent_at - interval '1 second'")
    await till.errands("send_refunds")
    assert len(await rows(till, "SELECT amount_fen FROM sandbox_refund")) == 2


async def page(till: Till) -> str:
    opened = await till.open(await till.hold(), "alipay_wap")
    path: str = urlsplit(opened.json()["params"]["url"]).path
    return path


async def test_the_page_inside_wechat_shows_the_address_and_never_the_button(till: Till) -> None:
    path = await page(till)

    inside = await till.client.get(path, headers={"user-agent": WECHAT_BROWSER})
    outside = await till.client.get(path)

    assert "gateway.do" not in inside.text
    assert path in inside.text
    assert "gateway.do" in outside.text


async def test_the_page_is_gone_after_a_quarter_of_an_hour_and_for_an_ended_payment(till: Till) -> None:
    path = await page(till)
    assert (await till.client.get(path)).status_code == 200
    await changed(till, "UPDATE payment SET page_expires_at = page_expires_at - interval '14 minutes'")
    assert (await till.client.get(path)).status_code == 200
    await changed(till, "UPDATE payment SET page_expires_at = page_expires_at - interval '1 minute'")
    assert (await till.client.get(path)).status_code == 404
    assert (await till.client.get(f"{path}/back")).status_code == 404

    held = await till.hold()
    opened = await till.open(held, "alipay_wap")
    other = urlsplit(opened.json()["params"]["url"]).path
    await till.open(held, "wechat_jsapi")
    assert (await till.client.get(other)).status_code == 404
    assert UUID(opened.json()["id"]).hex not in (await till.client.get(other)).text


@pytest.mark.parametrize("path", ["wechat-pay", "wechat-refund", "alipay"])
async def test_a_notification_of_many_megabytes_is_refused_at_the_door(till: Till, path: str) -> None:
    before = await counts(till.sessions)

    answer = await till.client.post(f"/callbacks/{path}", content=b"a" * 20_000_000)

    assert answer.status_code == 413
    assert (await till.client.get(f"/callbacks/{path}")).status_code == 405
    assert await counts(till.sessions) == before
