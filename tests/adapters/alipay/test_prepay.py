from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from guahao.payment.ports import Channel, ChannelUncertain, OrderNumberUsed, Prepayment
from tests.adapters.alipay.counterpart import (
    APP_ID,
    ENDPOINT,
    NO,
    NOTIFY_URL,
    Counterpart,
    alipay,
    refusal,
    verified,
)

pytestmark = pytest.mark.anyio
PRECREATE = "alipay.trade.precreate"
PREPAYMENT = Prepayment(
    channel=Channel.ALIPAY_WAP,
    out_trade_no=NO,
    amount_fen=5007,
    title="挂号费 内科/专家=A&B",
    expires_at=datetime(2026, 11, 22, 16, 45, 5, 900_000, tzinfo=UTC),
    payer=None,
    return_url="https://guahao.test/p/abc?x=1&y=中",
)
ORDER = {
    "out_trade_no": NO,
    "total_amount": "50.07",
    "subject": "挂号费 内科 专家 A B",
    "time_expire": "2026-11-23 00:45:05",
}


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


@pytest.mark.parametrize(
    ("channel", "method", "content"),
    [
        (
            Channel.ALIPAY_WAP,
            "alipay.trade.wap.pay",
            {**ORDER, "product_code": "QUICK_WAP_WAY", "quit_url": PREPAYMENT.return_url},
        ),
        (Channel.ALIPAY_PAGE, "alipay.trade.page.pay", {**ORDER, "product_code": "FAST_INSTANT_TRADE_PAY"}),
    ],
)
async def test_a_page_is_a_signed_address_and_nothing_is_sent(
    channel: Channel, method: str, content: dict[str, str]
) -> None:
    prepared = await alipay(nobody).prepay(replace(PREPAYMENT, channel=channel))

    assert prepared.reference == ""
    assert prepared.params.keys() == {"gateway_url", "url"}
    assert prepared.params["gateway_url"] == ENDPOINT
    parts = urlsplit(prepared.params["url"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == ENDPOINT
    fields = verified(dict(parse_qsl(parts.query, strict_parsing=True)))
    assert fields.pop("biz_content") == json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    assert fields == {
        "app_id": APP_ID,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-23 00:30:05",
        "version": "1.0",
        "notify_url": NOTIFY_URL,
        "return_url": PREPAYMENT.return_url,
    }


async def test_a_page_without_a_way_back_names_none() -> None:
    prepared = await alipay(nobody).prepay(replace(PREPAYMENT, return_url=None))

    fields = verified(dict(parse_qsl(urlsplit(prepared.params["url"]).query, strict_parsing=True)))
    assert "return_url" not in fields
    assert json.loads(fields["biz_content"]) == {**ORDER, "product_code": "QUICK_WAP_WAY"}


async def test_a_qr_code_is_made_by_the_gateway() -> None:
    counterpart = Counterpart(
        {PRECREATE: {"code": "10000", "out_trade_no": NO, "qr_code": "https://qr.alipay.test/bax1"}}
    )

    prepared = await alipay(counterpart).prepay(replace(PREPAYMENT, channel=Channel.ALIPAY_QR))

    assert prepared.reference == ""
    assert prepared.params == {"qr_code": "https://qr.alipay.test/bax1"}
    assert counterpart.calls == [(PRECREATE, ORDER)]
    assert counterpart.fields[0]["notify_url"] == NOTIFY_URL
    assert "return_url" not in counterpart.fields[0]


@pytest.mark.parametrize(
    "node",
    [
        {"code": "10000", "out_trade_no": "0" * 32, "qr_code": "https://qr.alipay.test/bax1"},
        {"code": "10000", "out_trade_no": NO},
    ],
)
async def test_row_16_a_qr_code_of_another_order_is_not_believed(node: dict[str, str]) -> None:
    with pytest.raises(ChannelUncertain):
        await alipay(Counterpart({PRECREATE: node})).prepay(replace(PREPAYMENT, channel=Channel.ALIPAY_QR))


async def test_row_19_a_number_with_another_price_is_used() -> None:
    gateway = alipay(Counterpart({PRECREATE: refusal("ACQ.CONTEXT_INCONSISTENT")}))

    with pytest.raises(OrderNumberUsed):
        await gateway.prepay(replace(PREPAYMENT, channel=Channel.ALIPAY_QR))


@pytest.mark.parametrize("channel", [Channel.WECHAT_JSAPI, Channel.WECHAT_NATIVE, Channel.CASH])
async def test_a_channel_of_another_provider_is_a_mistake_of_ours(channel: Channel) -> None:
    with pytest.raises(ValueError, match=rf"^{channel}$"):
        await alipay(nobody).prepay(replace(PREPAYMENT, channel=channel))
