"""Rows 10 to 20, 30 and 31 of the list of attacks: where the money goes, through the front door."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update

from guahao.kernel.db import transaction
from guahao.payment.models import Order
from guahao.sandbox.models import SandboxDelivery
from tests.factories.books import counts, require_rest, require_sound
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
CHANNELS = ("wechat_jsapi", "alipay_qr")


async def rows(till: Till, statement: str) -> list[tuple[Any, ...]]:
    async with transaction(till.sessions) as db:
        return [tuple(row) for row in await db.execute(text(statement))]


async def last_letter(till: Till) -> SandboxDelivery:
    return (await till.letters())[-1]


def path_of(channel: str) -> str:
    return "alipay" if channel.startswith("alipay") else "wechat-pay"


def with_amount(letter: SandboxDelivery, fen: int) -> SandboxDelivery:
    """Another amount, genuinely signed: what a mistaken provider would tell."""
    content = dict(letter.content)
    if "resource" in content:
        amount = {"total": fen, "payer_total": fen}
        resource = content["resource"]
        content["resource"] = {**resource, "amount": {**resource["amount"], **amount}}
    else:
        content["total_amount"] = f"{fen / 100:.2f}"
    letter.content = content
    return letter


def with_number(letter: SandboxDelivery, out_trade_no: str) -> SandboxDelivery:
    content = dict(letter.content)
    if "resource" in content:
        content["resource"] = {**content["resource"], "out_trade_no": out_trade_no}
    else:
        content["out_trade_no"] = out_trade_no
    letter.content = content
    return letter


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("off", [-1, 1])
async def test_row_10_one_fen_more_or_less_is_thanked_for_and_confirms_nothing(
    till: Till, channel: str, off: int
) -> None:
    held = await till.hold()
    await till.at_cashier(await till.open(held, channel))
    letter = with_amount(await last_letter(till), 5000 + off)

    answer = await till.post(path_of(channel), till.written(letter))
    await till.tell()

    assert answer.status_code in {200, 204}
    assert await till.appointment(held) == "held"
    assert (await till.order(held))["state"] == "paying"
    assert await rows(till, "SELECT state, captured_fen FROM payment") == [("disputed", 5000 + off)]
    assert await rows(till, "SELECT kind, state FROM finance_case") == [("amount_mismatch", "open")]
    assert await rows(till, "SELECT credit, amount_fen FROM ledger_entry") == [("unclear", 5000 + off)]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "number", ["0" * 32, "f" * 32, "nobody's number", "\u6211" * 20, "-" * 32, "1_" * 16, "x" * 32]
)
async def test_row_11_an_unknown_order_number_is_thanked_for_and_becomes_an_orphan(
    till: Till, channel: str, number: str
) -> None:
    held = await till.hold()
    await till.at_cashier(await till.open(held, channel))
    letter = with_number(await last_letter(till), number)

    for _ in range(2):
        answer = await till.post(path_of(channel), till.written(letter))
        assert answer.status_code in {200, 204}, answer.text

    assert (await till.order(held))["state"] == "paying"
    assert await rows(till, "SELECT kind, state FROM finance_case") == [("unknown_order", "open")]
    assert (await counts(till.sessions))["ledger_entry"] == 0


async def test_row_11_a_number_of_the_other_provider_is_an_orphan(till: Till) -> None:
    held = await till.hold()
    opened = await till.open(held)
    other = await till.hold()
    await till.at_cashier(await till.open(other, "alipay_qr"))
    letter = with_number(await last_letter(till), UUID(opened.json()["id"]).hex)

    assert (await till.post("alipay", till.written(letter))).status_code == 200

    assert (await till.order(held))["state"] == "paying"
    assert await rows(till, "SELECT kind FROM finance_case") == [("unknown_order",)]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_row_12_ten_concurrent_duplicates_confirm_once(till: Till, channel: str) -> None:
    held = await till.hold()
    await till.at_cashier(await till.open(held, channel))
    letter = await last_letter(till)

    answers = await asyncio.gather(
        *(till.post(path_of(channel), till.written(letter)) for _ in range(10)),
    )
    await till.settle()

    assert {answer.status_code for answer in answers} <= {200, 204}
    assert await till.appointment(held) == "booked"
    assert await rows(till, "SELECT count(*), sum(amount_fen) FROM ledger_entry") == [(1, 5000)]
    assert await rows(till, "SELECT count(*) FROM event WHERE name = 'payment.order.paid'") == [(1,)]
    await require_rest(till.sessions)


async def test_row_12_ten_different_messages_of_one_payment_at_once_confirm_once(till: Till) -> None:
    held = await till.hold()
    await till.at_cashier(await till.open(held))
    letters = []
    for number in range(10):
        letter = await last_letter(till)
        letter.event_id = f"another-{number}"
        letters.append(till.written(letter))

    answers = await asyncio.gather(
        *(till.post("wechat-pay", sent) for sent in letters), till.errands("ask_about_payments")
    )
    await till.settle()

    assert {answer.status_code for answer in answers if answer} == {204}
    assert await rows(till, "SELECT count(*), sum(amount_fen) FROM ledger_entry") == [(1, 5000)]
    await require_rest(till.sessions)


async def test_row_13_a_notification_before_our_prepay_answer_is_stored_confirms(till: Till) -> None:
    held = await till.hold()
    await till.fault("cut_after_commit")
    lost = await till.pay(held.headers, held.order_id)
    assert (lost.status_code, lost.json()["code"]) == (503, "payment-channel-unavailable")
    assert await rows(till, "SELECT state, reference FROM payment") == [("preparing", None)]

    ((reference,),) = await rows(till, "SELECT reference FROM sandbox_trade")
    assert (await till.client.post(f"/sandbox/wechat-pay/{reference}/pay")).status_code == 200
    await till.deliver()
    assert (await till.order(held))["state"] == "paid"
    await till.settle()

    assert await till.appointment(held) == "booked"
    again = await till.pay(held.headers, held.order_id)
    assert (again.status_code, again.json()["code"]) == (409, "order-not-payable")
    await require_rest(till.sessions)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_row_13_a_notification_during_our_prepay_confirms_and_the_client_sees_it(
    till: Till, channel: str
) -> None:
    """The provider's answer is on its way to us while the payer has paid already."""
    held = await till.hold()
    gateway = till.app.state.gateways["alipay" if channel.startswith("alipay") else "wechat"]
    inner = gateway.prepay

    async def overtaken(prepayment: Any) -> Any:  # whatever the gateway takes
        prepared = await inner(prepayment)
        if channel.startswith("alipay"):
            await till.client.post(f"/sandbox/alipay/{prepayment.out_trade_no}/pay")
        else:
            await till.client.post(f"/sandbox/wechat-pay/{prepared.reference}/pay")
        await till.deliver()
        return prepared

    gateway.prepay = overtaken
    opened = await till.pay(held.headers, held.order_id, channel=channel)
    gateway.prepay = inner

    assert (opened.status_code, opened.json()["state"]) == (201, "captured")
    assert (await till.order(held))["state"] == "paid"
    await till.settle()
    assert await till.appointment(held) == "booked"
    await require_rest(till.sessions)


async def closed(till: Till, channel: str) -> tuple[Held, SandboxDelivery]:
    """A hold that ended because the provider agreed, and the message of money that came all the same."""
    held = await till.hold()
    paid = await till.hold()
    await till.at_cashier(await till.open(paid, channel))
    letter = await last_letter(till)
    await till.deliver()
    opened = await till.open(held, channel)
    await till.over(held)
    await till.expire()
    await till.settle()
    assert await till.appointment(held) == "expired"
    number = UUID(opened.json()["id"]).hex
    with_number(letter, number)
    content = dict(letter.content)
    if "resource" in content:
        content["resource"] = {**content["resource"], "transaction_id": f"4200{number[:20]}"}
    else:
        content |= {"trade_no": f"2026{number[:20]}", "notify_id": number}
    letter.content, letter.event_id = content, number
    return held, letter


@pytest.mark.parametrize("channel", CHANNELS)
async def test_row_14_money_after_the_release_books_the_free_place_again(till: Till, channel: str) -> None:
    held, letter = await closed(till, channel)

    for _ in range(3):
        assert (await till.post(path_of(channel), till.written(letter))).status_code in {200, 204}
        await till.tell()

    assert await till.appointment(held) == "booked"
    assert (await till.order(held))["state"] == "paid"
    assert await rows(till, "SELECT count(*) FROM refund") == [(0,)]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_row_14_money_after_the_release_goes_back_once_if_the_place_is_taken(
    till: Till, channel: str
) -> None:
    held, letter = await closed(till, channel)
    await till.hold(slot_id=held.slot_id)

    await asyncio.gather(*(till.post(path_of(channel), till.written(letter)) for _ in range(5)))
    await asyncio.gather(till.tell(), till.tell())
    await till.tell()

    assert await till.appointment(held) == "expired"
    assert await rows(till, "SELECT reason, number, amount_fen FROM refund") == [("late", 1, 5000)]
    assert (await till.order(held))["state"] == "refunding"


@pytest.mark.parametrize(("first", "second"), [CHANNELS, CHANNELS[::-1], ("wechat_jsapi", "wechat_native")])
async def test_row_15_paid_twice_one_is_kept_and_the_other_goes_back(
    till: Till, first: str, second: str
) -> None:
    held = await till.hold()
    one = await till.open(held, first)
    other = await till.open(held, second)

    paid = await asyncio.gather(till.at_cashier(one), till.at_cashier(other))
    assert [answer.status_code for answer in paid] == [200, 200]
    letters = await till.letters()
    for letter in letters:
        is_alipay = letter.provider.value == "alipay"
        assert (
            await till.post("alipay" if is_alipay else "wechat-pay", till.written(letter))
        ).status_code in {200, 204}
    await till.hurried()

    assert await till.appointment(held) == "booked"
    shown = await till.order(held)
    told_first = letters[0].out_trade_no == UUID(one.json()["id"]).hex
    assert (shown["state"], shown["paid_by"]) == ("paid", first if told_first else second)
    assert await rows(till, "SELECT reason, state, amount_fen FROM refund") == [
        ("duplicate", "success", 5000)
    ]
    await require_rest(till.sessions)


async def test_row_15_both_told_at_the_same_moment_keep_one(till: Till) -> None:
    held = await till.hold()
    one, other = await till.open(held, "wechat_jsapi"), await till.open(held, "alipay_qr")
    await till.at_cashier(one)
    await till.at_cashier(other)
    wechat, alipay = await till.letters()

    await asyncio.gather(
        till.post("wechat-pay", till.written(wechat)), till.post("alipay", till.written(alipay))
    )
    await till.hurried()

    assert await rows(till, "SELECT reason, state FROM refund") == [("duplicate", "success")]
    await require_rest(till.sessions)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", ["cut_after_commit", "error_after_commit"])
async def test_row_17_a_refund_whose_answer_was_lost_is_one_refund(
    till: Till, channel: str, fault: str
) -> None:
    provider = "alipay" if channel.startswith("alipay") else "wechat"
    held = await till.hold()
    await till.at_cashier(await till.open(held, channel))
    await till.settle()
    await till.cancel(held)
    await till.fault(fault, provider=provider, times=2)
    for _ in range(2):
        await till.hurry()
        await till.errands("send_refunds")
        assert await rows(till, "SELECT state FROM refund") == [("requested",)]
    await till.hurried()

    assert await rows(till, "SELECT count(*), sum(amount_fen) FROM sandbox_refund") == [(1, 5000)]
    assert (await till.order(held))["state"] == "refunded"
    await require_rest(till.sessions)


async def test_row_19_an_amount_of_the_client_is_refused(till: Till) -> None:
    held = await till.hold()
    before = await counts(till.sessions)
    path = f"/api/v1/orders/{held.order_id}/payments"
    for extra in ("amount_fen", "amount", "fen", "total", "payable_fen", "state", "price"):
        body = {"channel": "wechat_jsapi", extra: 1}
        answer = await till.client.post(path, json=body, headers=held.headers)
        assert answer.status_code == 422, extra
    for channel in ("cash", "card", "", None, 1, "WECHAT_JSAPI"):
        answer = await till.client.post(path, json={"channel": channel}, headers=held.headers)
        assert answer.status_code == 422, channel
    assert await counts(till.sessions) == before
    assert (await till.open(held)).json()["amount_fen"] == 5000


async def test_row_19_a_fee_changed_after_the_hold_changes_no_order(till: Till) -> None:
    held = await till.hold()
    async with transaction(till.sessions) as db:
        await db.execute(text("UPDATE fee_item SET fee_fen = 1"))
        await db.execute(text("UPDATE clinic_session SET fee_fen = 1"))

    assert (await till.open(held)).json()["amount_fen"] == 5000
    assert await rows(till, "SELECT amount_fen FROM sandbox_trade") == [(5000,)]


async def test_row_19_a_number_used_with_another_price_is_closed_and_replaced(till: Till) -> None:
    held = await till.hold()
    first = await till.open(held)
    async with transaction(till.sessions) as db:
        await db.execute(
            text("UPDATE sandbox_trade SET asked = jsonb_set(asked, '{total}', '1'), amount_fen = 1")
        )

    second = await till.open(held)

    assert second.json()["id"] != first.json()["id"]
    assert await till.at_cashier(second)
    await till.hurried()
    assert await till.appointment(held) == "booked"
    assert await rows(till, "SELECT state FROM payment ORDER BY id") == [("closed",), ("captured",)]
    await require_rest(till.sessions)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_row_20_a_payment_that_overtakes_the_closing_is_kept(till: Till, channel: str) -> None:
    held = await till.hold()
    opened = await till.open(held, channel)
    if channel.startswith("alipay"):
        await till.client.get(f"/sandbox/alipay/{UUID(opened.json()['id']).hex}")
    await till.fault("close_race", provider="alipay" if channel.startswith("alipay") else "wechat")
    await till.over(held)
    await till.expire()
    assert (await till.order(held))["state"] == "closing"

    await till.errands("ask_about_payments")
    assert (await till.order(held))["state"] == "paid"
    await till.settle()

    assert await till.appointment(held) == "booked"
    await require_rest(till.sessions)


async def test_row_31_a_double_click_opens_one_payment(till: Till) -> None:
    held = await till.hold()

    answers: list[httpx.Response] = list(
        await asyncio.gather(*(till.pay(held.headers, held.order_id) for _ in range(8)))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await rows(till, "SELECT count(*) FROM payment") == [(1,)]
    assert await rows(till, "SELECT count(*) FROM sandbox_trade") == [(1,)]
    await require_sound(till.sessions)


async def test_row_31_one_key_is_one_payment_and_another_body_is_refused(till: Till) -> None:
    held = await till.hold()

    first = await till.pay(held.headers, held.order_id, key="a-double-click")
    again = await till.pay(held.headers, held.order_id, key="a-double-click")
    before = await counts(till.sessions)
    other = await till.pay(held.headers, held.order_id, key="a-double-click", channel="alipay_qr")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await counts(till.sessions) == before


async def test_row_32_another_patient_neither_sees_nor_pays_the_order(till: Till) -> None:
    held, stranger = await till.hold(), await till.hold()
    before = await counts(till.sessions)

    seen = await till.client.get(f"/api/v1/orders/{held.order_id}", headers=stranger.headers)
    paid = await till.pay(stranger.headers, held.order_id)
    ended = await till.client.post(
        f"/api/v1/appointments/{held.appointment_id}/cancel", headers=stranger.headers
    )

    assert (seen.status_code, paid.status_code, ended.status_code) == (404, 404, 404)
    assert await counts(till.sessions) == before


async def test_money_keeps_the_price_even_if_the_order_is_changed_behind_the_payment(till: Till) -> None:
    """Defence in depth: the amount asked for is the payment's own, compared with what came."""
    held = await till.hold()
    opened = await till.open(held)
    async with transaction(till.sessions) as db:
        await db.execute(update(Order).values(amount_fen=9900))
    await till.at_cashier(opened)
    await till.settle()

    assert await rows(till, "SELECT captured_fen, state FROM payment") == [(5000, "captured")]
    await require_sound(till.sessions)
