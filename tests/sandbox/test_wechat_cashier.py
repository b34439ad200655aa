from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import func, select

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.sandbox.models import SandboxDelivery
from tests.sandbox.wechat_merchant import Shop, pages_alone

pytestmark = pytest.mark.anyio

FORM = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def browser(shop: Shop, sessions: Sessions, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = pages_alone(sessions, settings, clock=shop.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as http:
        yield http


async def prepaid(shop: Shop, out_trade_no: str = "order-0001", **changed: object) -> str:
    reference: str = (await shop.prepay(out_trade_no, **changed)).json()["prepay_id"]
    return reference


async def deliveries(sessions: Sessions) -> int:
    async with sessions() as db:
        return await db.scalar(select(func.count()).select_from(SandboxDelivery)) or 0


async def test_a_json_client_asks_before_anybody_pays(shop: Shop, browser: httpx.AsyncClient) -> None:
    reference = await prepaid(shop)

    before = await browser.get(f"/sandbox/wechat-pay/{reference}")
    await browser.post(f"/sandbox/wechat-pay/{reference}/pay")
    after = await browser.get(f"/sandbox/wechat-pay/{reference}")
    unknown = await browser.get(f"/sandbox/wechat-pay/{reference}x")

    assert (before.status_code, before.json()["state"]) == (200, "open")
    assert (after.json()["state"], after.json()["amount_fen"]) == ("paid", before.json()["amount_fen"])
    assert unknown.status_code == 404


async def test_a_json_client_pays_and_reads_the_state(shop: Shop, browser: httpx.AsyncClient) -> None:
    reference = await prepaid(shop)

    answered = await browser.post(f"/sandbox/wechat-pay/{reference}/pay")

    assert (answered.status_code, answered.json()) == (200, {"state": "paid", "amount_fen": 5000})
    assert (await shop.query())["trade_state"] == "SUCCESS"


async def test_a_native_trade_is_paid_by_the_last_part_of_its_code(
    shop: Shop, browser: httpx.AsyncClient
) -> None:
    code_url = (await shop.prepay(kind="native")).json()["code_url"]
    reference = code_url.partition("pr=")[2]

    await browser.post(f"/sandbox/wechat-pay/{reference}/pay")

    assert (await shop.query())["trade_type"] == "NATIVE"


async def test_ten_taps_at_once_pay_once(shop: Shop, browser: httpx.AsyncClient, sessions: Sessions) -> None:
    reference = await prepaid(shop)

    taps = await asyncio.gather(*(browser.post(f"/sandbox/wechat-pay/{reference}/pay") for _ in range(10)))

    assert {tap.text for tap in taps} == {'{"state":"paid","amount_fen":5000}'}
    assert await deliveries(sessions) == 1


@pytest.mark.parametrize("deed", ["cancel", "wrong-password"])
async def test_who_turns_back_pays_nothing_and_may_come_again(
    shop: Shop, browser: httpx.AsyncClient, sessions: Sessions, deed: str
) -> None:
    reference = await prepaid(shop)

    answered = await browser.post(f"/sandbox/wechat-pay/{reference}/{deed}")

    assert answered.json() == {"state": "open", "amount_fen": 5000}
    assert (await shop.query())["trade_state"] == "NOTPAY"
    assert await deliveries(sessions) == 0
    assert (await browser.post(f"/sandbox/wechat-pay/{reference}/pay")).json()["state"] == "paid"


async def test_what_is_closed_or_over_cannot_be_paid(shop: Shop, browser: httpx.AsyncClient) -> None:
    closed, late = await prepaid(shop), await prepaid(shop, "order-0002")
    await shop.close()
    shop.clock.pass_(hours=2)

    for reference in (closed, late):
        answered = await browser.post(f"/sandbox/wechat-pay/{reference}/pay")
        assert (answered.status_code, answered.json()["code"]) == (409, "sandbox-trade-not-payable")
        page = await browser.get(f"/sandbox/cashier/{reference}")
        assert "确认支付" not in page.text


@pytest.mark.parametrize("prepay_id", ["wx1", "%00", "x" * 1000])
async def test_an_unknown_prepayment_is_not_found(browser: httpx.AsyncClient, prepay_id: str) -> None:
    assert (await browser.get(f"/sandbox/cashier/{prepay_id}")).status_code == 404
    assert (await browser.post(f"/sandbox/wechat-pay/{prepay_id}/pay")).status_code == 404


async def test_a_browser_pays_with_the_forms_of_the_page(shop: Shop, browser: httpx.AsyncClient) -> None:
    page = f"/sandbox/cashier/{await prepaid(shop)}"
    shown = (await browser.get(page)).text
    pay, wrong, cancel = re.findall(r'action="(/sandbox/wechat-pay/[^/]+/[a-z-]+)"', shown)

    turned = await browser.post(wrong, headers=FORM)
    assert (turned.status_code, turned.headers["location"]) == (303, f"{page}?said=wrong-password")
    assert "支付密码错误" in (await browser.get(turned.headers["location"])).text
    assert (await browser.post(cancel, headers=FORM)).headers["location"] == f"{page}?said=cancelled"
    assert (await browser.post(pay, headers=FORM)).headers["location"] == page

    shown = (await browser.get(page)).text
    assert "支付成功" in shown
    assert "TRANSACTION.SUCCESS" in shown
    assert "确认支付" not in shown


async def test_pages_say_sandbox_run_no_script_and_load_nothing_foreign(
    shop: Shop, browser: httpx.AsyncClient
) -> None:
    reference = await prepaid(shop, description="<script>alert(1)</script>")

    for path in (f"/sandbox/cashier/{reference}", "/sandbox"):
        answered = await browser.get(path)
        assert "<strong>沙箱</strong>" in answered.text
        assert "<script" not in answered.text
        assert "style=" not in answered.text
        assert set(re.findall(r'(?:src|href|action)="([^/][^"]*)"', answered.text)) == {"data:,"}
        policy = answered.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "unsafe" not in policy
    assert (await browser.get("/sandbox/style.css")).headers["content-type"].startswith("text/css")


async def test_a_fault_is_switched_on_the_page_for_this_payment_only(
    shop: Shop, browser: httpx.AsyncClient, sessions: Sessions
) -> None:
    first, second = await prepaid(shop), await prepaid(shop, "order-0002")
    path = f"/sandbox/wechat-pay/{first}/faults/notify_twice"
    assert f'action="{path}/on"' in (await browser.get(f"/sandbox/cashier/{first}")).text

    await browser.post(f"{path}/on")
    assert f'action="{path}/off"' in (await browser.get(f"/sandbox/cashier/{first}")).text
    await browser.post(f"/sandbox/wechat-pay/{second}/pay")
    assert await deliveries(sessions) == 1
    await browser.post(f"/sandbox/wechat-pay/{first}/pay")

    assert await deliveries(sessions) == 3
    assert (await browser.get("/sandbox/faults")).json() == []


async def test_faults_are_switched_by_json(browser: httpx.AsyncClient) -> None:
    fault = {"provider": "wechat", "kind": "slow_answer", "out_trade_no": "", "times": 2}
    lasting = {"provider": "wechat", "kind": "migration", "out_trade_no": "", "times": None}

    assert (await browser.put("/sandbox/faults", json=fault)).json() == [fault]
    assert (await browser.put("/sandbox/faults", json=lasting)).json() == [lasting, fault]
    assert (await browser.put("/sandbox/faults", json=fault | {"kind": "earthquake"})).status_code == 422
    assert (await browser.delete("/sandbox/faults", params={"kind": "migration"})).status_code == 204
    assert (await browser.get("/sandbox/faults")).json() == [fault]
    await browser.delete("/sandbox/faults")
    assert (await browser.get("/sandbox/faults")).json() == []


async def test_the_index_switches_faults_and_sends_again(
    shop: Shop, browser: httpx.AsyncClient, sessions: Sessions
) -> None:
    await browser.post("/sandbox/faults/wechat/notify_never/on")
    await browser.post(f"/sandbox/wechat-pay/{await prepaid(shop)}/pay")
    shown = (await browser.get("/sandbox")).text
    assert "不发送" in shown
    assert "order-0001" in shown

    (again,) = re.findall(r'action="(/sandbox/deliveries/\d+/send-again)"', shown)
    await browser.post(again)

    assert "等待发送" in (await browser.get("/sandbox")).text
    assert (await browser.post("/sandbox/deliveries/0/send-again")).status_code == 404


async def test_the_empty_index_says_what_comes(browser: httpx.AsyncClient) -> None:
    shown = (await browser.get("/sandbox")).text

    assert all(said in shown for said in ("还没有交易", "还没有通知", "还没有短信"))
    assert shown.count("同一通知发两次") == 2


async def test_the_time_on_the_page_is_chinas(shop: Shop, browser: httpx.AsyncClient) -> None:
    reference = await prepaid(shop, time_expire="2026-11-26T09:15:00+08:00")

    assert utc_now() != shop.clock.now
    assert "请在 11月26日 09:15:00 前支付" in (await browser.get(f"/sandbox/cashier/{reference}")).text
