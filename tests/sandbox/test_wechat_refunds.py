from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from guahao.kernel.db import transaction
from guahao.sandbox import trade
from guahao.sandbox.jobs import errands
from guahao.sandbox.keys import KEY_ID
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.wechat_pay import WeChatNotifier, trades
from tests.sandbox.wechat_merchant import APP_ID, MCHID, NOTIFY, REFUND_NOTIFY, Shop

pytestmark = pytest.mark.anyio


@dataclass
class Ear:
    """The merchant's side of notifications."""

    shop: Shop
    status: int = 204
    heard: list[httpx.Request] = field(default_factory=list)

    async def tick(self) -> int:
        """Let the sandbox's clockwork run once."""

        def answer(request: httpx.Request) -> httpx.Response:
            self.heard.append(request)
            return httpx.Response(self.status)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            (errand,) = errands(self.shop.keys, http, mchid=MCHID, time_scale=1, clock=self.shop.clock)
            return await errand.run(self.shop.sessions)

    def last(self) -> dict[str, Any]:
        return self.shop.read(self.heard[-1])


@pytest.fixture
async def ear(shop: Shop) -> Ear:
    return Ear(shop)


async def paid(shop: Shop, out_trade_no: str = "order-0001") -> None:
    await shop.prepay(out_trade_no)
    async with transaction(shop.sessions) as db:
        found = await trade.locked(db, provider=SandboxProvider.WECHAT, out_trade_no=out_trade_no)
        assert found is not None
        await trades.pay(db, found, mchid=MCHID, time_scale=1, now=shop.clock())


async def refund_state(shop: Shop, number: str = "order-0001R1") -> str:
    answered = await shop.call("GET", f"/v3/refund/domestic/refunds/{number}")
    state: str = answered.json().get("status") or answered.json()["code"]
    return state


def code(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def test_a_payment_is_told_sealed_and_signed(shop: Shop, ear: Ear) -> None:
    await paid(shop)

    assert [await ear.tick() for _ in range(2)] == [1, 0]

    (request,) = ear.heard
    told = ear.last()
    assert str(request.url) == NOTIFY
    assert shop.signed_by[-1] == KEY_ID
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    assert told["resource_type"] == "encrypt-resource"
    assert told["resource"]["original_type"] == "transaction"
    assert told["create_time"] == "2026-11-26T09:00:00+08:00"
    assert told["opened"] == await shop.query() | {"trade_state": "SUCCESS"}
    assert told["opened"]["appid"] == APP_ID


async def test_a_repeated_notification_keeps_its_id_and_is_signed_anew(shop: Shop, ear: Ear) -> None:
    ear.status = 500
    await paid(shop)
    await ear.tick()
    first = ear.last()
    shop.clock.pass_(seconds=15)
    await ear.tick()

    second = ear.last()
    assert (second["id"], second["opened"]) == (first["id"], first["opened"])
    assert ear.heard[0].headers["Wechatpay-Nonce"] != ear.heard[1].headers["Wechatpay-Nonce"]


def test_the_waits_are_the_official_ones() -> None:
    minutes = [wait / timedelta(minutes=1) for wait in WeChatNotifier.schedule]

    assert minutes == [0.25, 0.25, 0.5, 3, 10, 20, 30, 30, 30, 60, 180, 180, 180, 360, 360]


async def test_a_tampered_notification_does_not_verify_and_the_next_does(shop: Shop, ear: Ear) -> None:
    ear.status = 401
    await shop.switch(FaultKind.NOTIFY_TAMPERED)
    await paid(shop)
    await ear.tick()
    with pytest.raises(Exception, match=r"^$"):
        ear.last()

    ear.status = 200
    shop.clock.pass_(seconds=15)
    await ear.tick()

    assert ear.last()["event_type"] == "TRANSACTION.SUCCESS"


async def test_a_probe_carries_the_mark_in_its_signature(shop: Shop, ear: Ear) -> None:
    await shop.switch(FaultKind.NOTIFY_PROBE)
    await paid(shop)

    await ear.tick()

    assert ear.heard[0].headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")


async def test_during_migration_notifications_are_signed_in_turn(shop: Shop, ear: Ear) -> None:
    await shop.switch(FaultKind.MIGRATION, times=None)
    for number in range(4):
        await paid(shop, f"order-100{number}")

    await ear.tick()
    shop.signed_by.clear()
    for request in ear.heard:
        shop.read(request)

    assert sorted(shop.signed_by) == sorted([KEY_ID, shop.keys.certificate_serial] * 2)


async def test_a_refund_is_processed_then_arrives_and_is_told(shop: Shop, ear: Ear) -> None:
    await paid(shop)
    answered = (await shop.refund(fen=2000)).json()
    assert answered["status"] == "PROCESSING"
    assert answered["amount"] == {
        "total": 5000,
        "refund": 2000,
        "payer_total": 5000,
        "payer_refund": 2000,
        "settlement_refund": 2000,
        "settlement_total": 5000,
        "discount_refund": 0,
        "currency": "CNY",
    }
    await ear.tick()
    assert await refund_state(shop) == "PROCESSING"
    shop.clock.pass_(seconds=1)
    await ear.tick()

    assert await refund_state(shop) == "SUCCESS"
    assert (await shop.query())["trade_state"] == "REFUND"
    assert str(ear.heard[-1].url) == REFUND_NOTIFY
    told = ear.last()
    assert (told["event_type"], told["resource"]["original_type"]) == ("REFUND.SUCCESS", "refund")
    assert told["opened"] == {
        "mchid": MCHID,
        "out_trade_no": "order-0001",
        "transaction_id": answered["transaction_id"],
        "out_refund_no": "order-0001R1",
        "refund_id": answered["refund_id"],
        "refund_status": "SUCCESS",
        "success_time": "2026-11-26T09:00:01+08:00",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 5000, "refund": 2000, "payer_total": 5000, "payer_refund": 2000},
    }


async def test_a_refund_asked_for_again_is_the_same_refund(shop: Shop, ear: Ear) -> None:
    await paid(shop)
    first = (await shop.refund()).json()
    shop.clock.pass_(seconds=5)
    await ear.tick()

    second = (await shop.refund()).json()

    assert (second["refund_id"], second["status"]) == (first["refund_id"], "SUCCESS")
    assert code(await shop.refund(fen=1)) == (400, "INVALID_REQUEST")


async def test_a_refund_may_name_the_transaction(shop: Shop) -> None:
    await paid(shop)
    transaction_id = (await shop.query())["transaction_id"]

    answered = await shop.refund(out_trade_no="", transaction_id=transaction_id)

    assert answered.json()["out_trade_no"] == "order-0001"


async def test_no_more_than_was_paid_goes_back(shop: Shop) -> None:
    await paid(shop)

    assert (await shop.refund("order-0001R1", 3000)).status_code == 200
    assert code(await shop.refund("order-0001R2", 2001)) == (400, "INVALID_REQUEST")
    assert (await shop.refund("order-0001R2", 2000)).status_code == 200
    assert await refund_state(shop, "order-0001R3") == "RESOURCE_NOT_EXISTS"


async def test_fifty_refunds_are_the_most(shop: Shop) -> None:
    await paid(shop)

    for number in range(50):
        assert (await shop.refund(f"order-0001R{number}", 1)).status_code == 200

    assert code(await shop.refund("order-0001R50", 1)) == (400, "INVALID_REQUEST")


async def test_the_same_refund_ten_times_at_once_is_one(shop: Shop) -> None:
    await paid(shop)

    answered = await asyncio.gather(*(shop.refund(fen=5000) for _ in range(10)))

    assert len({one.json()["refund_id"] for one in answered}) == 1


async def test_ten_refunds_at_once_never_exceed_the_payment(shop: Shop) -> None:
    await paid(shop)

    answered = await asyncio.gather(*(shop.refund(f"order-0001R{n}", 1000) for n in range(10)))

    assert sorted(one.status_code for one in answered) == [200] * 5 + [400] * 5


@pytest.mark.parametrize(
    ("fen", "changed", "refusal"),
    [
        (0, {}, "INVALID_REQUEST"),
        (5000, {"total": 4999}, "INVALID_REQUEST"),
        (5000, {"out_trade_no": "nobody"}, "RESOURCE_NOT_EXISTS"),
        (5000, {"out_trade_no": "order-0002"}, "INVALID_REQUEST"),
    ],
    ids=str,
)
async def test_refunds_that_cannot_be_are_refused(
    shop: Shop, fen: int, changed: dict[str, Any], refusal: str
) -> None:
    await paid(shop)
    await shop.prepay("order-0002")

    assert code(await shop.refund(fen=fen, **changed))[1] == refusal
    assert (await shop.query())["trade_state"] == "SUCCESS"


async def test_a_refund_after_a_year_is_refused(shop: Shop) -> None:
    await paid(shop)
    shop.clock.pass_(days=365, seconds=1)

    assert code(await shop.refund()) == (400, "INVALID_REQUEST")


async def test_a_refund_number_belongs_to_one_trade(shop: Shop) -> None:
    await paid(shop)
    await paid(shop, "order-0002")
    await shop.refund("R1", 5000)

    assert code(await shop.refund("R1", 5000, out_trade_no="order-0002")) == (400, "INVALID_REQUEST")


async def test_hurried_refunds_are_refused_when_switched(shop: Shop) -> None:
    await paid(shop)
    await shop.switch(FaultKind.REFUND_ONCE_A_MINUTE, times=None)
    await shop.refund("order-0001R1", 1)

    assert code(await shop.refund("order-0001R2", 1)) == (429, "FREQUENCY_LIMITED")
    shop.clock.pass_(minutes=1)

    assert (await shop.refund("order-0001R2", 1)).status_code == 200


async def test_an_abnormal_refund_can_go_to_the_merchants_account(shop: Shop, ear: Ear) -> None:
    await paid(shop)
    await shop.switch(FaultKind.REFUND_ABNORMAL)
    refund_id = (await shop.refund()).json()["refund_id"]
    shop.clock.pass_(seconds=1)
    await ear.tick()
    assert await refund_state(shop) == "ABNORMAL"
    assert ear.last()["event_type"] == "REFUND.ABNORMAL"
    assert "success_time" not in ear.last()["opened"]

    target = f"/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund"
    wish = {"out_refund_no": "order-0001R1", "type": "MERCHANT_BANK_CARD"}
    assert (await shop.call("POST", target, wish)).json()["status"] == "PROCESSING"
    shop.clock.pass_(seconds=1)
    await ear.tick()

    assert await refund_state(shop) == "SUCCESS"
    assert ear.last()["opened"]["user_received_account"].startswith("商户")
    assert (await shop.call("POST", target, wish)).json()["status"] == "SUCCESS"
    assert code(await shop.call("POST", target, wish | {"out_refund_no": "other"}))[0] == 404
    assert code(await shop.call("POST", target, wish | {"type": "PIGEON"})) == (400, "PARAM_ERROR")


async def test_a_closed_refund_frees_its_amount_for_a_new_number(shop: Shop, ear: Ear) -> None:
    await paid(shop)
    await shop.switch(FaultKind.REFUND_CLOSED)
    await shop.refund()
    shop.clock.pass_(seconds=1)
    await ear.tick()

    assert await refund_state(shop) == "CLOSED"
    assert (await shop.query())["trade_state"] == "SUCCESS"
    assert (await shop.refund()).json()["status"] == "CLOSED"
    assert (await shop.refund("order-0001R2")).json()["status"] == "PROCESSING"


async def test_a_refund_whose_answer_was_lost_is_there(shop: Shop) -> None:
    await paid(shop)
    await shop.switch(FaultKind.CUT_AFTER_COMMIT)
    with pytest.raises(httpx.ReadError):
        await shop.refund()

    assert await refund_state(shop) == "PROCESSING"
    assert json.loads((await shop.refund()).content)["status"] == "PROCESSING"


@pytest.mark.parametrize(
    ("reason", "status"),
    [("退" * 26 + "ab", 200), ("a" * 80, 200), ("退" * 26 + "abc", 400), ("退" * 27, 400), ("a" * 81, 400)],
)
async def test_a_reason_has_eighty_bytes_of_which_a_chinese_character_takes_three(
    shop: Shop, reason: str, status: int
) -> None:
    await paid(shop)

    answered = await shop.refund(reason=reason)

    assert answered.status_code == status
    assert status == 200 or answered.json()["code"] == "PARAM_ERROR"
    assert await refund_state(shop) == ("PROCESSING" if status == 200 else "RESOURCE_NOT_EXISTS")


@pytest.mark.parametrize("number", ["A-z_09|*@", "a" * 64])
async def test_a_refund_number_is_made_of_letters_digits_and_five_signs(shop: Shop, number: str) -> None:
    await paid(shop)

    assert (await shop.refund(number)).status_code == 200


@pytest.mark.parametrize("number", ["R 1", "退款1", "R.1", "R/1", "R#1", "R１", "a" * 65, ""])
async def test_a_refund_number_of_other_signs_is_refused(shop: Shop, number: str) -> None:
    await paid(shop)

    assert code(await shop.refund(number)) == (400, "PARAM_ERROR")
    assert (await shop.query())["trade_state"] == "SUCCESS"
