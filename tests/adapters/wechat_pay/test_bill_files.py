"""Fetching a day's bills: from where, with which hash, and when there is none."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from guahao.payment.ports import (
    Bill,
    BillDamaged,
    BillNotReady,
    ChannelRefused,
    ChannelUncertain,
    Provider,
)
from tests.adapters.wechat_pay.platform import Platform, answer, gateway, refusal, unsigned
from tests.adapters.wechat_pay.test_bills import DAY, FUNDS, PAYMENT, REFUND, funds_file, trade_file

pytestmark = pytest.mark.anyio

BASE = "https://api.mch.weixin.qq.com"
FILE = f"{BASE}/v3/billdownload/file?token=6XIv5TUPto7pByrTQKhd6kwvyKLG2uY2&tartype=gzip"


def link(content: bytes, **changes: str) -> httpx.Response:
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return answer({"hash_type": "SHA1", "hash_value": digest, "download_url": FILE, **changes})


def file(content: bytes) -> httpx.Response:
    """As the platform sends it: without any signature."""
    return httpx.Response(200, content=content)


def platform(trade: bytes | None = None, funds: bytes | None = None, **changes: str) -> Platform:
    trade, funds = trade or trade_file(), funds or funds_file()
    return Platform(link(trade, **changes), file(trade), link(funds), file(funds))


async def damaged(asked: Platform, reason: str, *, calls: int, **changes: Any) -> None:
    with pytest.raises(BillDamaged, match=f"^{reason}$"):
        await gateway(asked, **changes).bill(DAY)
    assert len(asked.requests) == calls


async def test_a_days_bills_are_fetched_and_checked() -> None:
    asked = platform()

    bill = await gateway(asked).bill(DAY)

    assert bill == Bill(
        provider=Provider.WECHAT,
        day=DAY,
        digest=hashlib.sha1(trade_file(), usedforsecurity=False).hexdigest(),
        rows=[PAYMENT, REFUND],
        row_count=2,
        paid_fen=5000,
        refunded_fen=3000,
        funds=FUNDS,
    )
    assert asked.asked == [
        ("GET", f"{BASE}/v3/bill/tradebill?bill_date=2026-03-01&bill_type=ALL"),
        ("GET", FILE),
        ("GET", f"{BASE}/v3/bill/fundflowbill?bill_date=2026-03-01&account_type=BASIC"),
        ("GET", FILE),
    ]


async def test_row_27_a_bill_whose_hash_differs_is_refused() -> None:
    content = trade_file()

    await damaged(platform(hash_value="0" * 40), "hash", calls=2)
    await damaged(platform(hash_value=""), "hash", calls=2)
    await damaged(platform(hash_type="MD5"), "hash", calls=2)
    await damaged(Platform(link(content), file(content + b"\n")), "hash", calls=2)
    await damaged(Platform(link(content), file(b"")), "hash", calls=2)


async def test_row_27_the_case_of_a_hash_means_nothing() -> None:
    digest = hashlib.sha1(trade_file(), usedforsecurity=False).hexdigest()

    assert (await gateway(platform(hash_value=digest.upper())).bill(DAY)).digest == digest


async def test_a_bill_with_the_right_hash_and_wrong_totals_is_refused() -> None:
    await damaged(platform(trade_file(total="50.01")), "totals", calls=2)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v3/billdownload/file?token=1",
        "https://api.mch.weixin.qq.com.evil.example/file",
        "https://api.mch.weixin.qq.com@evil.example/file",
        "https://evil.example\\@api.mch.weixin.qq.com/file",
        "https://user:password@api.mch.weixin.qq.com/file",
        "https://api.mch.weixin.qq.com:8443/file",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/file",
        "http://api.mch.weixin.qq.com/file",
        "http://payapp.weixin.qq.com/file",
        "ftp://api.mch.weixin.qq.com/file",
        "file:///etc/passwd",
        "//api.mch.weixin.qq.com/file",
        "/v3/billdownload/file",
        "api.mch.weixin.qq.com",
        "",
        "https://",
        "https://api.mch.weixin.qq.com:port/file",
        "https://api.mch.weixin.qq.com/\x00",
    ],
)
async def test_row_52_a_bill_is_not_fetched_from_elsewhere(url: str) -> None:
    await damaged(platform(download_url=url), "address", calls=1)


@pytest.mark.parametrize(
    "url",
    [
        "https://payapp.weixin.qq.com/v3/billdownload/file?token=1",
        "https://api.mch.weixin.qq.com:443/v3/billdownload/file?token=1",
        "https://API.mch.weixin.qq.com/file",
    ],
)
async def test_row_52_a_bill_is_fetched_from_the_platforms_hosts(url: str) -> None:
    asked = platform(download_url=url)

    assert (await gateway(asked).bill(DAY)).row_count == 2
    assert asked.requests[1].url == httpx.URL(url)


async def test_row_52_the_endpoint_may_serve_its_own_bills() -> None:
    local = "http://127.0.0.1:8100"
    asked = Platform(
        link(trade_file(), download_url=f"{local}/v3/file?token=1"),
        file(trade_file()),
        link(funds_file()),
        file(funds_file()),
    )

    assert (await gateway(asked, endpoint=local).bill(DAY)).row_count == 2
    for other in ("http://127.0.0.1:8101/file", "https://127.0.0.1:8100/file", "http://127.0.0.1/file"):
        await damaged(platform(download_url=other), "address", calls=1, endpoint=local)


async def test_row_52_a_redirect_is_not_followed() -> None:
    moved = httpx.Response(302, headers={"Location": "https://evil.example/file"})
    asked = Platform(link(trade_file()), moved)

    with pytest.raises(ChannelUncertain, match=r"^status 302$"):
        await gateway(asked).bill(DAY)

    assert len(asked.requests) == 2


@pytest.mark.parametrize("code", ["NO_STATEMENT_EXIST", "STATEMENT_CREATING"])
async def test_a_bill_that_is_not_made_yet_is_asked_for_later(code: str) -> None:
    with pytest.raises(BillNotReady, match=f"^{code}$"):
        await gateway(Platform(refusal(code))).bill(DAY)


async def test_a_day_without_flows_has_no_funds() -> None:
    asked = Platform(link(trade_file()), file(trade_file()), refusal("NO_STATEMENT_EXIST"))

    assert (await gateway(asked).bill(DAY)).funds is None


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ([refusal("STATEMENT_CREATING")], "funds: STATEMENT_CREATING"),
        ([refusal("NO_AUTH", status=403)], "funds: NO_AUTH"),
        ([refusal("INVALID_REQUEST")], "funds: INVALID_REQUEST"),
        ([refusal("SYSTEM_ERROR", status=500)], "funds: uncertain"),
        ([unsigned({"code": "FREQUENCY_LIMITED"}, status=429)], "funds: uncertain"),
        ([answer({})], "funds: damaged: address"),
        ([link(funds_file()), file(trade_file())], "funds: damaged: hash"),
        ([link(trade_file()), file(trade_file())], "funds: damaged: columns"),
        ([link(funds_file()), unsigned(status=404)], "funds: uncertain"),
    ],
)
async def test_the_trade_bill_does_not_wait_for_the_flows(answers: list[httpx.Response], note: str) -> None:
    asked = Platform(link(trade_file()), file(trade_file()), *answers)

    bill = await gateway(asked).bill(DAY)

    assert (list(bill.rows), bill.funds, bill.note) == ([PAYMENT, REFUND], None, note)


async def test_a_bill_that_is_refused_is_refused() -> None:
    with pytest.raises(ChannelRefused, match=r"^NO_AUTH$"):
        await gateway(Platform(refusal("NO_AUTH", status=403))).bill(DAY)


async def test_a_file_that_does_not_come_is_no_bill() -> None:
    for failed in (unsigned({"code": "NO_AUTH"}, status=403), unsigned(status=404), unsigned(status=500)):
        asked = Platform(link(trade_file()), failed)
        with pytest.raises(ChannelUncertain, match=f"^status {failed.status_code}$"):
            await gateway(asked).bill(DAY)


async def test_a_file_is_fetched_once_more_when_the_connection_was_cut() -> None:
    asked = Platform(
        link(trade_file()),
        httpx.ReadError("cut"),
        file(trade_file()),
        refusal("NO_STATEMENT_EXIST"),
    )

    assert (await gateway(asked).bill(DAY)).row_count == 2
    assert [request.content for request in asked.requests] == [b""] * 4


async def test_a_file_is_fetched_twice_and_no_more() -> None:
    asked = Platform(link(trade_file()), *(httpx.ReadError("cut") for _ in range(3)))

    with pytest.raises(ChannelUncertain, match=r"^ReadError$"):
        await gateway(asked).bill(DAY)

    assert len(asked.requests) == 3
