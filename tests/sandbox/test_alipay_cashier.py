from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from guahao.kernel.db import Sessions
from guahao.sandbox.models import SandboxTrade
from tests.sandbox.alipay_world import NUMBER, World

pytestmark = pytest.mark.anyio
CASHIER = f"/sandbox/alipay/{NUMBER}"
BACK = "https://guahao.test/p/x"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sandbox"


@pytest.fixture
def world(sessions: Sessions, folder: Path, app: FastAPI) -> World:
    world = World(sessions, folder)
    app.state.alipay_shop = world.shop
    return world


async def open_in_browser(world: World, client: httpx.AsyncClient, **change: str) -> httpx.Response:
    method = change.pop("method", "alipay.trade.wap.pay")
    fields = world.fields(method, world.order(**change), return_url=BACK)
    return await client.get("/sandbox/alipay/gateway.do", params=fields, headers=BROWSER)


async def click(client: httpx.AsyncClient, button: str) -> httpx.Response:
    return await client.post(f"{CASHIER}/{button}", headers=BROWSER)


@pytest.mark.parametrize(
    ("method", "product"),
    [
        ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
        ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    ],
)
async def test_the_signed_address_opens_the_cashier(
    world: World, client: httpx.AsyncClient, method: str, product: str
) -> None:
    opened = await open_in_browser(world, client, method=method, product_code=product)
    shown = await client.get(opened.headers["location"])

    assert (opened.status_code, opened.headers["location"]) == (303, CASHIER)
    assert shown.status_code == 200
    for told in ("沙箱", "¥50.00", "门诊挂号", NUMBER, f'action="{CASHIER}/pay"'):
        assert told in shown.text
    assert "script" not in shown.text
    assert shown.headers["cache-control"] == "no-store"


async def test_the_cashier_opens_from_a_form_too(world: World, client: httpx.AsyncClient) -> None:
    fields = world.fields("alipay.trade.wap.pay", world.order(), return_url=BACK)

    opened = await client.post("/sandbox/alipay/gateway.do", data=fields, headers=BROWSER)

    assert (opened.status_code, opened.headers["location"]) == (303, CASHIER)


async def test_the_news_arrives_at_the_merchant_who_checks_it_as_a_form(
    world: World, client: httpx.AsyncClient
) -> None:
    await open_in_browser(world, client)
    await click(client, "pay")
    (form,) = await world.deliver()

    refused = await client.post("/callbacks/alipay", data=form | {"total_amount": "0.01"})

    assert (refused.status_code, refused.json()["code"]) == (401, "notification-not-believed")


async def test_after_paying_the_browser_goes_back_with_signed_parameters(
    world: World, client: httpx.AsyncClient
) -> None:
    await open_in_browser(world, client)

    gone = await click(client, "pay")

    address = gone.headers["location"]
    form = dict(parse_qsl(urlsplit(address).query))
    assert gone.status_code == 303
    assert address.startswith(f"{BACK}?")
    assert (form["out_trade_no"], form["total_amount"]) == (NUMBER, "50.00")
    assert (form["method"], form["timestamp"]) == ("alipay.trade.wap.pay.return", "2026-03-01 10:00:00")
    assert "trade_status" not in form
    world.verify_form(form)
    assert [told["trade_status"] for told in await world.deliver()] == ["TRADE_SUCCESS"]
    assert "支付成功" in (await client.get(CASHIER)).text


async def test_row_31_two_clicks_pay_once(world: World, client: httpx.AsyncClient) -> None:
    await open_in_browser(world, client)

    answers = await asyncio.gather(*(client.post(f"{CASHIER}/pay") for _ in range(2)))

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"state": "paid", "amount_fen": 5000})
    ] * 2
    assert len(await world.deliveries()) == 1


@pytest.mark.parametrize(
    ("button", "told"),
    [("wrong-password", "支付密码错误，没有扣款"), ("cancel", "您取消了支付，没有扣款")],
)
async def test_who_does_not_pay_is_told_so_and_may_still_pay(
    world: World, client: httpx.AsyncClient, button: str, told: str
) -> None:
    await open_in_browser(world, client)

    gone = await click(client, button)
    plain = await client.post(f"{CASHIER}/{button}")

    assert gone.status_code == 303
    assert told in (await client.get(gone.headers["location"])).text
    assert plain.json() == {"state": "open", "amount_fen": 5000}
    assert await world.deliveries() == []
    assert (await client.post(f"{CASHIER}/pay")).json()["state"] == "paid"


async def test_who_cancels_on_a_phone_goes_to_the_quit_url(world: World, client: httpx.AsyncClient) -> None:
    await open_in_browser(world, client, quit_url="https://guahao.test/p/quit")

    assert (await click(client, "cancel")).headers["location"] == "https://guahao.test/p/quit"


async def test_row_51_a_quit_url_that_is_no_web_address_is_not_followed(
    world: World, client: httpx.AsyncClient
) -> None:
    await open_in_browser(world, client, quit_url="javascript:alert(1)")

    assert (await click(client, "cancel")).headers["location"] == f"{CASHIER}?said=cancelled"


async def test_whoever_scans_a_code_makes_the_trade_exist(world: World, client: httpx.AsyncClient) -> None:
    await world.ask("alipay.trade.precreate", world.order())

    async def status() -> str:
        found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER})
        return str(found.get("trade_status") or found["sub_code"])

    before = await status()
    await client.get(CASHIER)
    scanned = await status()
    gone = await click(client, "pay")

    assert (before, scanned) == ("ACQ.TRADE_NOT_EXIST", "WAIT_BUYER_PAY")
    assert gone.headers["location"] == CASHIER
    assert await status() == "TRADE_SUCCESS"


async def test_after_its_time_nobody_pays(world: World, client: httpx.AsyncClient) -> None:
    await open_in_browser(world, client)
    world.later(minutes=15)

    plain = await client.post(f"{CASHIER}/pay")

    assert (plain.status_code, plain.json()["code"]) == (409, "sandbox-trade-not-payable")
    assert (await click(client, "pay")).headers["location"] == CASHIER
    assert "已超过支付时间" in (await client.get(CASHIER)).text
    assert await world.deliveries() == []


@pytest.mark.parametrize("change", [{"total_amount": "0.01"}, {"subject": "别的"}])
async def test_an_address_for_other_terms_opens_nothing(
    world: World, client: httpx.AsyncClient, change: dict[str, str]
) -> None:
    await open_in_browser(world, client)

    refused = await open_in_browser(world, client, **change)

    assert refused.status_code == 400
    assert "ACQ.CONTEXT_INCONSISTENT" in refused.text


async def test_an_address_that_was_changed_opens_nothing(
    world: World, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    fields = world.fields("alipay.trade.wap.pay", world.order()) | {"return_url": "https://evil.com"}

    refused = await client.get("/sandbox/alipay/gateway.do", params=fields)

    assert refused.status_code == 400
    assert "isv.invalid-signature" in refused.text
    async with sessions() as db:
        assert (await db.scalars(select(SandboxTrade))).all() == []


async def test_a_title_is_shown_as_text(world: World, client: httpx.AsyncClient) -> None:
    await open_in_browser(world, client, subject="<script>alert(1)")

    assert "&lt;script&gt;" in (await client.get(CASHIER)).text


async def test_an_unknown_trade_cannot_be_shown_or_paid(world: World, client: httpx.AsyncClient) -> None:
    answers = [await client.get(CASHIER), *[await client.post(f"{CASHIER}/{do}") for do in ("pay", "cancel")]]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert "ACQ.TRADE_NOT_EXIST" in answers[0].text


@pytest.mark.parametrize(
    ("number", "status"), [("%00", 422), ("x" * 5000, 404), ("..%2F..", 404), ("%FF", 404)]
)
async def test_what_can_be_no_number_names_no_trade(
    world: World, client: httpx.AsyncClient, number: str, status: int
) -> None:
    shown = await client.get(f"/sandbox/alipay/{number}")
    paid = await client.post(f"/sandbox/alipay/{number}/pay")

    assert (shown.status_code, paid.status_code) == (status, status)


async def test_without_the_sandbox_there_is_no_cashier(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.alipay_shop = None

    assert (await client.get(CASHIER)).status_code == 404
    assert (await client.get("/sandbox/alipay/gateway.do")).status_code == 404
