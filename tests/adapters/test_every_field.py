"""A genuine answer that lacks any of its members ends in a state or a case, and shuts nobody else out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from guahao.adapters.wechat import WeChat
from guahao.adapters.wechat_pay.notification import read
from guahao.identity.ports.wechat import JsCodeRefused, PhoneCodeRefused, WeChatUnreachable
from guahao.payment.ports import (
    Bill,
    BillDamaged,
    ChannelRefused,
    ChannelUnreadable,
    Closing,
    Gateway,
    NotificationRefused,
    NotificationUnreadable,
    Paid,
    Prepared,
    Refunded,
    RefundOrder,
    TradeState,
)
from tests.adapters.alipay import counterpart as theirs
from tests.adapters.alipay.test_close_and_refund import FOUND, MADE
from tests.adapters.alipay.test_notification import FIELDS
from tests.adapters.alipay.test_notification import REFUND as REFUND_FIELDS
from tests.adapters.every_field import spoilt
from tests.adapters.wechat_pay import platform as wechat
from tests.adapters.wechat_pay.test_bill_files import file, link
from tests.adapters.wechat_pay.test_bills import trade_file
from tests.adapters.wechat_pay.test_gateway import jsapi, native, refund_answer

pytestmark = pytest.mark.anyio

Call = Callable[[Gateway], Awaitable[object]]
REFUND = RefundOrder(
    out_trade_no=wechat.ORDER,
    out_refund_no=f"{wechat.ORDER}R1",
    amount_fen=3000,
    total_fen=5000,
    reason="取消预约",
)
NEAR = timedelta(days=365 * 100)
"""A moment further off than that can be neither shown nor compared as a day."""
NO_ERROR = (ChannelUnreadable, ChannelRefused, BillDamaged)
"""What a caller makes a case or a refusal of; `ChannelUncertain` alone would be waiting without an end."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A question at WeChat Pay, and its usual answer."""

    call: Call
    answer: Mapping[str, Any]
    status: int = 200


WECHAT = {
    "prepay in the mini program": Kind(call=lambda pay: pay.prepay(jsapi()), answer={"prepay_id": "wx1"}),
    "prepay by a code": Kind(call=lambda pay: pay.prepay(native()), answer={"code_url": "weixin://1"}),
    "query": Kind(call=lambda pay: pay.query(wechat.ORDER), answer=wechat.order()),
    "query of an unpaid order": Kind(
        call=lambda pay: pay.query(wechat.ORDER), answer=wechat.order(trade_state="NOTPAY")
    ),
    "refund": Kind(call=lambda pay: pay.refund(REFUND), answer=refund_answer()),
    "refund query": Kind(
        call=lambda pay: pay.query_refund(
            out_trade_no=REFUND.out_trade_no, out_refund_no=REFUND.out_refund_no
        ),
        answer=refund_answer(),
    ),
    "recall": Kind(
        call=lambda pay: pay.resolve_abnormal_refund(
            out_refund_no=REFUND.out_refund_no, channel_refund_id="5"
        ),
        answer=refund_answer(),
    ),
    "refusal of a close": Kind(
        call=lambda pay: pay.close(wechat.ORDER), answer={"code": "ORDERPAID", "message": "x"}, status=400
    ),
    "refusal of a refund": Kind(
        call=lambda pay: pay.refund(REFUND), answer={"code": "NOT_ENOUGH", "message": "x"}, status=403
    ),
    "refusal of a prepayment": Kind(
        call=lambda pay: pay.prepay(jsapi()), answer={"code": "NO_AUTH", "message": "x"}, status=403
    ),
}


def time_of(fact: Paid | Refunded) -> datetime:
    return fact.paid_at if isinstance(fact, Paid) else fact.at


async def settled(call: Awaitable[object]) -> object:
    """The outcome, or the error that ends in a case or a refusal."""
    try:
        return await call
    except NO_ERROR as error:
        return error


@pytest.mark.parametrize("name", WECHAT)
async def test_any_answer_of_wechat_pay_ends_in_a_state_or_a_case_and_the_next_order_passes(
    name: str,
) -> None:
    kind = WECHAT[name]
    changes = list(spoilt(kind.answer))
    answers = [wechat.answer(changed, status=kind.status) for _, changed in changes]
    pay = wechat.gateway(wechat.Platform(*answers, wechat.answer(wechat.order())))

    for change, _ in changes:
        outcome = await settled(kind.call(pay))
        assert not isinstance(outcome, Paid | Refunded) or abs(time_of(outcome) - wechat.NOW) < NEAR, change
        assert outcome is None or isinstance(
            outcome, (Paid, Refunded, Prepared, TradeState, Closing, *NO_ERROR)
        ), change

    assert isinstance(await pay.query(wechat.ORDER), Paid)


async def test_any_link_to_a_bill_of_wechat_pay_ends_in_a_bill_or_none() -> None:
    trade = trade_file()
    for change, changed in spoilt(json.loads(link(trade).content)):
        asked = wechat.Platform(
            wechat.answer(changed), file(trade), wechat.refusal("NO_AUTH", status=403), wechat.answer()
        )
        outcome = await settled(wechat.gateway(asked).bill(wechat.NOW.date()))
        assert isinstance(outcome, (Bill, BillDamaged)), change


ALIPAY: Mapping[str, tuple[Callable[[Gateway], Awaitable[object]], str, Mapping[str, Any]]] = {
    "query": (lambda pay: pay.query(theirs.NO), "alipay.trade.query", theirs.PAID_NODE),
    "query of an unpaid order": (
        lambda pay: pay.query(theirs.NO),
        "alipay.trade.query",
        {**theirs.PAID_NODE, "trade_status": "WAIT_BUYER_PAY"},
    ),
    "close": (
        lambda pay: pay.close(theirs.NO),
        "alipay.trade.close",
        {"code": "10000", "msg": "Success", "out_trade_no": theirs.NO, "trade_no": theirs.TRADE_NO},
    ),
    "refund": (
        lambda pay: pay.refund(
            RefundOrder(
                out_trade_no=theirs.NO,
                out_refund_no=f"{theirs.NO}R2",
                amount_fen=2001,
                total_fen=5007,
                reason="停诊",
            )
        ),
        "alipay.trade.refund",
        {**MADE, "refund_fee": "20.01"},
    ),
    "refund query": (
        lambda pay: pay.query_refund(out_trade_no=theirs.NO, out_refund_no=f"{theirs.NO}R2"),
        "alipay.trade.fastpay.refund.query",
        FOUND,
    ),
    "refusal": (
        lambda pay: pay.query(theirs.NO),
        "alipay.trade.query",
        theirs.refusal("ACQ.INVALID_PARAMETER"),
    ),
}


@pytest.mark.parametrize("name", ALIPAY)
async def test_any_answer_of_alipay_ends_in_a_state_or_a_case_and_the_next_order_passes(name: str) -> None:
    call, method, node = ALIPAY[name]
    changes = list(spoilt(node))
    replies: dict[str, Any] = {
        "alipay.trade.query": theirs.PAID_NODE,
        "alipay.trade.fastpay.refund.query": {"code": "10000"},
        method: [changed for _, changed in changes],
    }
    replies[method].append(theirs.PAID_NODE)
    pay = theirs.alipay(theirs.Counterpart(replies))

    for change, changed in changes:
        if changed.get("code") == "20000":
            continue
        outcome = await settled(call(pay))
        assert not isinstance(outcome, Paid | Refunded) or abs(time_of(outcome) - theirs.NOW) < NEAR, change
        assert outcome is None or isinstance(outcome, (Paid, Refunded, TradeState, Closing, *NO_ERROR)), (
            change
        )

    assert not pay.circuit.is_open


def notices() -> Iterator[tuple[str, bytes]]:
    for whole, event in (
        (wechat.order(), "TRANSACTION.SUCCESS"),
        (wechat.refund_notice(), "REFUND.SUCCESS"),
        (wechat.refund_notice("ABNORMAL"), "REFUND.ABNORMAL"),
    ):
        for change, content in spoilt(whole):
            yield f"{event}: {change}", wechat.sealed(content, event=event)
        envelope = json.loads(wechat.sealed(whole, event=event))
        for change, changed in spoilt(envelope):
            yield f"envelope of {event}: {change}", json.dumps(changed).encode()


def test_any_notification_of_wechat_pay_is_a_fact_or_unreadable_or_not_believed() -> None:
    for change, body in notices():
        try:
            fact = read(
                wechat.signed_headers(body),
                body,
                keys=wechat.make_keys(),
                mchid=wechat.MCHID,
                app_id=wechat.APP_ID,
                now=wechat.NOW,
            )
        except (NotificationRefused, NotificationUnreadable):
            continue
        assert isinstance(fact, Paid | Refunded), change
        assert abs(time_of(fact) - wechat.NOW) < NEAR, change


@pytest.mark.parametrize("fields", [FIELDS, REFUND_FIELDS], ids=["payment", "refund"])
def test_any_notification_of_alipay_is_a_fact_or_unreadable_or_not_believed(fields: dict[str, str]) -> None:
    pay = theirs.alipay(lambda _: httpx.Response(500))
    for change, changed in spoilt(fields):
        told = {name: value for name, value in changed.items() if isinstance(value, str)}
        for covers_empties in (False, True):
            body = theirs.form(told, covers_empties=covers_empties)
            try:
                fact = pay.read_notification({}, body, now=theirs.NOW)
            except (NotificationRefused, NotificationUnreadable):
                continue
            assert fact is None or abs(time_of(fact) - theirs.NOW) < NEAR, change


SESSION = {"openid": "o1", "session_key": "k", "unionid": "u"}
TOKEN = {"access_token": "t1", "expires_in": 7200}
PHONE = {
    "errcode": 0,
    "errmsg": "ok",
    "phone_info": {
        "phoneNumber": "13800138000",
        "purePhoneNumber": "13800138000",
        "countryCode": 86,
        "watermark": {"timestamp": 1637744274, "appid": "wx1"},
    },
}


class Server:
    def __init__(self, **answers: Mapping[str, Any]) -> None:
        self.answers = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=self.answers[request.url.path.rpartition("/")[2]])

    @property
    def client(self) -> WeChat:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return WeChat(http, app_id="wx1", app_secret="s")


async def test_a_phone_number_comes_with_its_country_as_a_number_or_a_text() -> None:
    for country in (86, "86", "+86", None, ""):
        info = {**PHONE["phone_info"], "countryCode": country}  # type: ignore[dict-item]  # a mapping
        server = Server(stable_token=TOKEN, getuserphonenumber={**PHONE, "phone_info": info})
        assert await server.client.phone_of(code="c") == "13800138000"


async def test_any_answer_of_wechats_server_is_an_answer_or_a_refusal() -> None:
    refusals = (WeChatUnreachable, JsCodeRefused, PhoneCodeRefused)
    for change, changed in spoilt(SESSION):
        try:
            assert await Server(jscode2session=changed).client.openid_of(js_code="c"), change
        except refusals:
            continue
    for token, phone in [
        *((changed, PHONE) for _, changed in spoilt(TOKEN)),
        *((TOKEN, changed) for _, changed in spoilt(PHONE)),
    ]:
        try:
            client = Server(stable_token=token, getuserphonenumber=phone).client
            assert await client.phone_of(code="c") == "13800138000"
        except refusals:
            continue
