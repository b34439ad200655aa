from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    Closing,
    Provider,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Source,
)
from tests.adapters.alipay.counterpart import NO, NOW, PAID_NODE, Counterpart, alipay, refusal

pytestmark = pytest.mark.anyio
CLOSE, QUERY = "alipay.trade.close", "alipay.trade.query"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
NOT_CLOSABLE = [
    "ACQ.TRADE_STATUS_ERROR",
    "ACQ.REASON_TRADE_STATUS_INVALID",
    "ACQ.REASON_ILLEGAL_STATUS",
    "ACQ.TRADE_HAS_SUCCESS",
    "ACQ.TRADE_HAS_FINISHED",
    "ACQ.TRADE_HAS_CLOSE",
]
ORDER = RefundOrder(
    out_trade_no=NO, out_refund_no=f"{NO}R2", amount_fen=2001, total_fen=5007, reason="医生停诊"
)
MADE = {
    "code": "10000",
    "fund_change": "Y",
    "out_trade_no": NO,
    "refund_fee": "50.07",
    "send_back_fee": "20.01",
}
FOUND = {
    "code": "10000",
    "out_trade_no": NO,
    "out_request_no": f"{NO}R2",
    "refund_amount": "20.01",
    "total_amount": "50.07",
    "refund_status": "REFUND_SUCCESS",
    "gmt_refund_pay": "2026-11-23 00:30:01",
}
REFUNDED = Refunded(
    provider=Provider.ALIPAY,
    source=Source.QUERY,
    message_id=f"query:{NO}R2:success",
    out_trade_no=NO,
    out_refund_no=f"{NO}R2",
    channel_refund_id=f"{NO}R2",
    amount_fen=2001,
    outcome=RefundOutcome.SUCCESS,
    at=datetime(2026, 11, 22, 16, 30, 1, tzinfo=UTC),
)
PROCESSING = replace(
    REFUNDED, message_id=f"query:{NO}R2:processing", outcome=RefundOutcome.PROCESSING, at=NOW
)


async def closed(**replies: Any) -> Closing:
    counterpart = Counterpart({CLOSE: replies.pop("close"), QUERY: replies.pop("query", None)})
    return await alipay(counterpart).close(NO)


async def test_an_open_trade_is_closed() -> None:
    counterpart = Counterpart({CLOSE: {"code": "10000", "out_trade_no": NO}})

    assert await alipay(counterpart).close(NO) is Closing.CLOSED
    assert counterpart.calls == [(CLOSE, {"out_trade_no": NO})]


async def test_a_trade_that_nobody_has_opened_is_closed() -> None:
    assert await closed(close=refusal("ACQ.TRADE_NOT_EXIST")) is Closing.CLOSED


@pytest.mark.parametrize("word", NOT_CLOSABLE)
async def test_row_20_a_trade_that_was_paid_meanwhile_is_already_paid(word: str) -> None:
    assert await closed(close=refusal(word), query=PAID_NODE) is Closing.ALREADY_PAID


@pytest.mark.parametrize("word", NOT_CLOSABLE)
@pytest.mark.parametrize(
    "query",
    [{"code": "10000", "out_trade_no": NO, "trade_status": "TRADE_CLOSED"}, refusal("ACQ.TRADE_NOT_EXIST")],
)
async def test_row_20_a_trade_that_was_closed_meanwhile_is_closed(word: str, query: dict[str, str]) -> None:
    assert await closed(close=refusal(word), query=query) is Closing.CLOSED


async def test_row_20_a_trade_that_is_open_yet_cannot_be_closed_is_uncertain() -> None:
    query = {"code": "10000", "out_trade_no": NO, "trade_status": "WAIT_BUYER_PAY"}

    with pytest.raises(ChannelUncertain, match=r"^unpaid$"):
        await closed(close=refusal("ACQ.TRADE_STATUS_ERROR"), query=query)


@pytest.mark.parametrize(
    ("close", "error"),
    [
        (refusal("ACQ.SYSTEM_ERROR"), ChannelUncertain),
        (httpx.ReadTimeout(""), ChannelUncertain),
        ({"code": "10000", "out_trade_no": "0" * 32}, ChannelUnreadable),
        (refusal("ACQ.INVALID_PARAMETER"), ChannelRefused),
    ],
)
async def test_row_20_nothing_is_closed_without_a_trustworthy_answer(
    close: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await closed(close=close)


async def test_a_yes_need_not_say_what_was_closed() -> None:
    assert await closed(close={"code": "10000"}) is Closing.CLOSED


async def test_row_20_an_uncertain_query_leaves_the_closing_open() -> None:
    with pytest.raises(ChannelUncertain):
        await closed(close=refusal("ACQ.TRADE_STATUS_ERROR"), query=httpx.ReadTimeout(""))


async def refund(made: Any, found: Any = None) -> tuple[Refunded, Counterpart]:
    counterpart = Counterpart({REFUND: made, REFUND_QUERY: found})
    return await alipay(counterpart).refund(ORDER), counterpart


async def test_a_refund_is_of_what_we_asked_and_not_of_the_sum_the_answer_tells() -> None:
    refunded, counterpart = await refund({**MADE, "gmt_refund_pay": "2026-11-23 00:30:01"})

    assert refunded == REFUNDED
    assert counterpart.calls == [
        (
            REFUND,
            {
                "out_trade_no": NO,
                "refund_amount": "20.01",
                "out_request_no": f"{NO}R2",
                "refund_reason": "医生停诊",
            },
        )
    ]


async def test_a_refund_without_a_time_happened_now() -> None:
    refunded, _ = await refund(MADE)

    assert refunded == replace(REFUNDED, at=NOW)


async def test_a_first_refund_may_be_the_whole_sum() -> None:
    refunded, _ = await refund({**MADE, "refund_fee": "20.01"})

    assert refunded.amount_fen == 2001


@pytest.mark.parametrize("change", [{"fund_change": "N"}, {"fund_change": ""}, {"fund_change": None}])
async def test_row_17_a_repeated_refund_is_the_one_that_was_made(change: dict[str, Any]) -> None:
    refunded, counterpart = await refund({**MADE, **change}, FOUND)

    assert refunded == REFUNDED
    assert counterpart.calls[1] == (
        REFUND_QUERY,
        {"out_trade_no": NO, "out_request_no": f"{NO}R2", "query_options": ["gmt_refund_pay"]},
    )


@pytest.mark.parametrize("found", [{"code": "10000"}, refusal("ACQ.TRADE_NOT_EXIST")])
async def test_a_refund_that_cannot_be_seen_yet_is_being_processed(found: dict[str, str]) -> None:
    refunded, _ = await refund({**MADE, "fund_change": "N"}, found)

    assert refunded == PROCESSING


@pytest.mark.parametrize(
    "made",
    [
        {**MADE, "refund_fee": "20.00"},
        {**MADE, "refund_fee": "twenty"},
        {**MADE, "out_trade_no": "0" * 32},
        refusal("ACQ.SYSTEM_ERROR"),
        httpx.ReadTimeout(""),
    ],
)
async def test_row_17_a_refund_without_a_trustworthy_answer_is_uncertain(made: Any) -> None:
    with pytest.raises(ChannelUncertain):
        await refund(made)


@pytest.mark.parametrize("change", [{"refund_fee": None}, {"out_trade_no": ""}, {"gmt_refund_pay": "soon"}])
async def test_a_refund_that_was_made_need_not_repeat_the_question(change: dict[str, Any]) -> None:
    refunded, _ = await refund({**MADE, **change})

    assert refunded == replace(REFUNDED, at=NOW)


async def test_row_17_an_uncertain_query_leaves_the_refund_uncertain() -> None:
    with pytest.raises(ChannelUncertain):
        await refund({**MADE, "fund_change": "N"}, httpx.ReadTimeout(""))


@pytest.mark.parametrize(
    "word", ["ACQ.DISCORDANT_REPEAT_REQUEST", "ACQ.TRADE_NOT_EXIST", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"]
)
async def test_row_18_a_refused_refund_carries_the_word(word: str) -> None:
    with pytest.raises(ChannelRefused, match=rf"^{word}$"):
        await refund(refusal(word))


async def found(node: Any) -> Refunded | None:
    gateway = alipay(Counterpart({REFUND_QUERY: node}))
    return await gateway.query_refund(out_trade_no=NO, out_refund_no=f"{NO}R2")


async def test_a_refund_is_found_with_its_own_amount_and_time() -> None:
    assert await found(FOUND) == REFUNDED


async def test_a_found_refund_without_a_time_happened_now() -> None:
    assert await found({**FOUND, "gmt_refund_pay": ""}) == replace(REFUNDED, at=NOW)


async def test_a_refund_in_work_is_being_processed() -> None:
    assert await found({**FOUND, "refund_status": "REFUND_PROCESSING", "gmt_refund_pay": ""}) == PROCESSING


async def test_a_refund_that_failed_is_abnormal() -> None:
    fact = await found({**FOUND, "refund_status": "REFUND_FAIL"})

    assert fact is not None
    assert fact.outcome is RefundOutcome.ABNORMAL


@pytest.mark.parametrize("status", ["", None])
async def test_an_older_accounts_refund_has_its_data_instead_of_a_status(status: str | None) -> None:
    assert await found({**FOUND, "refund_status": status}) == REFUNDED


@pytest.mark.parametrize(
    "node",
    [{"code": "10000", "msg": "Success"}, refusal("ACQ.TRADE_NOT_EXIST"), refusal("TRADE_NOT_EXIST")],
)
async def test_a_refund_that_never_arrived_is_not_found(node: dict[str, str]) -> None:
    assert await found(node) is None


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "0" * 32},
        {"out_request_no": f"{NO}R1"},
        {"refund_amount": "much"},
        {"refund_status": "REFUND_SOMEHOW"},
    ],
)
async def test_row_16_an_answer_about_another_refund_is_not_believed(change: dict[str, str]) -> None:
    with pytest.raises(ChannelUnreadable):
        await found({**FOUND, **change})


@pytest.mark.parametrize(
    ("change", "known"),
    [
        ({"refund_amount": ""}, {"amount_fen": None}),
        ({"gmt_refund_pay": "yesterday"}, {"at": NOW}),
        ({"out_trade_no": None}, {}),
        ({"out_request_no": None}, {}),
    ],
)
async def test_an_answer_about_a_refund_need_not_repeat_the_question(
    change: dict[str, Any], known: dict[str, Any]
) -> None:
    assert await found({**FOUND, **change}) == replace(REFUNDED, **known)


async def test_a_refused_refund_query_carries_the_word() -> None:
    with pytest.raises(ChannelRefused, match=r"^ACQ.INVALID_PARAMETER$"):
        await found(refusal("ACQ.INVALID_PARAMETER"))


async def test_there_is_no_abnormal_refund_to_resolve() -> None:
    gateway = alipay(Counterpart({}))

    with pytest.raises(ChannelRefused, match=r"^NOT_SUPPORTED$"):
        await gateway.resolve_abnormal_refund(out_refund_no=f"{NO}R1", channel_refund_id=f"{NO}R1")


async def never(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError(request)


async def test_row_29_two_calls_together_end_in_time_too() -> None:
    gateway = alipay(never)
    assert (gateway.call_s, gateway.whole_s) == (8.0, 9.5)
    gateway.whole_s = 0.01

    async with asyncio.timeout(gateway.call_s / 2):
        with pytest.raises(ChannelUncertain, match=r"^deadline$"):
            await gateway.close(NO)
        with pytest.raises(ChannelUncertain, match=r"^deadline$"):
            await gateway.refund(ORDER)
