"""What an answer means: who signed it, and what may be concluded when nobody did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from guahao.adapters.circuit import Circuit
from guahao.adapters.wechat_pay import WeChatPay
from guahao.adapters.wechat_pay.signed_http import SignedHttp
from guahao.payment.ports import (
    ChannelBusy,
    ChannelDown,
    ChannelRefused,
    ChannelUncertain,
    ClockWrong,
    Closing,
    Paid,
    RefundOrder,
    TradeState,
)
from tests.adapters.wechat_pay.platform import (
    CERTIFICATE,
    MCHID,
    NOW,
    ORDER,
    PUBLIC_KEY_ID,
    Platform,
    answer,
    gateway,
    make_keys,
    order,
    refusal,
    unsigned,
)
from tests.adapters.wechat_pay.test_gateway import jsapi

pytestmark = pytest.mark.anyio

REFUND = RefundOrder(
    out_trade_no=ORDER, out_refund_no=ORDER + "R1", amount_fen=3000, total_fen=5000, reason="取消预约"
)
CALLS: dict[str, Callable[[WeChatPay], Awaitable[Any]]] = {
    "prepay": lambda pay: pay.prepay(jsapi()),
    "query": lambda pay: pay.query(ORDER),
    "close": lambda pay: pay.close(ORDER),
    "refund": lambda pay: pay.refund(REFUND),
    "query_refund": lambda pay: pay.query_refund(out_trade_no=ORDER, out_refund_no=ORDER + "R1"),
    "resolve": lambda pay: pay.resolve_abnormal_refund(out_refund_no=ORDER + "R1", channel_refund_id="5"),
    "bill": lambda pay: pay.bill(NOW.date()),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def channel(platform: Platform, **overrides: Any) -> SignedHttp:
    defaults = {
        "endpoint": "https://api.mch.weixin.qq.com/",
        "mchid": MCHID,
        "keys": make_keys(),
        "circuit": Circuit(),
        "clock": lambda: NOW,
    }
    http = httpx.AsyncClient(transport=httpx.MockTransport(platform))
    return SignedHttp(http, **{**defaults, **overrides})


@every_call
async def test_row_16_an_unsigned_answer_is_no_answer(call: Callable[[WeChatPay], Awaitable[Any]]) -> None:
    for forged in (unsigned(order()), unsigned({"prepay_id": "wx1"}), unsigned(status=204)):
        with pytest.raises(ChannelUncertain, match=r"^status 20[04]$"):
            await call(gateway(Platform(forged)))


@pytest.mark.parametrize(
    "signing",
    [
        {"signer": "attacker"},
        {"serial": CERTIFICATE},
        {"at": NOW - timedelta(minutes=5, seconds=1)},
        {"at": NOW + timedelta(minutes=5, seconds=1)},
    ],
)
async def test_row_16_an_answer_of_another_key_or_another_time_is_no_answer(signing: dict[str, Any]) -> None:
    with pytest.raises(ChannelUncertain, match=r"^status 200$"):
        await gateway(Platform(answer(order(), **signing))).query(ORDER)


async def test_row_16_an_answer_with_a_changed_body_is_no_answer() -> None:
    genuine = answer(order(trade_state="NOTPAY"))
    forged = httpx.Response(
        200, content=genuine.content.replace(b"NOTPAY", b"CLOSED"), headers=genuine.headers
    )

    with pytest.raises(ChannelUncertain, match=r"^status 200$"):
        await gateway(Platform(forged)).query(ORDER)


@every_call
@pytest.mark.parametrize("status", [400, 403, 404, 405, 409])
@pytest.mark.parametrize(
    "code", ["ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS", "ORDERPAID", "NO_STATEMENT_EXIST", "OUT_TRADE_NO_USED"]
)
async def test_row_16_an_unsigned_no_is_no_answer_either(
    call: Callable[[WeChatPay], Awaitable[Any]], status: int, code: str
) -> None:
    forged = unsigned({"code": code, "message": ""}, status=status)

    with pytest.raises(ChannelUncertain, match=f"^status {status}$"):
        await call(gateway(Platform(forged)))


@every_call
async def test_row_21_a_wrong_clock_is_named_and_heals_with_time(
    call: Callable[[WeChatPay], Awaitable[Any]],
) -> None:
    text = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
    for refused_ in (
        unsigned({"code": "SIGN_ERROR", "message": text}, status=401),
        refusal("SIGN_ERROR", status=401, message=text),
        refusal("SIGN_ERROR", status=401, at=NOW + timedelta(minutes=15)),
        refusal("SIGN_ERROR", status=401, at=NOW - timedelta(minutes=15)),
    ):
        with pytest.raises(ClockWrong) as refused:
            await call(gateway(Platform(refused_)))
        assert refused.value.code == "SIGN_ERROR"
        assert refused.value.is_retryable


@pytest.mark.parametrize(
    ("date", "is_wrong"),
    [
        ("Mon, 02 Mar 2026 01:45:00 GMT", True),
        ("Mon, 02 Mar 2026 01:15:00 GMT", True),
        ("Mon, 02 Mar 2026 01:35:01 GMT", True),
        ("Mon, 02 Mar 2026 01:35:00 GMT", False),
        ("Mon, 02 Mar 2026 01:25:00 GMT", False),
        ("Mon, 02 Mar 2026 01:45:00 -0000", False),
        ("yesterday", False),
        ("", False),
        (None, False),
    ],
)
async def test_row_21_the_date_of_a_refused_signature_tells_whose_clock_it_is(
    date: str | None, is_wrong: bool
) -> None:
    refused_ = unsigned({"code": "SIGN_ERROR", "message": "签名错误"}, status=401)
    if date is not None:
        refused_.headers["Date"] = date

    with pytest.raises(ChannelRefused) as refused:
        await gateway(Platform(refused_)).query(ORDER)

    assert refused.type is (ClockWrong if is_wrong else ChannelRefused)
    assert refused.value.code == "SIGN_ERROR"
    assert refused.value.is_retryable


async def test_row_21_a_refused_signature_of_our_own_time_is_no_matter_of_clocks() -> None:
    for refused_ in (refusal("SIGN_ERROR", status=401), unsigned({"code": "SIGN_ERROR"}, status=401)):
        with pytest.raises(ChannelRefused) as refused:
            await gateway(Platform(refused_)).query(ORDER)
        assert refused.type is ChannelRefused


async def test_an_unsigned_401_for_another_reason_is_no_answer() -> None:
    for forged in (
        unsigned({"code": "NO_AUTH", "message": ""}, status=401),
        unsigned({"code": "SIGN_ERROR", "message": ""}, status=403),
    ):
        with pytest.raises(ChannelUncertain):
            await gateway(Platform(forged)).query(ORDER)


async def test_row_22_answers_signed_with_certificate_or_public_key_are_both_believed() -> None:
    keys = make_keys(PUBLIC_KEY_ID, CERTIFICATE)
    platform = Platform(answer(order(), serial=CERTIFICATE), answer(order(), serial=PUBLIC_KEY_ID))
    pay = gateway(platform, keys=keys)

    assert isinstance(await pay.query(ORDER), Paid)
    assert isinstance(await pay.query(ORDER), Paid)


async def test_row_7_unknown_serials_cause_no_call() -> None:
    platform = Platform()
    pay = gateway(platform)
    forged = answer(order(), signer="attacker")

    for number in range(1000):
        headers = {**forged.headers, "Wechatpay-Serial": f"{number:040X}"}
        with pytest.raises(Exception, match=r"^signature$"):
            pay.read_notification(headers, forged.content, now=NOW)

    assert platform.requests == []


@pytest.mark.parametrize("status", [500, 502, 503, 400, 403])
@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "SERVICE_UNAVAILABLE", "BANKERROR", "BIZERR_NEED_RETRY"])
async def test_a_signed_answer_that_decides_nothing_is_uncertain(status: int, code: str) -> None:
    with pytest.raises(ChannelUncertain, match=f"^status {status}$"):
        await gateway(Platform(refusal(code, status=status))).query(ORDER)


async def test_whoever_is_asked_too_often_is_up() -> None:
    for code in ("SYSTEM_ERROR", "ORDER_NOT_EXIST", "FREQUENCY_LIMITED"):
        with pytest.raises(ChannelBusy, match=r"^status 429$"):
            await gateway(Platform(refusal(code, status=429))).query(ORDER)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
async def test_a_definite_no_is_one_whatever_its_status_and_opens_no_circuit(status: int) -> None:
    refusals = [refusal("OPENID_MISMATCH", status=status) for _ in range(6)]
    pay = gateway(Platform(*refusals, answer(order())))

    for _ in refusals:
        with pytest.raises(ChannelRefused, match=r"^OPENID_MISMATCH$"):
            await pay.query(ORDER)

    assert isinstance(await pay.query(ORDER), Paid)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_unsigned_error_is_uncertain_whatever_its_code(status: int) -> None:
    nobody = unsigned({"code": "OPENID_MISMATCH"}, status=status)

    with pytest.raises(ChannelUncertain, match=f"^status {status}$"):
        await gateway(Platform(nobody)).query(ORDER)


@pytest.mark.parametrize(
    "code",
    ["SYSTEM_ERROR", "SERVICE_UNAVAILABLE", "BANK_ERROR", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED"],
)
async def test_a_code_that_says_try_again_is_uncertain_whatever_its_status(code: str) -> None:
    with pytest.raises(ChannelUncertain, match=r"^status 403$"):
        await gateway(Platform(refusal(code, status=403))).query(ORDER)


@pytest.mark.parametrize("status", [201, 202, 206, 301, 302, 307, 399])
async def test_a_signed_answer_of_another_kind_is_uncertain(status: int) -> None:
    platform = Platform(answer({**order(), "code": "ORDERPAID"}, status=status))

    with pytest.raises(ChannelUncertain, match=f"^status {status}$"):
        await gateway(platform).query(ORDER)
    assert len(platform.requests) == 1


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "ORDERPAID", "ORDER_NOT_EXIST", "", 5])
async def test_an_error_that_comes_as_a_success_ends_nothing(code: object) -> None:
    platform = Platform(*[answer({**order(), "code": code})] * 2)
    pay = gateway(platform)

    with pytest.raises(ChannelUncertain, match=r"^status 200$"):
        await pay.close(ORDER)
    with pytest.raises(ChannelUncertain, match=r"^status 200$"):
        await pay.query(ORDER)
    assert len(platform.requests) == 2


@pytest.mark.parametrize("content", [{}, [], "text", {"message": "without a code"}, {"code": 5}])
async def test_a_signed_no_without_a_code_is_uncertain(content: Any) -> None:
    with pytest.raises(ChannelUncertain, match=r"^status 404$"):
        await gateway(Platform(answer(content, status=404))).query(ORDER)


async def test_a_signed_no_without_a_text_is_definite() -> None:
    assert await gateway(Platform(answer({"code": "ORDER_NOT_EXIST"}, status=404))).query(ORDER) is (
        TradeState.UNKNOWN
    )


@pytest.mark.parametrize(
    ("code", "is_retryable"),
    [
        ("NOT_ENOUGH", True),
        ("RULE_LIMIT", True),
        ("USERPAYING", True),
        ("PARAM_ERROR", False),
        ("NO_AUTH", False),
        ("USER_ACCOUNT_ABNORMAL", False),
        ("TRADE_ERROR", False),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 499])
@every_call
async def test_a_signed_no_is_definite_and_tells_whether_time_may_heal_it(
    call: Callable[[WeChatPay], Awaitable[Any]], status: int, code: str, is_retryable: bool
) -> None:
    with pytest.raises(ChannelRefused) as refused:
        await call(gateway(Platform(refusal(code, status=status))))

    assert refused.type is ChannelRefused
    assert refused.value.code == code
    assert refused.value.is_retryable is is_retryable


CUT = [
    httpx.RemoteProtocolError("cut"),
    httpx.ReadError("cut"),
    httpx.ConnectError("refused"),
    httpx.WriteError("cut"),
]


@pytest.mark.parametrize("cut", CUT)
async def test_a_question_is_asked_once_more_when_the_connection_was_cut(cut: Exception) -> None:
    platform = Platform(cut, answer(order()))

    assert isinstance(await gateway(platform).query(ORDER), Paid)
    assert len(platform.requests) == 2
    assert platform.nonces[0] != platform.nonces[1]


@pytest.mark.parametrize("cut", CUT)
async def test_a_question_is_asked_twice_and_no_more(cut: Exception) -> None:
    platform = Platform(cut, cut, answer(order()))

    with pytest.raises(ChannelUncertain, match=f"^{type(cut).__name__}$") as uncertain:
        await gateway(platform).query(ORDER)

    assert uncertain.value.__cause__ is None
    assert len(platform.requests) == 2


@pytest.mark.parametrize("cut", [*CUT, httpx.ReadTimeout("slow"), httpx.DecodingError("gzip")])
@pytest.mark.parametrize("name", ["prepay", "close", "refund", "resolve"])
async def test_an_order_is_never_sent_twice(cut: Exception, name: str) -> None:
    platform = Platform(cut, answer(order()))

    with pytest.raises(ChannelUncertain, match=f"^{type(cut).__name__}$"):
        await CALLS[name](gateway(platform))

    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    "slow", [httpx.ReadTimeout("slow"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
)
async def test_a_slow_answer_is_not_asked_for_again(slow: Exception) -> None:
    platform = Platform(slow, answer(order()))

    with pytest.raises(ChannelUncertain, match=f"^{type(slow).__name__}$"):
        await gateway(platform).query(ORDER)

    assert len(platform.requests) == 1


async def test_a_call_waits_three_seconds_for_the_connection_and_eight_in_all() -> None:
    platform = Platform(answer(order()))

    await gateway(platform).query(ORDER)

    assert platform.requests[0].extensions["timeout"] == {
        "connect": 3.0,
        "read": 8.0,
        "write": 8.0,
        "pool": 8.0,
    }


async def test_a_call_that_never_ends_is_ended_and_uncertain() -> None:
    """The clock of the loop is read, not waited for."""
    deadlines: list[float] = []
    loop: Any = asyncio.get_running_loop()
    others = set(loop._scheduled)

    def hang(request: httpx.Request) -> httpx.Response:
        deadlines.append(max(timer.when() for timer in set(loop._scheduled) - others) - loop.time())
        raise TimeoutError

    with pytest.raises(ChannelUncertain, match=r"^TimeoutError$"):
        await gateway(Platform(hang)).refund(REFUND)
    with pytest.raises(ChannelUncertain, match=r"^TimeoutError$"):
        await channel(Platform(hang)).download(httpx.URL("https://api.mch.weixin.qq.com/v3/file"))

    assert deadlines == [pytest.approx(8, abs=0.5), pytest.approx(60, abs=0.5)]


async def test_every_request_says_what_it_is_and_who_should_sign_the_answer() -> None:
    platform = Platform(answer(order()), answer(status=204))
    pay = gateway(platform)

    await pay.query(ORDER)
    await pay.close(ORDER)

    for request in platform.requests:
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["User-Agent"] == "guahao"
        assert request.headers["Wechatpay-Serial"] == PUBLIC_KEY_ID
    assert [len(nonce) for nonce in platform.nonces] == [32, 32]
    assert platform.nonces[0] != platform.nonces[1]


async def test_the_path_of_the_endpoint_is_signed_too() -> None:
    platform = Platform(answer(order()))

    await channel(platform, endpoint="http://127.0.0.1:9/pay/").get("/v3/x?mchid=1&a=%2F")

    assert platform.asked == [("GET", "http://127.0.0.1:9/pay/v3/x?mchid=1&a=%2F")]


async def test_row_29_a_provider_that_fails_again_and_again_is_left_alone() -> None:
    platform = Platform(*(refusal("SYSTEM_ERROR", status=500) for _ in range(3)), answer(order()))
    pay = gateway(platform, circuit=Circuit(failures=3, clock=lambda: 0.0))

    for _ in range(3):
        with pytest.raises(ChannelUncertain, match=r"^status 500$"):
            await pay.query(ORDER)
    for call in CALLS.values():
        with pytest.raises(ChannelDown):
            await call(pay)

    assert len(platform.requests) == 3


async def test_row_29_a_definite_no_does_not_open_the_circuit() -> None:
    platform = Platform(*(refusal("ORDERPAID") for _ in range(9)))
    pay = gateway(platform, circuit=Circuit(failures=3, clock=lambda: 0.0))

    assert {await pay.close(ORDER) for _ in range(9)} == {Closing.ALREADY_PAID}


async def test_row_29_unsigned_answers_and_failed_downloads_open_the_circuit() -> None:
    circuit = Circuit(failures=2, clock=lambda: 0.0)
    platform = Platform(unsigned(order()), httpx.ReadTimeout("slow"))
    asking = channel(platform, circuit=circuit)

    with pytest.raises(ChannelUncertain):
        await asking.get("/v3/x")
    assert not circuit.is_open
    with pytest.raises(ChannelUncertain):
        await asking.download(httpx.URL("https://api.mch.weixin.qq.com/v3/file"))

    assert circuit.is_open


async def test_two_gateways_do_not_share_a_circuit() -> None:
    failing = Platform(*(refusal("SYSTEM_ERROR", status=500) for _ in range(5)))
    down = gateway(failing)
    for _ in range(5):
        with pytest.raises(ChannelUncertain):
            await down.query(ORDER)

    with pytest.raises(ChannelDown):
        await down.query(ORDER)
    assert isinstance(await gateway(Platform(answer(order()))).query(ORDER), Paid)
