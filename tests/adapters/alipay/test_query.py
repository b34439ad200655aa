from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from structlog.testing import capture_logs

from guahao.payment.ports import (
    ChannelDown,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    ClockWrong,
    OrderNumberUsed,
    Provider,
    TradeState,
)
from tests.adapters.alipay.counterpart import (
    APP_ID,
    NO,
    NOW,
    PAID,
    PAID_NODE,
    SELLER_ID,
    STRANGER,
    Counterpart,
    Reply,
    alipay,
    answer,
    refusal,
)

pytestmark = pytest.mark.anyio
QUERY = "alipay.trade.query"


async def outcome(reply: Reply) -> object:
    return await alipay(Counterpart({QUERY: reply})).query(NO)


async def error(reply: Reply, kind: type[Exception] = ChannelUncertain) -> Exception:
    with pytest.raises(kind) as caught:
        await outcome(reply)
    assert type(caught.value) is kind
    return caught.value


def without(name: str, node: Mapping[str, Any] = PAID_NODE) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != name}


async def test_a_query_says_in_public_fields_who_asks_and_when() -> None:
    counterpart = Counterpart({QUERY: PAID_NODE})
    gateway = alipay(counterpart)

    assert gateway.provider is Provider.ALIPAY
    assert await gateway.query(NO) == PAID
    assert counterpart.fields == [
        {
            "app_id": APP_ID,
            "method": "alipay.trade.query",
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": "2026-11-23 00:30:05",
            "version": "1.0",
            "biz_content": f'{{"out_trade_no":"{NO}"}}',
        }
    ]


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"])
async def test_captured_money_is_paid_even_when_it_went_back_later(status: str) -> None:
    back_fen = PAID.amount_fen if status == "TRADE_CLOSED" else 0
    found = await outcome({**PAID_NODE, "trade_status": status})
    assert found == replace(PAID, given_back_fen=back_fen)


@pytest.mark.parametrize("send_pay_date", [{}, {"send_pay_date": ""}])
async def test_a_closed_trade_without_a_moment_of_payment_was_never_paid(
    send_pay_date: dict[str, str],
) -> None:
    node = {**without("send_pay_date"), "trade_status": "TRADE_CLOSED", **send_pay_date}

    assert await outcome(node) is TradeState.CLOSED


async def test_a_trade_that_waits_for_its_buyer_is_unpaid() -> None:
    node = {**without("send_pay_date"), "trade_status": "WAIT_BUYER_PAY"}

    assert await outcome(node) is TradeState.UNPAID


async def test_a_trade_that_nobody_has_opened_is_unknown() -> None:
    assert await outcome(refusal("ACQ.TRADE_NOT_EXIST")) is TradeState.UNKNOWN


@pytest.mark.parametrize(
    "node",
    [
        {**PAID_NODE, "out_trade_no": "0" * 32},
        {**PAID_NODE, "trade_status": "SOMETHING_NEW"},
        without("trade_status"),
        {**PAID_NODE, "trade_status": 1},
        without("trade_no"),
        {**PAID_NODE, "trade_no": ""},
        without("total_amount"),
        {**PAID_NODE, "total_amount": "-50.07"},
    ],
)
async def test_row_16_a_genuine_answer_that_does_not_fit_the_question_is_not_believed(
    node: dict[str, Any],
) -> None:
    await error(node, ChannelUnreadable)


@pytest.mark.parametrize(
    "node",
    [
        without("out_trade_no"),
        {**PAID_NODE, "total_amount": 50.07},
        {**PAID_NODE, "total_amount": "50.07"},
    ],
)
async def test_an_answer_need_not_repeat_the_question_and_may_write_amounts_as_numbers(
    node: dict[str, Any],
) -> None:
    assert await outcome(node) == PAID


@pytest.mark.parametrize("node", [without("send_pay_date"), {**PAID_NODE, "send_pay_date": "0000-00-00"}])
async def test_a_payment_without_its_time_was_made_now(node: dict[str, Any]) -> None:
    assert await outcome(node) == replace(PAID, paid_at=NOW)


async def test_an_answer_that_cannot_be_read_keeps_the_circuit_closed_for_other_orders() -> None:
    gateway = alipay(Counterpart({QUERY: [*[without("trade_status")] * 9, PAID_NODE]}))
    for _ in range(9):
        with pytest.raises(ChannelUnreadable):
            await gateway.query(NO)

    assert await gateway.query(NO) == PAID


@pytest.mark.parametrize("name", ["app_id", "seller_id"])
async def test_row_9_an_answer_for_another_merchant_is_not_believed(name: str) -> None:
    assert str(await error({**PAID_NODE, name: "2088999999999999"}, ChannelUnreadable)) == name


async def test_row_9_an_answer_that_names_us_is_believed() -> None:
    assert await outcome({**PAID_NODE, "app_id": APP_ID, "seller_id": SELLER_ID}) == PAID


async def test_row_9_an_answer_about_another_order_names_the_field_that_differs() -> None:
    other = {**PAID_NODE, "out_trade_no": "0" * 32}

    assert str(await error(other, ChannelUnreadable)) == "out_trade_no"


@pytest.mark.parametrize(
    "content",
    [
        b'{"alipay_trade_query_response":{"code":"10000","trade_status":"TRADE_SUCCESS"}}',
        answer(QUERY, PAID_NODE, key=STRANGER),
        answer("alipay.trade.close", PAID_NODE),
        answer(QUERY, PAID_NODE).replace(b"50.07", b"50.08"),
        b"<html>welcome to the hotel</html>",
        b"",
    ],
)
async def test_row_16_a_forged_answer_is_not_believed(content: bytes) -> None:
    await error(httpx.Response(200, content=content))


@pytest.mark.parametrize("algorithm", [SHA1(), MD5()])
async def test_row_24_an_answer_with_a_weaker_hash_is_not_believed(algorithm: Any) -> None:
    content = answer(QUERY, PAID_NODE, algorithm=algorithm)

    assert str(await error(httpx.Response(200, content=content))) == "signature"


async def test_row_16_whoever_runs_the_product_learns_why_an_answer_is_not_believed() -> None:
    unsigned = json.dumps({"error_response": refusal("isv.invalid-app-id", "40002")}).encode()
    with capture_logs() as logs:
        await error(httpx.Response(200, content=unsigned))

    assert logs == [
        {
            "event": "alipay-answer-not-believed",
            "code": "unsigned isv.invalid-app-id",
            "log_level": "error",
        }
    ]


async def test_row_25_braces_in_the_subject_of_a_genuine_answer_are_accepted() -> None:
    assert await outcome({**PAID_NODE, "subject": '} "sign":"', "fund_bill_list": [{"a": "}"}]}) == PAID


@pytest.mark.parametrize("status", [201, 301, 302, 400, 404, 429, 500, 502, 503])
async def test_row_29_an_unsigned_answer_of_another_status_than_200_is_no_answer(status: int) -> None:
    reply = httpx.Response(
        status, content=answer(QUERY, PAID_NODE, key=STRANGER), headers={"location": "https://evil.test"}
    )

    assert str(await error(reply)) == str(status)


@pytest.mark.parametrize("status", [400, 403, 500, 503])
async def test_a_signed_no_is_definite_whatever_its_status(status: int) -> None:
    reply = httpx.Response(status, content=answer(QUERY, refusal("ACQ.INVALID_PARAMETER")))

    assert str(await error(reply, ChannelRefused)) == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("https://secret"), httpx.ConnectError("x"), httpx.RemoteProtocolError("cut")]
)
async def test_row_29_a_lost_connection_is_no_answer_and_its_text_is_dropped(fault: Exception) -> None:
    found = await error(fault)

    assert str(found) == type(fault).__name__
    assert found.__cause__ is None
    assert found.__suppress_context__


async def never(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError(request)


async def test_row_29_a_call_ends_in_time_however_slowly_the_answer_drips() -> None:
    gateway = alipay(never)
    gateway.call_s = 0.01

    with pytest.raises(ChannelUncertain, match=r"^deadline$"):
        await gateway.query(NO)


async def test_row_29_a_gateway_that_fails_again_and_again_is_left_alone() -> None:
    counterpart = Counterpart({QUERY: httpx.ReadTimeout("")})
    gateway = alipay(counterpart)
    for _ in range(5):
        with pytest.raises(ChannelUncertain):
            await gateway.query(NO)

    assert gateway.circuit.is_open
    with pytest.raises(ChannelDown):
        await gateway.query(NO)
    assert len(counterpart.requests) == 5


async def test_a_definite_no_is_an_answer_and_keeps_the_circuit_closed() -> None:
    gateway = alipay(Counterpart({QUERY: refusal("ACQ.INVALID_PARAMETER")}))
    for _ in range(9):
        with pytest.raises(ChannelRefused):
            await gateway.query(NO)

    assert not gateway.circuit.is_open


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (refusal("ACQ.SYSTEM_ERROR"), "ACQ.SYSTEM_ERROR"),
        (refusal("aop.ACQ.SYSTEM_ERROR"), "aop.ACQ.SYSTEM_ERROR"),
        (refusal("SYSTEM_ERROR"), "SYSTEM_ERROR"),
        (refusal("isp.unknow-error", "20000"), "isp.unknow-error"),
        (refusal("aop.unknow-error"), "aop.unknow-error"),
        (refusal("isp.whatever"), "isp.whatever"),
        (refusal("ACQ.INVALID_PARAMETER", "20000"), "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_row_29_a_fault_of_theirs_leaves_the_outcome_open(node: dict[str, Any], word: str) -> None:
    assert str(await error(node)) == word


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (refusal("ACQ.INVALID_PARAMETER", "10003"), "ACQ.INVALID_PARAMETER"),
        ({"sub_code": "ACQ.INVALID_PARAMETER"}, "ACQ.INVALID_PARAMETER"),
        ({}, "code"),
    ],
)
async def test_a_genuine_code_that_is_neither_yes_nor_no_is_unreadable(
    node: dict[str, Any], word: str
) -> None:
    assert str(await error(node, ChannelUnreadable)) == word


async def test_a_code_may_be_a_number() -> None:
    assert await outcome({**PAID_NODE, "code": 10000}) == PAID


@pytest.mark.parametrize("word", ["isv.invalid-timestamp", "isv.missing-timestamp"])
async def test_row_21_a_refused_time_says_that_our_clock_is_wrong(word: str) -> None:
    found = await error(refusal(word, "40002"), ClockWrong)

    assert isinstance(found, ClockWrong)
    assert (found.code, found.is_retryable) == (word, False)


@pytest.mark.parametrize("code", ["20001", "40001", "40002", "40003", "40004", "40006"])
async def test_a_definite_no_carries_the_providers_word(code: str) -> None:
    found = await error(refusal("ACQ.ACCESS_FORBIDDEN", code), ChannelRefused)

    assert isinstance(found, ChannelRefused)
    assert (found.code, found.is_retryable) == ("ACQ.ACCESS_FORBIDDEN", False)


@pytest.mark.parametrize("word", ["ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE", "ACQ.CONTEXT_INCONSISTENT"])
async def test_a_number_that_stands_for_something_else_is_used(word: str) -> None:
    found = await error(refusal(word), OrderNumberUsed)

    assert isinstance(found, OrderNumberUsed)
    assert found.code == word


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("isv.app-call-limited", "40005"),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "40004"),
        ("ACQ.REASON_TRADE_BEEN_FREEZEN", "40004"),
        ("SYSTEM_RATE_LIMIT", "40004"),
        ("USER_RATE_LIMIT", "40004"),
    ],
)
async def test_a_no_that_time_may_heal_says_so(word: str, code: str) -> None:
    found = await error(refusal(word, code), ChannelRefused)

    assert isinstance(found, ChannelRefused)
    assert (found.code, found.is_retryable) == (word, True)


@pytest.mark.parametrize("word", ["", "余额不足, 张三", "x" * 65, "a b"])
async def test_free_text_in_place_of_a_code_is_not_carried(word: str) -> None:
    found = await error(refusal(word), ChannelRefused)

    assert isinstance(found, ChannelRefused)
    assert found.code == "40004"
