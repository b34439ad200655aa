from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from guahao.kernel.db import Sessions
from guahao.sandbox.alipay.protocol import Refused
from guahao.sandbox.models import FaultKind
from tests.sandbox.alipay_world import NUMBER, World

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sandbox"


@pytest.fixture
def world(sessions: Sessions, folder: Path) -> World:
    return World(sessions, folder)


async def status(world: World) -> str:
    found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER})
    return str(found.get("trade_status") or found["sub_code"])


async def refund(world: World, number: str, amount: str) -> dict[str, str]:
    asked = {"out_trade_no": NUMBER, "out_request_no": number, "refund_amount": amount}
    found: dict[str, str] = await world.ask("alipay.trade.refund", asked)
    return found


async def paid(world: World) -> None:
    await world.open()
    assert await world.pay()


async def test_a_trade_exists_once_its_page_is_opened(world: World) -> None:
    before = await status(world)
    await world.open()
    opened = await status(world)
    await world.pay()

    assert (before, opened, await status(world)) == ("ACQ.TRADE_NOT_EXIST", "WAIT_BUYER_PAY", "TRADE_SUCCESS")


async def test_a_paid_trade_tells_its_money_and_moment(world: World) -> None:
    await paid(world)

    found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER})

    assert found["node"] == "alipay_trade_query_response"
    assert (found["code"], found["msg"]) == ("10000", "Success")
    assert (found["total_amount"], found["send_pay_date"]) == ("50.00", "2026-03-01 10:00:00")
    assert len(found["trade_no"]) == 28


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"app_id": "2021000000000001"}, "isv.invalid-app-id"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"timestamp": "2026-03-01 10:10:01"}, "isv.invalid-timestamp"),
        ({"timestamp": "2026-03-01 09:49:59"}, "isv.invalid-timestamp"),
        ({"timestamp": "1772330400"}, "isv.invalid-timestamp"),
        ({"timestamp": ""}, "isv.missing-timestamp"),
        ({"biz_content": "[]"}, "isv.invalid-parameter"),
        ({"biz_content": "[" * 100_000}, "isv.invalid-parameter"),
        ({"biz_content": '{"out_trade_no": "a\\u0000"}'}, "isv.invalid-parameter"),
        ({"biz_content": '{"out_trade_no": "a\\ud800"}'}, "isv.invalid-parameter"),
        ({"version": "2.0"}, "isv.invalid-parameter"),
        ({"charset": "latin-1"}, "isv.invalid-parameter"),
        ({"biz_content": ""}, "isv.invalid-parameter"),
    ],
)
async def test_who_asks_wrongly_is_told_why(world: World, change: dict[str, str], sub_code: str) -> None:
    found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER}, **change)

    assert found["sub_code"] == sub_code


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "12-34"},
        {"out_trade_no": "挂号1"},
        {"out_trade_no": "a" * 65},
        {"subject": "挂号/内科"},
        {"subject": "a=b"},
        {"subject": "a&b"},
        {"subject": "字" * 257},
        {"amount": "21474836.48"},
        {"amount": "99999999999.00"},
        {"amount": "0.001"},
        {"amount": "-1.00"},
        {"amount": "1,000.00"},
    ],
)
async def test_an_order_that_alipay_would_refuse_is_refused(world: World, change: dict[str, str]) -> None:
    found = await world.ask("alipay.trade.precreate", world.order(**change))

    assert found["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("change", [{"biz_content": "{}"}, {"notify_url": "https://evil"}, {"sign": "x"}])
async def test_row_24_a_request_that_was_changed_is_refused(world: World, change: dict[str, str]) -> None:
    fields = world.fields("alipay.trade.query", {"out_trade_no": NUMBER}) | change

    assert (await world.post(fields))["sub_code"] == "isv.invalid-signature"


async def test_an_unknown_method_is_answered_as_an_error(world: World) -> None:
    found = await world.ask("alipay.trade.guess", {})

    assert (found["node"], found["sub_code"]) == ("error_response", "isv.invalid-method")


async def test_row_25_the_exact_characters_of_a_node_are_signed(world: World) -> None:
    answer = await world.http.post(world.endpoint, data=world.fields("alipay.trade.query", {"a": "}"}))

    node = answer.text.removeprefix('{"alipay_trade_query_response":').rpartition(',"sign":"')
    with pytest.raises(InvalidSignature):
        world.verify(node[0].replace("40004", "10000"), node[2][:-2])
    world.verify(node[0], node[2][:-2])


async def test_a_code_can_be_asked_for_before_anybody_scans_it(world: World) -> None:
    found = await world.ask("alipay.trade.precreate", world.order())
    again = await world.ask("alipay.trade.precreate", world.order())

    assert found["qr_code"] == f"https://guahao.test/sandbox/alipay/{NUMBER}"
    assert again == found
    assert await status(world) == "ACQ.TRADE_NOT_EXIST"
    assert await world.pay()
    assert await status(world) == "TRADE_SUCCESS"


@pytest.mark.parametrize("change", [{"total_amount": "50.01"}, {"subject": "别的"}])
async def test_row_19_the_same_number_with_other_terms_is_refused(
    world: World, change: dict[str, str]
) -> None:
    await world.ask("alipay.trade.precreate", world.order())

    found = await world.ask("alipay.trade.precreate", world.order() | change)

    assert found["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


@pytest.mark.parametrize("amount", ["0.00", "-1", "1.234", "", "1e3", "一"])
async def test_an_amount_is_yuan_and_fen(world: World, amount: str) -> None:
    found = await world.ask("alipay.trade.precreate", world.order(total_amount=amount))

    assert found["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_a_page_needs_its_product_code(world: World) -> None:
    with pytest.raises(Refused, match=r"ACQ\.INVALID_PARAMETER"):
        await world.open(product_code="FAST_INSTANT_TRADE_PAY")


async def test_what_sdks_ship_is_taken_too(world: World) -> None:
    await world.open(product_code="QUICK_WAP_PAY")

    assert await status(world) == "WAIT_BUYER_PAY"


@pytest.mark.parametrize("amount", [88, 88.0, 88.88])
async def test_an_amount_may_be_a_number(world: World, amount: float) -> None:
    made = await world.ask("alipay.trade.precreate", world.order(total_amount=amount))

    assert made["code"] == "10000"


async def test_a_trade_is_named_by_alipays_own_number_too(world: World) -> None:
    await world.open()
    trade_no = (await world.ask("alipay.trade.query", {"out_trade_no": NUMBER}))["trade_no"]

    asked = await world.ask("alipay.trade.query", {"trade_no": trade_no})
    unknown = await world.ask("alipay.trade.query", {"trade_no": "2026"})
    closed = await world.ask("alipay.trade.close", {"trade_no": trade_no})

    assert (asked["out_trade_no"], closed["code"]) == (NUMBER, "10000")
    assert unknown["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_cancelling_closes_what_is_open(world: World) -> None:
    await world.open()

    said = await world.ask("alipay.trade.cancel", {"out_trade_no": NUMBER})

    assert (said["code"], said["action"], said["retry_flag"]) == ("10000", "close", "N")
    assert await status(world) == "TRADE_CLOSED"


async def test_an_unpaid_trade_is_closed_once(world: World) -> None:
    await world.open()

    first = await world.ask("alipay.trade.close", {"out_trade_no": NUMBER})
    again = await world.ask("alipay.trade.close", {"out_trade_no": NUMBER})

    assert (first["code"], again["sub_code"]) == ("10000", "ACQ.TRADE_STATUS_ERROR")
    assert await status(world) == "TRADE_CLOSED"
    assert not await world.pay()


async def test_what_nobody_has_opened_cannot_be_closed(world: World) -> None:
    await world.ask("alipay.trade.precreate", world.order())

    found = await world.ask("alipay.trade.close", {"out_trade_no": NUMBER})

    assert found["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert await world.pay()


async def test_row_20_a_payer_may_be_quicker_than_a_close(world: World) -> None:
    await world.open()
    await world.fault(FaultKind.CLOSE_RACE)

    found = await world.ask("alipay.trade.close", {"out_trade_no": NUMBER})

    assert found["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert await status(world) == "TRADE_SUCCESS"
    assert [form["trade_status"] for form in await world.deliver()] == ["TRADE_SUCCESS"]


@pytest.mark.parametrize(
    ("change", "minutes"),
    [({}, 15), ({"time_expire": "", "timeout_express": "5m"}, 5), ({"timeout_express": "2h"}, 15)],
)
async def test_after_its_time_a_trade_is_closed(world: World, change: dict[str, str], minutes: int) -> None:
    order = {key: value for key, value in world.order(**change).items() if value}
    await world.ask("alipay.trade.precreate", order)
    await world.open()
    world.later(minutes=minutes, seconds=-1)
    before = await status(world)
    world.later(seconds=1)

    assert (before, await status(world)) == ("WAIT_BUYER_PAY", "TRADE_CLOSED")
    assert not await world.pay()


async def test_a_page_cannot_be_opened_after_its_time(world: World) -> None:
    fields = world.fields("alipay.trade.precreate", world.order())
    world.later(minutes=9)
    order = world.order() | {"time_expire": "2026-03-01 10:09:00"}

    found = await world.ask("alipay.trade.precreate", order)

    assert found["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    assert (await world.post(fields))["code"] == "10000"


async def test_refunds_add_up_and_a_number_refunds_once(world: World) -> None:
    await paid(world)

    first = await refund(world, f"{NUMBER}R1", "20.00")
    again = await refund(world, f"{NUMBER}R1", "20.00")
    second = await refund(world, f"{NUMBER}R2", "30.00")

    assert [(one["fund_change"], one["refund_fee"]) for one in (first, again, second)] == [
        ("Y", "20.00"),
        ("N", "20.00"),
        ("Y", "50.00"),
    ]
    assert await status(world) == "TRADE_CLOSED"


async def test_a_trade_given_back_whole_keeps_its_time_of_payment(world: World) -> None:
    await paid(world)
    await refund(world, f"{NUMBER}R1", "50.00")

    found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER})

    assert (found["trade_status"], found["send_pay_date"]) == ("TRADE_CLOSED", "2026-03-01 10:00:00")
    assert (found["total_amount"], found["receipt_amount"]) == ("50.00", "0.00")


@pytest.mark.parametrize(
    ("number", "amount", "sub_code"),
    [
        (f"{NUMBER}R1", "20.01", "ACQ.DISCORDANT_REPEAT_REQUEST"),
        (f"{NUMBER}R2", "30.01", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        (f"{NUMBER}R2", "0.00", "ACQ.INVALID_PARAMETER"),
        ("", "1.00", "ACQ.INVALID_PARAMETER"),
    ],
)
async def test_row_18_refunds_that_do_not_fit_are_refused(
    world: World, number: str, amount: str, sub_code: str
) -> None:
    await paid(world)
    await refund(world, f"{NUMBER}R1", "20.00")

    assert (await refund(world, number, amount))["sub_code"] == sub_code
    left = await refund(world, f"{NUMBER}R3", "30.00")
    assert left["refund_fee"] == "50.00"


async def test_what_is_not_paid_is_not_refunded(world: World) -> None:
    unknown = await refund(world, f"{NUMBER}R1", "1.00")
    await world.open()

    assert unknown["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (await refund(world, f"{NUMBER}R1", "1.00"))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_a_refund_is_found_by_its_number_or_not_at_all(world: World) -> None:
    await paid(world)
    await refund(world, f"{NUMBER}R1", "20.00")
    asked = {"out_trade_no": NUMBER, "query_options": ["gmt_refund_pay"]}

    method = "alipay.trade.fastpay.refund.query"
    found = await world.ask(method, asked | {"out_request_no": f"{NUMBER}R1"})
    nothing = await world.ask(method, asked | {"out_request_no": f"{NUMBER}R2"})

    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "20.00")
    assert found["gmt_refund_pay"] == "2026-03-01 10:00:00"
    assert nothing == {
        "node": "alipay_trade_fastpay_refund_query_response",
        "code": "10000",
        "msg": "Success",
    }


async def test_row_17_after_a_system_error_the_refund_was_made_once(world: World) -> None:
    await paid(world)
    await world.fault(FaultKind.ERROR_AFTER_COMMIT)

    lost = await refund(world, f"{NUMBER}R1", "20.00")
    again = await refund(world, f"{NUMBER}R1", "20.00")

    assert (lost["code"], lost["sub_code"]) == ("20000", "aop.ACQ.SYSTEM_ERROR")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "20.00")


async def test_row_17_a_cut_connection_hides_a_refund_that_was_made(world: World) -> None:
    await paid(world)
    await world.fault(FaultKind.CUT_AFTER_COMMIT)

    with pytest.raises(httpx.ReadError):
        await refund(world, f"{NUMBER}R1", "20.00")

    assert (await refund(world, f"{NUMBER}R1", "20.00"))["fund_change"] == "N"


async def test_a_question_is_never_the_one_that_fails_after_commit(world: World) -> None:
    await world.open()
    await world.fault(FaultKind.ERROR_AFTER_COMMIT)

    assert await status(world) == "WAIT_BUYER_PAY"


async def test_of_refunds_at_once_with_one_number_one_moves_money(world: World) -> None:
    await paid(world)

    found = await asyncio.gather(*(refund(world, f"{NUMBER}R1", "30.00") for _ in range(5)))

    assert sorted(one["fund_change"] for one in found) == ["N", "N", "N", "N", "Y"]
    assert {one["refund_fee"] for one in found} == {"30.00"}


async def test_of_refunds_at_once_with_other_numbers_no_more_goes_back_than_came(world: World) -> None:
    await paid(world)

    found = await asyncio.gather(*(refund(world, f"{NUMBER}R{n}", "20.00") for n in range(5)))

    assert sorted(one.get("refund_fee", "") for one in found) == ["", "", "", "20.00", "40.00"]


async def test_a_form_of_too_many_fields_has_none(world: World) -> None:
    answer = await world.http.post(world.endpoint, data={f"f{n}": "1" for n in range(101)})

    assert "isv.missing-app-id" in answer.text


async def test_an_answer_may_take_six_seconds(world: World) -> None:
    await world.fault(FaultKind.SLOW_ANSWER)

    await status(world)
    await status(world)

    assert world.slept == [6.0]


async def test_fields_may_come_in_the_address(world: World) -> None:
    fields = world.fields("alipay.trade.query", {"out_trade_no": NUMBER})

    answer = await world.http.get(world.endpoint, params=fields)

    assert json.loads(answer.text)["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_cancelling_gives_back_what_is_left_of_a_paid_trade_once(world: World) -> None:
    await world.open()
    await world.pay()
    part = {"out_trade_no": NUMBER, "refund_amount": "20.00", "out_request_no": "R1"}
    await world.ask("alipay.trade.refund", part)

    said, again = [await world.ask("alipay.trade.cancel", {"out_trade_no": NUMBER}) for _ in range(2)]

    assert (said["code"], said["action"], said["retry_flag"]) == ("10000", "refund", "N")
    assert (again["code"], "action" in again) == ("10000", False)
    assert await status(world) == "TRADE_CLOSED"
    told = [(form["trade_status"], form.get("refund_fee")) for form in await world.deliver()]
    assert told == [("TRADE_SUCCESS", None), ("TRADE_SUCCESS", "20.00"), ("TRADE_CLOSED", "50.00")]
