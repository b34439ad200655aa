from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from guahao.adapters.wechat_pay import ENDPOINT
from guahao.payment.ports import (
    Channel,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Closing,
    Gateway,
    OrderNumberUsed,
    Paid,
    Prepayment,
    Provider,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Source,
    TradeState,
)
from tests.adapters.wechat_pay.platform import (
    APP_ID,
    MCHID,
    NOW,
    ORDER,
    TRANSACTION,
    Platform,
    answer,
    gateway,
    order,
    private_key,
    refusal,
    sealed,
    signed_headers,
    unsigned,
)

pytestmark = pytest.mark.anyio

BASE = "https://api.mch.weixin.qq.com/v3"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
REFUND_NO = ORDER + "R1"
REFUND_ID = "50000000382019052709732678859"
REFUND = RefundOrder(
    out_trade_no=ORDER, out_refund_no=REFUND_NO, amount_fen=3000, total_fen=5000, reason="取消预约"
)
PAID = Paid(
    provider=Provider.WECHAT,
    source=Source.QUERY,
    message_id=f"query:{TRANSACTION}",
    out_trade_no=ORDER,
    transaction_id=TRANSACTION,
    amount_fen=5000,
    paid_at=datetime(2026, 3, 2, 1, 29, 58, tzinfo=UTC),
)
REFUNDED = Refunded(
    provider=Provider.WECHAT,
    source=Source.QUERY,
    message_id=f"query:{REFUND_ID}:PROCESSING",
    out_trade_no=ORDER,
    out_refund_no=REFUND_NO,
    channel_refund_id=REFUND_ID,
    amount_fen=3000,
    outcome=RefundOutcome.PROCESSING,
    at=datetime(2026, 3, 2, 1, 29, 56, tzinfo=UTC),
    went_to_hospital=False,
)
PREPAID = {
    "appid": APP_ID,
    "mchid": MCHID,
    "description": "挂号费 内科 张医生",
    "out_trade_no": ORDER,
    "time_expire": "2026-03-02T09:45:00+08:00",
    "notify_url": "https://guahao.example/callbacks/wechat-pay",
    "amount": {"total": 5000, "currency": "CNY"},
}


def jsapi(**changes: Any) -> Prepayment:
    values = Prepayment(
        channel=Channel.WECHAT_JSAPI,
        out_trade_no=ORDER,
        amount_fen=5000,
        title="挂号费 内科 张医生",
        expires_at=NOW + timedelta(minutes=15, milliseconds=900),
        payer=OPENID,
        return_url=None,
    )
    return replace(values, **changes)


def native() -> Prepayment:
    return jsapi(channel=Channel.WECHAT_NATIVE, payer=None)


def refund_answer(status: str = "PROCESSING", **changes: Any) -> dict[str, Any]:
    values = {
        "refund_id": REFUND_ID,
        "out_refund_no": REFUND_NO,
        "transaction_id": TRANSACTION,
        "out_trade_no": ORDER,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": "2026-03-02T09:29:56+08:00",
        "status": status,
        "amount": {"total": 5000, "refund": 3000, "payer_refund": 2880, "currency": "CNY"},
    }
    if status == "SUCCESS":
        values["success_time"] = "2026-03-02T09:29:57+08:00"
    return {**values, **changes}


def test_it_is_a_gateway_to_the_live_service() -> None:
    pay: Gateway = gateway(Platform())

    assert pay.provider is Provider.WECHAT
    assert ENDPOINT == "https://api.mch.weixin.qq.com"


async def test_a_mini_program_payment_is_prepared_and_signed_for_the_client() -> None:
    platform = Platform(answer({"prepay_id": "wx201410272009395522657a690389285100"}))

    prepared = await gateway(platform).prepay(jsapi())

    assert platform.asked == [("POST", f"{BASE}/pay/transactions/jsapi")]
    assert json.loads(platform.requests[0].content) == {**PREPAID, "payer": {"openid": OPENID}}
    assert prepared.reference == "wx201410272009395522657a690389285100"
    params = dict(prepared.params)
    signature, nonce = params.pop("paySign"), params.pop("nonceStr")
    assert params == {
        "appId": APP_ID,
        "timeStamp": str(int(NOW.timestamp())),
        "package": "prepay_id=wx201410272009395522657a690389285100",
        "signType": "RSA",
    }
    assert len(nonce) == 32
    assert nonce != platform.nonces[0]
    text = f"{APP_ID}\n{params['timeStamp']}\n{nonce}\n{params['package']}\n"
    merchant = private_key("merchant").public_key()
    merchant.verify(b64decode(signature), text.encode(), PKCS1v15(), SHA256())


async def test_a_code_to_scan_is_prepared() -> None:
    platform = Platform(answer({"code_url": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}))

    prepared = await gateway(platform).prepay(native())

    assert platform.asked == [("POST", f"{BASE}/pay/transactions/native")]
    assert json.loads(platform.requests[0].content) == PREPAID
    assert prepared.reference == ""
    assert prepared.params == {"qr_code": "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}


async def test_the_same_prepayment_is_asked_for_with_the_same_words() -> None:
    platform = Platform(answer({"prepay_id": "wx1"}), answer({"prepay_id": "wx1"}))
    pay = gateway(platform)

    await pay.prepay(jsapi())
    await pay.prepay(jsapi())

    assert platform.requests[0].content == platform.requests[1].content


@pytest.mark.parametrize("channel", [Channel.ALIPAY_QR, Channel.ALIPAY_WAP, Channel.CASH])
async def test_another_providers_channel_is_a_defect(channel: Channel) -> None:
    platform = Platform()

    with pytest.raises(ValueError, match=f"^{channel.value}$"):
        await gateway(platform).prepay(jsapi(channel=channel))

    assert platform.requests == []


@pytest.mark.parametrize(
    "content", [{}, {"prepay_id": ""}, {"code_url": ""}, {"prepay_id": [], "code_url": {}}, None]
)
@pytest.mark.parametrize("prepayment", [jsapi(), native()])
async def test_a_signed_answer_without_a_prepayment_is_no_answer(
    content: dict[str, Any], prepayment: Prepayment
) -> None:
    with pytest.raises(ChannelUnreadable):
        await gateway(Platform(answer(content))).prepay(prepayment)


@pytest.mark.parametrize("prepayment", [jsapi(), native()])
@pytest.mark.parametrize(
    "code", ["OUT_TRADE_NO_USED", "INVALID_REQUEST", "ORDER_CLOSED", "ORDERPAID", "ORDER_PAID"]
)
async def test_row_19_a_number_used_otherwise_asks_for_a_new_one(prepayment: Prepayment, code: str) -> None:
    with pytest.raises(OrderNumberUsed) as used:
        await gateway(Platform(refusal(code, status=403))).prepay(prepayment)

    assert used.value.code == code
    assert used.value.is_sure is (code != "INVALID_REQUEST")
    assert not used.value.is_retryable


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
async def test_a_paid_order_is_paid_even_if_it_was_refunded_since(state: str) -> None:
    platform = Platform(answer(order(trade_state=state)))

    found = await gateway(platform).query(ORDER)

    assert found == replace(PAID, given_back_fen=int(state == "REFUND"))
    assert isinstance(found, Paid)
    assert found.paid_at.tzinfo is UTC
    assert platform.asked == [("GET", f"{BASE}/pay/transactions/out-trade-no/{ORDER}?mchid={MCHID}")]
    assert platform.requests[0].content == b""


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("NOTPAY", TradeState.UNPAID),
        ("USERPAYING", TradeState.UNPAID),
        ("ACCEPT", TradeState.UNPAID),
        ("PAYERROR", TradeState.UNPAID),
        ("CLOSED", TradeState.CLOSED),
        ("REVOKED", TradeState.CLOSED),
    ],
)
async def test_an_order_that_is_not_paid_has_its_state(state: str, expected: TradeState) -> None:
    bare = {"mchid": MCHID, "appid": APP_ID, "out_trade_no": ORDER, "trade_state": state}

    assert await gateway(Platform(answer(bare))).query(ORDER) is expected


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
async def test_an_order_of_which_the_provider_signs_that_it_does_not_exist_is_unknown(code: str) -> None:
    assert await gateway(Platform(refusal(code, status=404))).query(ORDER) is TradeState.UNKNOWN


@pytest.mark.parametrize("code", ["MCH_NOT_EXISTS", "RESOURCE_NOT_EXISTS", "ORDERPAID"])
async def test_another_signed_no_does_not_make_an_order_unknown(code: str) -> None:
    with pytest.raises(ChannelRefused, match=f"^{code}$"):
        await gateway(Platform(refusal(code, status=404))).query(ORDER)


async def test_an_empty_404_does_not_make_an_order_unknown() -> None:
    for nothing in (unsigned(status=404), answer(status=404)):
        with pytest.raises(ChannelUncertain, match=r"^status 404$"):
            await gateway(Platform(nothing)).query(ORDER)


@pytest.mark.parametrize(
    "changes",
    [{"mchid": "1900000110"}, {"appid": "wxfedcba9876543210"}, {"out_trade_no": ORDER[:-1] + "2"}],
)
@pytest.mark.parametrize("state", ["SUCCESS", "NOTPAY", "CLOSED"])
async def test_row_9_an_answer_about_another_merchant_app_or_order_is_no_answer(
    changes: dict[str, str], state: str
) -> None:
    part = "number" if "out_trade_no" in changes else "merchant"
    with pytest.raises(ChannelUnreadable, match=f"^{part}$"):
        await gateway(Platform(answer(order(trade_state=state, **changes)))).query(ORDER)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"trade_state": "UNHEARD_OF"}, "state"),
        ({"trade_state": ""}, "state"),
        ({"trade_state": None}, "state"),
        ({"transaction_id": ""}, "transaction_id"),
        ({"transaction_id": None}, "transaction_id"),
        ({"amount": {}}, "amount"),
    ],
)
async def test_a_signed_answer_that_is_not_understood_is_no_answer(
    changes: dict[str, Any], part: str
) -> None:
    with pytest.raises(ChannelUnreadable, match=f"^{part}$"):
        await gateway(Platform(answer(order(**changes)))).query(ORDER)


@pytest.mark.parametrize("time", [None, "2026-03-02T09:29:58"])
async def test_a_payment_without_its_time_was_made_now(time: str | None) -> None:
    fact = await gateway(Platform(answer(order(success_time=time)))).query(ORDER)

    assert isinstance(fact, Paid)
    assert fact.paid_at == NOW


async def test_an_order_in_another_currency_is_no_answer() -> None:
    foreign = order(amount={"total": 5000, "currency": "HKD"})

    with pytest.raises(ChannelUncertain, match=r"^currency$"):
        await gateway(Platform(answer(foreign))).query(ORDER)


async def test_an_order_is_closed() -> None:
    platform = Platform(answer(status=204))

    assert await gateway(platform).close(ORDER) is Closing.CLOSED
    assert platform.asked == [("POST", f"{BASE}/pay/transactions/out-trade-no/{ORDER}/close")]
    assert json.loads(platform.requests[0].content) == {"mchid": MCHID}


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "ORDER_CLOSED", "ORDERCLOSED"])
async def test_an_unknown_or_closed_order_is_closed(code: str) -> None:
    assert await gateway(Platform(refusal(code, status=404))).close(ORDER) is Closing.CLOSED


@pytest.mark.parametrize("code", ["ORDERPAID", "ORDER_PAID"])
async def test_row_20_closing_a_paid_order_tells_that_it_is_paid(code: str) -> None:
    assert await gateway(Platform(refusal(code))).close(ORDER) is Closing.ALREADY_PAID


@pytest.mark.parametrize("code", ["TRADE_ERROR", "MCH_NOT_EXISTS", "RESOURCE_NOT_EXISTS"])
async def test_another_no_closes_nothing(code: str) -> None:
    with pytest.raises(ChannelRefused, match=f"^{code}$"):
        await gateway(Platform(refusal(code, status=403))).close(ORDER)


async def test_a_refund_is_asked_for() -> None:
    platform = Platform(answer(refund_answer()))

    refunded = await gateway(platform).refund(REFUND)

    assert refunded == REFUNDED
    assert refunded.at.tzinfo is UTC
    assert platform.asked == [("POST", f"{BASE}/refund/domestic/refunds")]
    assert json.loads(platform.requests[0].content) == {
        "out_trade_no": ORDER,
        "out_refund_no": REFUND_NO,
        "reason": "取消预约",
        "notify_url": "https://guahao.example/callbacks/wechat-refund",
        "amount": {"refund": 3000, "total": 5000, "currency": "CNY"},
    }


async def test_row_17_a_refund_asked_for_again_is_the_same_to_the_byte() -> None:
    platform = Platform(httpx.ReadError("cut"), answer(refund_answer()))
    pay = gateway(platform)

    with pytest.raises(ChannelUncertain):
        await pay.refund(REFUND)
    assert await pay.refund(REFUND) == REFUNDED

    assert platform.requests[0].content == platform.requests[1].content


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("PROCESSING", RefundOutcome.PROCESSING),
        ("ABNORMAL", RefundOutcome.ABNORMAL),
        ("CLOSED", RefundOutcome.CLOSED),
    ],
)
async def test_a_refund_has_its_outcome_and_each_outcome_its_message(
    status: str, outcome: RefundOutcome
) -> None:
    found = await gateway(Platform(answer(refund_answer(status)))).query_refund(
        out_trade_no=ORDER, out_refund_no=REFUND_NO
    )

    assert found == replace(REFUNDED, outcome=outcome, message_id=f"query:{REFUND_ID}:{status}")


async def test_a_refund_that_arrived_has_the_time_it_did() -> None:
    platform = Platform(answer(refund_answer("SUCCESS")))

    found = await gateway(platform).query_refund(out_trade_no=ORDER, out_refund_no=REFUND_NO)

    assert found == replace(
        REFUNDED,
        outcome=RefundOutcome.SUCCESS,
        message_id=f"query:{REFUND_ID}:SUCCESS",
        at=datetime(2026, 3, 2, 1, 29, 57, tzinfo=UTC),
    )
    assert found is not None
    assert found.at.tzinfo is UTC
    assert platform.asked == [("GET", f"{BASE}/refund/domestic/refunds/{REFUND_NO}")]


@pytest.mark.parametrize("code", ["RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS"])
async def test_a_refund_of_which_the_provider_signs_that_it_does_not_exist_is_none(code: str) -> None:
    pay = gateway(Platform(refusal(code, status=404)))

    assert await pay.query_refund(out_trade_no=ORDER, out_refund_no=REFUND_NO) is None


@pytest.mark.parametrize("code", ["MCH_NOT_EXISTS", "ORDER_NOT_EXIST", "NOT_ENOUGH"])
async def test_another_signed_no_does_not_make_a_refund_unknown(code: str) -> None:
    pay = gateway(Platform(refusal(code, status=404)))

    with pytest.raises(ChannelRefused, match=f"^{code}$"):
        await pay.query_refund(out_trade_no=ORDER, out_refund_no=REFUND_NO)


async def test_a_refund_refused_is_refused_even_if_the_order_does_not_exist() -> None:
    with pytest.raises(ChannelRefused, match=r"^RESOURCE_NOT_EXISTS$"):
        await gateway(Platform(refusal("RESOURCE_NOT_EXISTS", status=404))).refund(REFUND)


async def test_an_abnormal_refund_goes_to_the_merchants_account() -> None:
    platform = Platform(answer(refund_answer()))

    found = await gateway(platform).resolve_abnormal_refund(
        out_refund_no=REFUND_NO, channel_refund_id=REFUND_ID
    )

    assert found == REFUNDED
    assert platform.asked == [("POST", f"{BASE}/refund/domestic/refunds/{REFUND_ID}/apply-abnormal-refund")]
    assert json.loads(platform.requests[0].content) == {
        "out_refund_no": REFUND_NO,
        "type": "MERCHANT_BANK_CARD",
    }


async def test_an_answer_about_another_refund_is_no_answer() -> None:
    def pay(**changes: str) -> Any:
        return gateway(Platform(answer(refund_answer(**changes))))

    other_refund, other_order = {"out_refund_no": ORDER + "R2"}, {"out_trade_no": ORDER[:-1] + "2"}
    for changes in (other_refund, other_order):
        with pytest.raises(ChannelUncertain, match=r"^number$"):
            await pay(**changes).refund(REFUND)
        with pytest.raises(ChannelUncertain, match=r"^number$"):
            await pay(**changes).query_refund(out_trade_no=ORDER, out_refund_no=REFUND_NO)
    with pytest.raises(ChannelUncertain, match=r"^number$"):
        await pay(**other_refund).resolve_abnormal_refund(
            out_refund_no=REFUND_NO, channel_refund_id=REFUND_ID
        )


@pytest.mark.parametrize("status", ["UNHEARD_OF", "", None, 5])
async def test_a_signed_refund_that_is_not_understood_is_no_answer(status: object) -> None:
    with pytest.raises(ChannelUnreadable, match=r"^state$"):
        await gateway(Platform(answer(refund_answer(status=status)))).refund(REFUND)


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"refund_id": ""}, {"channel_refund_id": "", "message_id": f"query:{REFUND_NO}:PROCESSING"}),
        ({"create_time": None}, {"at": NOW}),
        ({"create_time": "2026-03-02T09:29:56"}, {"at": NOW}),
        ({"amount": {}}, {"amount_fen": None}),
        ({"out_trade_no": None}, {}),
        ({"out_refund_no": None}, {}),
    ],
)
async def test_an_answer_about_a_refund_need_not_say_what_was_asked(
    changes: dict[str, Any], known: dict[str, Any]
) -> None:
    fact = await gateway(Platform(answer(refund_answer(**changes)))).refund(REFUND)

    assert fact == replace(REFUNDED, **known)


async def test_a_refund_in_another_currency_is_no_answer() -> None:
    foreign = refund_answer(amount={"refund": 3000, "currency": "HKD"})

    with pytest.raises(ChannelUncertain, match=r"^currency$"):
        await gateway(Platform(answer(foreign))).refund(REFUND)


async def test_names_in_a_path_stay_one_part_of_it() -> None:
    platform = Platform(*(answer(status=204) for _ in range(4)))
    pay = gateway(platform)
    name = "a/../b?c#d e"

    await pay.close(name)
    for call in (
        pay.query(name),
        pay.query_refund(out_trade_no=ORDER, out_refund_no=name),
        pay.resolve_abnormal_refund(out_refund_no=REFUND_NO, channel_refund_id=name),
    ):
        with pytest.raises(ChannelUncertain):
            await call

    part = "a%2F..%2Fb%3Fc%23d%20e"
    assert [request.url.raw_path.decode() for request in platform.requests] == [
        f"/v3/pay/transactions/out-trade-no/{part}/close",
        f"/v3/pay/transactions/out-trade-no/{part}?mchid={MCHID}",
        f"/v3/refund/domestic/refunds/{part}",
        f"/v3/refund/domestic/refunds/{part}/apply-abnormal-refund",
    ]


async def test_a_notification_is_read_with_our_keys_and_merchant() -> None:
    body = sealed(order())
    platform = Platform()

    fact = gateway(platform).read_notification(signed_headers(body), body, now=NOW)

    assert fact == replace(PAID, source=Source.NOTIFICATION, message_id="EV-2018022511223320873")
    assert platform.requests == []


async def test_nothing_secret_is_in_an_error() -> None:
    platform = Platform(httpx.ReadError("cut"), httpx.ReadError("cut"))

    with pytest.raises(ChannelUncertain) as uncertain:
        await gateway(platform).query(ORDER)

    assert str(uncertain.value) == "ReadError"
    assert uncertain.value.__suppress_context__
