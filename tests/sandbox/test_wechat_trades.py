from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from sqlalchemy import func, select

from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import trade, wechat_pay
from guahao.sandbox.keys import KEY_ID
from guahao.sandbox.models import FaultKind, SandboxDelivery, SandboxProvider
from guahao.sandbox.transport import CutsSockets
from guahao.sandbox.wechat_pay import Merchant, app, trades
from tests.sandbox.wechat_merchant import APP_ID, MCHID, SERIAL, Shop

pytestmark = pytest.mark.anyio

TARGET = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={MCHID}"


async def pay(shop: Shop, out_trade_no: str = "order-0001") -> bool:
    async with transaction(shop.sessions) as db:
        found = await trade.locked(db, provider=SandboxProvider.WECHAT, out_trade_no=out_trade_no)
        assert found is not None
        return await trades.pay(db, found, mchid=MCHID, time_scale=1, now=shop.clock())


async def deliveries(sessions: Sessions) -> int:
    async with sessions() as db:
        return await db.scalar(select(func.count()).select_from(SandboxDelivery)) or 0


def code(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def test_a_prepaid_trade_waits_for_its_payer(shop: Shop) -> None:
    answered = await shop.prepay()

    assert answered.status_code == 200
    assert answered.json()["prepay_id"].startswith("wx")
    assert await shop.query() == {
        "appid": APP_ID,
        "mchid": MCHID,
        "out_trade_no": "order-0001",
        "trade_state": "NOTPAY",
        "trade_state_desc": "订单未支付",
        "amount": {"total": 5000, "currency": "CNY"},
        "payer": {"openid": "openid-1"},
    }


async def test_a_native_trade_is_named_by_a_code(shop: Shop) -> None:
    answered = await shop.prepay(kind="native")

    assert answered.json()["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")


async def test_a_paid_trade_is_found_by_both_its_names(shop: Shop) -> None:
    await shop.prepay(attach="a1")
    assert await pay(shop)

    by_number = await shop.query()
    by_id = await shop.call("GET", f"/v3/pay/transactions/id/{by_number['transaction_id']}?mchid={MCHID}")

    assert by_id.json() == by_number
    assert len(by_number.pop("transaction_id")) == 28
    assert by_number == {
        "appid": APP_ID,
        "mchid": MCHID,
        "out_trade_no": "order-0001",
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "a1",
        "success_time": "2026-11-26T09:00:00+08:00",
        "payer": {"openid": "openid-1"},
        "amount": {"total": 5000, "currency": "CNY", "payer_total": 5000, "payer_currency": "CNY"},
    }


async def test_prepaying_again_answers_the_same(shop: Shop) -> None:
    first, second = await shop.prepay(), await shop.prepay()

    assert first.json() == second.json()


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"total": 1, "currency": "CNY"}},
        {"payer": {"openid": "openid-2"}},
        {"description": "另一个"},
        {"time_expire": "2026-11-26T09:15:00+08:00"},
        {"kind": "native"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_an_order_number_with_other_parameters_is_refused(
    shop: Shop, changed: dict[str, object]
) -> None:
    await shop.prepay()

    assert code(await shop.prepay(**changed)) == (403, "OUT_TRADE_NO_USED")
    assert (await shop.query())["amount"] == {"total": 5000, "currency": "CNY"}


async def test_prepaying_what_is_paid_or_closed_is_refused(shop: Shop) -> None:
    await shop.prepay()
    await pay(shop)
    await shop.prepay("order-0002")
    await shop.close("order-0002")

    assert code(await shop.prepay()) == (400, "ORDERPAID")
    assert code(await shop.prepay("order-0002")) == (400, "ORDER_CLOSED")


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"total": 0}},
        {"amount": {"total": 1.5}},
        {"amount": {"total": 1, "currency": "USD"}},
        {"description": ""},
        {"description": "x" * 128},
        {"description": "挂" * 43},
        {"attach": "附" * 43},
        {"notify_url": "http://guahao.test/callbacks?x=1"},
        {"notify_url": "http://hospital.example.com/callbacks"},
        {"notify_url": "http://8.8.8.8/callbacks"},
        {"notify_url": "ftp://guahao.test/callbacks"},
        {"undocumented": 1},
        {"amount": {"total": 5000, "undocumented": 1}},
        {"notify_url": "/callbacks"},
        {"payer": None},
        {"time_expire": "2026-11-26T08:59:59+08:00"},
        {"time_expire": "2026-11-26T09:15:00"},
        {"mchid": "1900000001"},
        {"out_trade_no": "short"},
        {"description": "a\0b"},
    ],
    ids=str,
)
async def test_wrong_parameters_are_refused(shop: Shop, changed: dict[str, object]) -> None:
    assert code(await shop.prepay(**changed)) == (400, "PARAM_ERROR")


async def test_a_member_that_no_document_has_is_named(shop: Shop) -> None:
    said = (await shop.prepay(undocumented=1)).json()

    assert said["message"] == "请求中含有未在API文档中定义的参数"
    assert said["detail"] == {"location": "body", "field": "/undocumented", "issue": said["message"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "挂" * 42, "attach": "附" * 42},
        {"goods_tag": "WXG", "support_fapiao": True, "settle_info": {"profit_sharing": False}},
        {"scene_info": {"payer_client_ip": "14.23.150.211", "store_info": {"id": "0001"}}},
        {"notify_url": "https://hospital.example.com/callbacks"},
        {"notify_url": "http://127.0.0.1:8000/callbacks"},
        {"notify_url": "http://192.168.1.5/callbacks"},
    ],
    ids=str,
)
async def test_what_the_documents_allow_is_taken(shop: Shop, changed: dict[str, object]) -> None:
    assert (await shop.prepay(**changed)).status_code == 200


async def test_an_app_of_another_merchant_is_refused(shop: Shop) -> None:
    assert code(await shop.prepay(appid="wx1")) == (400, "APPID_MCHID_NOT_MATCH")


async def test_an_unknown_order_number_does_not_exist_but_can_be_closed(shop: Shop) -> None:
    assert (await shop.query("nobody"))["code"] == "ORDER_NOT_EXIST"
    assert (await shop.close("nobody")).status_code == 204


async def test_a_closed_trade_cannot_be_paid_and_stays_closed(shop: Shop) -> None:
    await shop.prepay()
    closed = [await shop.close() for _ in range(2)]

    assert [(answered.status_code, answered.content) for answered in closed] == [(204, b""), (204, b"")]
    assert not await pay(shop)
    assert (await shop.query())["trade_state"] == "CLOSED"
    assert await deliveries(shop.sessions) == 0


async def test_a_paid_trade_cannot_be_closed(shop: Shop) -> None:
    await shop.prepay()
    await pay(shop)

    assert code(await shop.close()) == (400, "ORDERPAID")
    assert (await shop.query())["trade_state"] == "SUCCESS"


async def test_a_payment_that_arrives_while_closing_wins(shop: Shop) -> None:
    await shop.prepay()
    await shop.switch(FaultKind.CLOSE_RACE)

    assert code(await shop.close()) == (400, "ORDERPAID")
    assert (await shop.query())["trade_state"] == "SUCCESS"
    assert await deliveries(shop.sessions) == 1


async def test_nobody_pays_after_the_time_is_over(shop: Shop) -> None:
    await shop.prepay(time_expire="2026-11-26T09:15:00+08:00")
    shop.clock.pass_(minutes=15)

    assert not await pay(shop)
    assert (await shop.query())["trade_state"] == "NOTPAY"


async def test_ten_payers_at_once_pay_once(shop: Shop) -> None:
    await shop.prepay()

    paid = await asyncio.gather(*(pay(shop) for _ in range(10)))

    assert sum(paid) == 1
    assert await deliveries(shop.sessions) == 1


async def test_paying_and_closing_at_once_end_in_one_of_both(shop: Shop) -> None:
    for number in range(8):
        name = f"order-1{number:03d}"
        await shop.prepay(name)
        paid, closed = await asyncio.gather(pay(shop, name), shop.close(name))

        state = (await shop.query(name))["trade_state"]
        assert (paid, closed.status_code, state) in {(True, 400, "SUCCESS"), (False, 204, "CLOSED")}


@pytest.mark.parametrize(
    "changed",
    [
        {"mchid": "1900000001"},
        {"serial_no": "OTHER"},
        {"nonce_str": "other"},
        {"timestamp": "1764118800"},
        {"timestamp": "now"},
        {"signature": "bm90IHNpZ25lZA=="},
        {"signature": "!"},
        {"signature": ""},
    ],
    ids=str,
)
async def test_a_request_that_is_not_the_merchants_is_refused_and_does_nothing(
    shop: Shop, changed: dict[str, str]
) -> None:
    body = json.dumps({"mchid": MCHID}).encode()
    await shop.prepay()
    target = "/v3/pay/transactions/out-trade-no/order-0001/close"
    async with shop.http() as http:
        header = shop.authorization("POST", target, body, **changed)
        answered = await http.post(target, content=body, headers={"Authorization": header})

    shop.verify(answered.headers, answered.content)
    assert code(answered) == (401, "SIGN_ERROR")
    assert (await shop.query())["trade_state"] == "NOTPAY"


@pytest.mark.parametrize("part", ["method", "query", "body"])
async def test_the_signature_covers_every_byte(shop: Shop, part: str) -> None:
    body = b'{"mchid": "1900000000"}'
    path = "/v3/pay/transactions/out-trade-no/order-0001/close"
    header = shop.authorization("POST", f"{path}?a=1", body)
    sent = {
        "method": ("PUT", f"{path}?a=1", body),
        "query": ("POST", f"{path}?a=2", body),
        "body": ("POST", f"{path}?a=1", body + b" "),
    }[part]
    async with shop.http() as http:
        answered = await http.request(sent[0], sent[1], content=sent[2], headers={"Authorization": header})

    assert code(answered) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(("skew_s", "status"), [(-300, 404), (300, 404), (-301, 401), (301, 401)])
async def test_five_minutes_of_clock_difference_are_allowed(shop: Shop, skew_s: int, status: int) -> None:
    shop.skew_s = skew_s

    assert (await shop.call("GET", TARGET)).status_code == status


async def test_missing_authorization_and_unknown_addresses_are_refused(shop: Shop) -> None:
    async with shop.http() as http:
        assert code(await http.get("/v3/certificates")) == (401, "SIGN_ERROR")
    assert code(await shop.call("GET", "/v3/pay/transactions/id/%00")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(await shop.call("GET", "/v3/nothing")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(await shop.call("DELETE", "/v3/certificates")) == (404, "RESOURCE_NOT_EXISTS")


async def test_answers_are_signed_by_the_public_key_id_or_as_switched(shop: Shop) -> None:
    await shop.query()
    await shop.switch(FaultKind.CERTIFICATE)
    await shop.query()

    assert shop.signed_by == [KEY_ID, shop.keys.certificate_serial]


async def test_migration_mixes_both_signers(shop: Shop) -> None:
    await shop.switch(FaultKind.MIGRATION, times=None)
    async with shop.http() as http:
        for _ in range(4):
            header = shop.authorization("GET", TARGET, b"")
            answered = await http.get(TARGET, headers={"Authorization": header})
            shop.verify(answered.headers, answered.content)

    assert sorted(shop.signed_by) == sorted([KEY_ID, shop.keys.certificate_serial] * 2)


async def test_the_platform_certificate_is_handed_out_sealed(shop: Shop) -> None:
    (listed,) = (await shop.call("GET", "/v3/certificates")).json()["data"]

    opened = shop.open(listed["encrypt_certificate"])

    assert listed["serial_no"] == shop.keys.certificate_serial
    on_disk = shop.folder / "wechat_pay_keys" / f"{listed['serial_no']}.pem"
    assert opened == on_disk.read_bytes()


async def test_a_slow_answer_takes_six_seconds_once(shop: Shop) -> None:
    await shop.switch(FaultKind.SLOW_ANSWER)

    await shop.query()
    await shop.query()

    assert shop.slept == [6.0]


async def test_the_callers_time_out_ends_a_slow_answer(shop: Shop) -> None:
    await shop.prepay()
    merchant = Merchant(mchid=MCHID, app_id=APP_ID, serial=SERIAL)
    await shop.switch(FaultKind.SLOW_ANSWER)
    forever = asyncio.Event()
    header = shop.authorization("GET", TARGET, b"")

    async with wechat_pay.http(
        shop.sessions,
        shop.keys,
        merchant=merchant,
        time_scale=1,
        clock=shop.clock,
        sleep=lambda _: forever.wait(),
    ) as slow:
        with pytest.raises(httpx.ReadTimeout):
            await slow.get(TARGET, headers={"Authorization": header}, timeout=0.05)


async def test_an_error_after_commit_has_done_its_work(shop: Shop) -> None:
    await shop.switch(FaultKind.ERROR_AFTER_COMMIT)

    assert code(await shop.prepay()) == (500, "SYSTEM_ERROR")
    assert (await shop.query())["trade_state"] == "NOTPAY"
    assert (await shop.prepay()).status_code == 200


async def test_a_cut_after_commit_has_done_its_work(shop: Shop) -> None:
    await shop.switch(FaultKind.CUT_AFTER_COMMIT)

    with pytest.raises(httpx.ReadError):
        await shop.prepay()

    assert (await shop.query())["trade_state"] == "NOTPAY"


async def test_queries_and_refusals_use_up_no_fault_of_commits(shop: Shop) -> None:
    await shop.switch(FaultKind.ERROR_AFTER_COMMIT)

    assert (await shop.query())["code"] == "ORDER_NOT_EXIST"
    assert code(await shop.prepay(description="")) == (400, "PARAM_ERROR")
    assert code(await shop.prepay()) == (500, "SYSTEM_ERROR")


async def test_on_a_port_a_cut_is_an_answer_never_finished(shop: Shop) -> None:
    await shop.switch(FaultKind.CUT_AFTER_COMMIT)
    merchant = Merchant(mchid=MCHID, app_id=APP_ID, serial=SERIAL)
    inner = CutsSockets(app(shop.sessions, shop.keys, merchant=merchant, time_scale=1, clock=shop.clock))
    body = b'{"mchid": "1900000000"}'
    target = "/v3/pay/transactions/out-trade-no/order-0001/close"
    header = shop.authorization("POST", target, body)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(inner), base_url="http://s.test") as http:
        with pytest.raises(AssertionError):  # httpx: the application returned before its answer was complete
            await http.post(target, content=body, headers={"Authorization": header})
