from __future__ import annotations

import csv
import gzip
import hashlib
import io
from decimal import Decimal
from typing import Any

import httpx
import pytest

from guahao.kernel.db import transaction
from guahao.sandbox import trade
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.wechat_pay import trades
from tests.sandbox.wechat_merchant import MCHID, Shop

pytestmark = pytest.mark.anyio

DAY = "2026-11-26"
PAID, NUMBER, REFUND_NUMBER, BACK, STATE, REFUND_STATE = 12, 6, 15, 16, 9, 19


async def paid(shop: Shop, out_trade_no: str, fen: int = 5000) -> None:
    await shop.prepay(out_trade_no, amount={"total": fen, "currency": "CNY"})
    async with transaction(shop.sessions) as db:
        found = await trade.locked(db, provider=SandboxProvider.WECHAT, out_trade_no=out_trade_no)
        assert found is not None
        await trades.pay(db, found, mchid=MCHID, time_scale=1, now=shop.clock())


async def offered(shop: Shop, kind: str = "tradebill", day: str = DAY, **query: str) -> dict[str, Any]:
    parts = {"bill_date": day} | query
    target = f"/v3/bill/{kind}?" + "&".join(f"{name}={value}" for name, value in parts.items())
    found: dict[str, Any] = (await shop.call("GET", target)).json()
    return found


async def fetched(shop: Shop, offer: dict[str, Any]) -> httpx.Response:
    url = httpx.URL(offer["download_url"])
    assert url.host == "api.mch.weixin.qq.com"
    return await shop.call("GET", url.raw_path.decode())


def table(content: bytes) -> tuple[list[list[str]], list[str]]:
    """The rows, and the totals of the last line."""
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(lines[0]) in {11, 27}
    assert all(cell.startswith("`") for line in [*lines[1:-2], lines[-1]] for cell in line)
    assert {len(line) for line in lines[1:-2]} <= {len(lines[0])}
    assert len(lines[-2]) == len(lines[-1])
    return [[cell[1:] for cell in line] for line in lines[1:-2]], [cell[1:] for cell in lines[-1]]


async def a_day(shop: Shop) -> None:
    """Two payments of 50.00 and 0.07 yuan, of the first 20.00 given back."""
    await paid(shop, "order-0001")
    shop.clock.pass_(minutes=1)
    await paid(shop, "order-0002", 7)
    shop.clock.pass_(minutes=1)
    await shop.refund(fen=2000)


async def test_the_trade_bill_lists_the_day_in_yuan(shop: Shop) -> None:
    await a_day(shop)

    offer = await offered(shop)
    answered = await fetched(shop, offer)

    assert "Wechatpay-Signature" not in answered.headers
    assert answered.content.startswith(b"\xef\xbb\xbf")
    assert offer["hash_type"] == "SHA1"
    assert offer["hash_value"] == hashlib.sha1(answered.content).hexdigest()
    rows, totals = table(answered.content)
    picked = [
        [row[cell] for cell in (NUMBER, PAID, REFUND_NUMBER, BACK, STATE, REFUND_STATE)] for row in rows
    ]
    assert picked == [
        ["order-0001", "50.00", "0", "0.00", "SUCCESS", ""],
        ["order-0002", "0.07", "0", "0.00", "SUCCESS", ""],
        ["order-0001", "0.00", "order-0001R1", "20.00", "REFUND", "PROCESSING"],
    ]
    assert rows[0][0] == "2026-11-26 09:00:00"
    assert totals == ["3", "50.07", "20.00", "0.00", "0.00000", "50.07", "20.00"]


async def test_the_fund_flow_bill_adds_up(shop: Shop) -> None:
    await a_day(shop)

    rows, totals = table((await fetched(shop, await offered(shop, "fundflowbill"))).content)

    assert [(row[5], row[6], row[7]) for row in rows] == [
        ("收入", "50.00", "50.00"),
        ("收入", "0.07", "50.07"),
        ("支出", "20.00", "30.07"),
    ]
    assert totals == ["3", "2", "50.07", "1", "20.00"]


async def test_a_compressed_bill_has_the_hash_of_what_is_in_it(shop: Shop) -> None:
    await a_day(shop)
    offer = await offered(shop, tar_type="GZIP")

    content = gzip.decompress((await fetched(shop, offer)).content)

    assert hashlib.sha1(content).hexdigest() == offer["hash_value"]
    assert table(content)[1][0] == "3"


@pytest.mark.parametrize(("kind", "count"), [("SUCCESS", 2), ("REFUND", 1), ("ALL", 3)])
async def test_a_bill_may_be_of_one_kind(shop: Shop, kind: str, count: int) -> None:
    await a_day(shop)

    rows, totals = table((await fetched(shop, await offered(shop, bill_type=kind))).content)

    assert (len(rows), totals[0]) == (count, str(count))


async def test_a_day_is_a_day_in_china(shop: Shop) -> None:
    await paid(shop, "order-0001")
    shop.clock.pass_(hours=15)
    await paid(shop, "order-0002")

    rows, _ = table((await fetched(shop, await offered(shop))).content)
    later, _ = table((await fetched(shop, await offered(shop, day="2026-11-27"))).content)

    assert [row[NUMBER] for row in rows] == ["order-0001"]
    assert [row[NUMBER] for row in later] == ["order-0002"]


@pytest.mark.parametrize(
    ("day", "refusal"),
    [
        ("2026-11-25", "NO_STATEMENT_EXIST"),
        ("2026-11-27", "INVALID_REQUEST"),
        ("2026-08-27", "INVALID_REQUEST"),
        ("yesterday", "PARAM_ERROR"),
    ],
)
async def test_days_without_a_bill_are_refused(shop: Shop, day: str, refusal: str) -> None:
    await a_day(shop)

    assert (await offered(shop, day=day))["code"] == refusal


async def test_a_bill_that_is_not_ready_is_ready_later(shop: Shop) -> None:
    await a_day(shop)
    await shop.switch(FaultKind.BILL_NOT_READY)

    assert (await offered(shop))["code"] == "STATEMENT_CREATING"
    assert "download_url" in await offered(shop)


async def test_a_file_stays_what_it_was_and_lives_five_minutes(shop: Shop) -> None:
    await paid(shop, "order-0001")
    offer = await offered(shop)
    await paid(shop, "order-0002")

    assert hashlib.sha1((await fetched(shop, offer)).content).hexdigest() == offer["hash_value"]
    shop.clock.pass_(minutes=5)

    gone = await shop.call("GET", httpx.URL(offer["download_url"]).raw_path.decode())
    assert gone.status_code == 404


async def test_a_wrong_hash_fits_nothing(shop: Shop) -> None:
    await a_day(shop)
    await shop.switch(FaultKind.BILL_HASH_WRONG)

    offer = await offered(shop)

    assert hashlib.sha1((await fetched(shop, offer)).content).hexdigest() != offer["hash_value"]


@pytest.mark.parametrize(
    ("kind", "numbers", "paid_yuan", "back_yuan"),
    [
        (FaultKind.BILL_MISSING_ROW, ["order-0002", "order-0001"], "0.07", "20.00"),
        (FaultKind.BILL_AMOUNT_DIFFERS, ["order-0001", "order-0002", "order-0001"], "50.08", "20.00"),
        (FaultKind.BILL_REFUND_DIFFERS, ["order-0001", "order-0002", "order-0001"], "50.07", "20.01"),
    ],
)
async def test_planted_differences_are_in_rows_and_totals(
    shop: Shop, kind: FaultKind, numbers: list[str], paid_yuan: str, back_yuan: str
) -> None:
    await a_day(shop)
    await shop.switch(kind)

    rows, totals = table((await fetched(shop, await offered(shop))).content)

    assert [row[NUMBER] for row in rows] == numbers
    assert (totals[1], totals[2]) == (paid_yuan, back_yuan)
    assert sum(Decimal(row[PAID]) for row in rows) == Decimal(paid_yuan)
    assert sum(Decimal(row[BACK]) for row in rows) == Decimal(back_yuan)


async def test_a_planted_payment_is_one_that_nobody_knows(shop: Shop) -> None:
    await shop.switch(FaultKind.BILL_EXTRA_ROW)

    rows, totals = table((await fetched(shop, await offered(shop))).content)

    assert [(row[PAID], row[STATE]) for row in rows] == [("12.34", "SUCCESS")]
    assert totals[:2] == ["1", "12.34"]
    assert (await shop.query(rows[0][NUMBER]))["code"] == "ORDER_NOT_EXIST"
