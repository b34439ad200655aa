"""Rows 26 and 51: what comes back with a browser counts for nothing and leads nowhere."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode, urlsplit

import pytest

from guahao.sandbox.alipay.protocol import form_signed
from tests.factories.books import counts
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio

REDIRECTS = (
    "//evil.com",
    "https://evil.com",
    "@evil.com",
    "/\\evil.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.com",
    "https:evil.com",
)


async def page(till: Till) -> tuple[Held, str]:
    held = await till.hold()
    opened = await till.open(held, "alipay_wap")
    return held, urlsplit(opened.json()["params"]["url"]).path


async def test_row_26_a_forged_way_back_shows_checking_and_changes_nothing(till: Till) -> None:
    held, path = await page(till)
    before = await counts(till.sessions)
    genuine = form_signed(
        till.keys.alipay,
        {
            "out_trade_no": (await till.order(held))["id"].replace("-", ""),
            "trade_status": "TRADE_SUCCESS",
            "total_amount": "50.00",
            "app_id": till.app.state.settings.alipay_app_id,
            "seller_id": till.app.state.settings.alipay_seller_id,
        },
    )
    plain = await till.client.get(f"{path}/back")

    for fields in (
        {"trade_status": "TRADE_SUCCESS"},
        {"trade_status": "TRADE_FINISHED", "total_amount": "0.01", "sign": "x"},
        {"state": "paid", "paid": "true", "is_success": "T"},
        genuine,
    ):
        answer = await till.client.get(f"{path}/back?{urlencode(fields)}")
        assert (answer.status_code, answer.text) == (200, plain.text)
    assert "refresh" in plain.text
    assert "已付" not in plain.text
    assert await counts(till.sessions) == before
    assert (await till.order(held))["state"] == "paying"
    assert await till.appointment(held) == "held"


async def test_row_26_the_page_says_paid_when_the_provider_has_said_so(till: Till) -> None:
    held, path = await page(till)
    shown = await till.client.get(path)
    (address,) = re.findall('href="([^"]*gateway.do[^"]*)"', shown.text)
    address = html.unescape(address)
    opened = await till.client.get(urlsplit(address)._replace(scheme="", netloc="").geturl())
    assert opened.status_code == 303
    cashier = urlsplit(opened.headers["location"]).path
    paid = await till.client.post(f"{cashier}/pay", headers={"accept": "text/html"})
    back = urlsplit(paid.headers["location"])
    assert back.path == f"{path}/back"

    waiting = await till.client.get(f"{back.path}?{back.query}")
    await till.deliver()
    done = await till.client.get(f"{back.path}?{back.query}")

    assert "refresh" in waiting.text
    assert "refresh" not in done.text
    assert "50.00" in done.text
    assert (await till.order(held))["state"] == "paid"


@pytest.mark.parametrize("target", REDIRECTS)
@pytest.mark.parametrize("name", ["return_url", "redirect", "next", "url", "to", "quit_url"])
async def test_row_51_no_parameter_leads_elsewhere(till: Till, target: str, name: str) -> None:
    _, path = await page(till)
    for address in (path, f"{path}/back"):
        plain = await till.client.get(address)
        answer = await till.client.get(f"{address}?{urlencode({name: target})}")
        assert answer.status_code == plain.status_code == 200
        assert "location" not in answer.headers
        assert "evil.com" not in answer.text
        assert "javascript:" not in answer.text


@pytest.mark.parametrize("token", ["%2e%2e", "//evil.com", "@evil.com", "x" * 22, "%00", "我"])
async def test_row_51_an_unknown_link_is_gone_and_leads_nowhere(till: Till, token: str) -> None:
    for path in (f"/p/{token}", f"/p/{token}/back"):
        answer = await till.client.get(path)
        assert answer.status_code == 404
        assert "location" not in answer.headers


async def test_row_51_the_page_of_a_payment_lets_nothing_in(till: Till) -> None:
    _, path = await page(till)
    for address in (path, f"{path}/back"):
        answer = await till.client.get(address, headers={"host": "evil.com", "referer": "https://evil.com"})
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "evil.com" not in answer.text
