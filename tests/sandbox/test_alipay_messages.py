from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidSignature

from guahao.adapters.alipay import Alipay, AlipayKeys
from guahao.kernel.db import Sessions, transaction
from guahao.payment.ports import (
    BillDamaged,
    BillKind,
    BillNotReady,
    Channel,
    ChannelUncertain,
    Closing,
    NotificationRefused,
    Paid,
    Prepayment,
    Refunded,
    RefundOrder,
    RefundOutcome,
    TradeState,
)
from guahao.sandbox.alipay import gateway, notify
from guahao.sandbox.models import DeliveryState, FaultKind
from guahao.sandbox.trade import locked
from tests.sandbox.alipay_world import ALIPAY, APP_ID, NOTIFY_URL, NOW, NUMBER, SELLER_ID, World

pytestmark = pytest.mark.anyio
DAY = NOW.date()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sandbox"


@pytest.fixture
def world(sessions: Sessions, folder: Path) -> World:
    return World(sessions, folder)


@pytest.fixture
def alipay(world: World) -> Alipay:
    return Alipay(
        world.http,
        endpoint=world.endpoint,
        app_id=APP_ID,
        seller_id=SELLER_ID,
        keys=AlipayKeys.load(world.folder),
        notify_url=NOTIFY_URL,
        clock=lambda: world.now,
    )


def prepayment(channel: Channel, number: str = NUMBER, amount: int = 5000) -> Prepayment:
    return Prepayment(
        channel=channel,
        out_trade_no=number,
        amount_fen=amount,
        title="内科={门诊}",
        expires_at=NOW + timedelta(minutes=15),
        payer=None,
        return_url="https://guahao.test/p/x",
    )


async def paid(world: World, number: str = NUMBER, amount: str = "50.00") -> None:
    await world.open(out_trade_no=number, total_amount=amount)
    assert await world.pay(number)


async def given_back(world: World, amount: str, number: str = "R1") -> None:
    asked = {"out_trade_no": NUMBER, "out_request_no": NUMBER + number, "refund_amount": amount}
    assert (await world.ask("alipay.trade.refund", asked))["fund_change"] == "Y"


async def test_the_news_of_a_payment_is_signed_and_names_the_seller(world: World) -> None:
    await paid(world)

    (form,) = await world.deliver()

    world.verify_form(form)
    assert (form["app_id"], form["seller_id"], form["notify_type"]) == (
        APP_ID,
        SELLER_ID,
        "trade_status_sync",
    )
    assert (form["out_trade_no"], form["trade_status"], form["total_amount"]) == (
        NUMBER,
        "TRADE_SUCCESS",
        "50.00",
    )
    assert form["gmt_payment"] == form["notify_time"] == "2026-03-01 10:00:00"
    assert (await world.deliveries())[0].state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("said", "status"), [("fail", 200), ("", 204), ("success", 500), ("successful", 200)]
)
async def test_nothing_but_success_is_an_acknowledgement(world: World, said: str, status: int) -> None:
    await paid(world)

    await world.deliver(said, status)

    assert (await world.deliveries())[0].state is DeliveryState.DUE


async def test_eight_attempts_in_scaled_time_have_one_notify_id(world: World) -> None:
    await paid(world)
    waits: list[float] = []
    forms = await world.deliver("fail")
    for minutes in (4, 10, 10, 60, 120, 360, 900):
        world.later(minutes=minutes / 60, seconds=-1)
        assert await world.deliver("fail") == []
        world.later(seconds=1)
        forms += await world.deliver("fail")
        waits.append(minutes)
    world.later(days=30)

    assert await world.deliver("fail") == []
    assert len(forms) == 8
    assert len({form["notify_id"] for form in forms}) == 1
    assert len({form["notify_time"] for form in forms}) == 8
    assert (await world.deliveries())[0].state is DeliveryState.GIVEN_UP


async def test_a_refund_is_told_with_all_that_went_back(world: World) -> None:
    await paid(world)
    await world.deliver()
    await given_back(world, "20.00")
    await given_back(world, "30.00", "R2")

    first, second = await world.deliver()

    assert (first["trade_status"], first["refund_fee"], first["out_biz_no"]) == (
        "TRADE_SUCCESS",
        "20.00",
        f"{NUMBER}R1",
    )
    assert (second["trade_status"], second["refund_fee"]) == ("TRADE_CLOSED", "50.00")


async def test_the_faults_of_notifications(world: World) -> None:
    await world.fault(FaultKind.NOTIFY_NEVER)
    await paid(world)
    never = await world.deliver()
    await world.fault(FaultKind.NOTIFY_LATE)
    await paid(world, "late")
    early = await world.deliver()
    world.later(seconds=10)
    late = await world.deliver()
    await world.fault(FaultKind.NOTIFY_TWICE)
    await paid(world, "twice")
    twice = await world.deliver()

    assert never == early == []
    assert [form["out_trade_no"] for form in late] == ["late"]
    assert [form["out_trade_no"] for form in twice] == ["twice", "twice"]
    assert len({form["notify_id"] for form in twice}) == 1


async def test_row_1_a_tampered_notification_comes_again_in_order(world: World, alipay: Alipay) -> None:
    await world.fault(FaultKind.NOTIFY_TAMPERED)
    await paid(world)

    (bad,) = await world.deliver()
    world.later(seconds=4)
    (good,) = await world.deliver()

    with pytest.raises(InvalidSignature):
        world.verify_form(bad)
    with pytest.raises(NotificationRefused):
        alipay.read_notification({}, httpx.Request("POST", NOTIFY_URL, data=bad).content, now=NOW)
    fact = alipay.read_notification({}, httpx.Request("POST", NOTIFY_URL, data=good).content, now=NOW)
    assert isinstance(fact, Paid)
    assert (fact.out_trade_no, fact.amount_fen, fact.paid_at) == (NUMBER, 5000, NOW)
    assert fact.message_id == bad["notify_id"]


async def test_our_client_pays_asks_closes_and_refunds(world: World, alipay: Alipay) -> None:
    page = await alipay.prepay(prepayment(Channel.ALIPAY_WAP))
    before = await alipay.query(NUMBER)
    await gateway.open_page(world.shop, dict(httpx.URL(page.params["url"]).params))
    opened = await alipay.query(NUMBER)
    await world.pay()
    found = await alipay.query(NUMBER)
    order = RefundOrder(
        out_trade_no=NUMBER, out_refund_no=f"{NUMBER}R1", amount_fen=5000, total_fen=5000, reason="退号"
    )

    assert (before, opened) == (TradeState.UNKNOWN, TradeState.UNPAID)
    assert isinstance(found, Paid)
    assert (found.amount_fen, found.paid_at) == (5000, NOW)
    assert await alipay.close(NUMBER) is Closing.ALREADY_PAID
    first, again = await alipay.refund(order), await alipay.refund(order)
    assert (first.outcome, first.amount_fen, again.outcome) == (
        RefundOutcome.SUCCESS,
        5000,
        RefundOutcome.SUCCESS,
    )
    asked = await alipay.query_refund(out_trade_no=NUMBER, out_refund_no=f"{NUMBER}R1")
    assert isinstance(asked, Refunded)
    assert isinstance(await alipay.query(NUMBER), Paid)


async def test_our_client_closes_what_nobody_paid(world: World, alipay: Alipay) -> None:
    code = await alipay.prepay(prepayment(Channel.ALIPAY_QR))
    assert code.params == {"qr_code": f"https://guahao.test/sandbox/alipay/{NUMBER}"}
    assert await alipay.close(NUMBER) is Closing.CLOSED

    await world.open(subject="内科 {门诊}")
    assert [await alipay.close(NUMBER), await alipay.close(NUMBER)] == [Closing.CLOSED] * 2
    assert await alipay.query(NUMBER) is TradeState.CLOSED


@pytest.mark.parametrize("kind", [FaultKind.ERROR_AFTER_COMMIT, FaultKind.CUT_AFTER_COMMIT])
async def test_row_17_our_client_asks_again_with_the_same_number(
    world: World, alipay: Alipay, kind: FaultKind
) -> None:
    await paid(world)
    await world.fault(kind)
    order = RefundOrder(
        out_trade_no=NUMBER, out_refund_no=f"{NUMBER}R1", amount_fen=2000, total_fen=5000, reason="退号"
    )

    with pytest.raises(ChannelUncertain):
        await alipay.refund(order)

    assert (await alipay.refund(order)).outcome is RefundOutcome.SUCCESS
    found = await world.ask("alipay.trade.query", {"out_trade_no": NUMBER})
    assert found["trade_status"] == "TRADE_SUCCESS"


async def bill_of(world: World) -> bytes:
    asked = {"bill_type": "trade", "bill_date": DAY.isoformat()}
    found = await world.ask("alipay.data.dataservice.bill.downloadurl.query", asked)
    return (await world.http.get(found["bill_download_url"])).content


async def test_a_bill_is_two_gbk_tables_of_one_day(world: World) -> None:
    await paid(world)
    await given_back(world, "20.00")
    world.later(days=1)
    await paid(world, "tomorrow")

    packed = zipfile.ZipFile(io.BytesIO(await bill_of(world)))

    detail, summary = (packed.read(name).decode("gbk") for name in sorted(packed.namelist(), key=len))
    rows = [row for row in csv.reader(detail.splitlines()) if not row[0].startswith("#")]
    assert [row[:4] for row in rows[1:]] == [
        [rows[1][0], f"{NUMBER}\t", "交易\t", "门诊挂号"],
        [rows[1][0], f"{NUMBER}\t", "退款\t", "门诊挂号"],
    ]
    assert [row[11] for row in rows[1:]] == ["50.00", "-20.00"]
    assert "#交易合计：1笔，商家实收共50.00元，商家优惠共0.00元" in detail
    assert "#退款合计：1笔，商家实收退款共-20.00元，商家优惠退款共0.00元" in detail
    assert "#起始日期：[2026年03月01日 00:00:00]   终止日期：[2026年03月02日 00:00:00]" in summary


async def test_the_address_of_a_bill_lives_thirty_seconds(world: World) -> None:
    await paid(world)
    asked = {"bill_type": "trade", "bill_date": DAY.isoformat()}
    found = await world.ask("alipay.data.dataservice.bill.downloadurl.query", asked)
    address = found["bill_download_url"]
    world.later(seconds=29)
    before = await world.http.get(address)
    world.later(seconds=1)
    after = await world.http.get(address)

    assert (before.status_code, after.status_code) == (200, 404)
    assert (await world.http.get(f"{address}x")).status_code == 404


async def test_our_client_reads_the_bill(world: World, alipay: Alipay) -> None:
    await paid(world)
    await paid(world, "second", "12.34")
    await given_back(world, "20.00")

    bill = await alipay.bill(DAY)

    assert (bill.row_count, bill.paid_fen, bill.refunded_fen) == (3, 6234, 2000)
    assert Counter((row.kind, row.out_trade_no, row.amount_fen, row.out_refund_no) for row in bill.rows) == {
        (BillKind.PAYMENT, NUMBER, 5000, ""): 1,
        (BillKind.PAYMENT, "second", 1234, ""): 1,
        (BillKind.REFUND, NUMBER, 2000, f"{NUMBER}R1"): 1,
    }


async def test_there_is_no_bill_of_a_day_without_trades_or_to_come(world: World, alipay: Alipay) -> None:
    await paid(world)
    for day in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        with pytest.raises(BillNotReady):
            await alipay.bill(day)
    await world.fault(FaultKind.BILL_NOT_READY)
    with pytest.raises(BillNotReady):
        await alipay.bill(DAY)

    assert (await alipay.bill(DAY)).paid_fen == 5000


async def test_row_27_a_damaged_bill_is_not_used(world: World, alipay: Alipay) -> None:
    await paid(world)
    await world.fault(FaultKind.BILL_HASH_WRONG)

    with pytest.raises(BillDamaged):
        await alipay.bill(DAY)

    assert (await alipay.bill(DAY)).paid_fen == 5000


async def test_row_28_planted_differences_are_in_the_rows_and_the_totals(
    world: World, alipay: Alipay
) -> None:
    for number in ("first", NUMBER, "last"):
        await paid(world, number)
        world.later(seconds=1)
    await given_back(world, "20.00")
    for kind in (
        FaultKind.BILL_EXTRA_ROW,
        FaultKind.BILL_MISSING_ROW,
        FaultKind.BILL_AMOUNT_DIFFERS,
        FaultKind.BILL_REFUND_DIFFERS,
    ):
        await world.fault(kind)

    bill = await alipay.bill(DAY)

    found = {(row.out_trade_no, row.amount_fen) for row in bill.rows}
    assert found >= {(NUMBER, 5000), ("last", 5001), (NUMBER, 2001)}
    assert "first" not in {number for number, _ in found}
    assert [amount for number, amount in found if number not in {NUMBER, "last"}] == [1234]


async def test_our_client_reads_the_news_of_what_nobody_paid_as_no_news(world: World, alipay: Alipay) -> None:
    await world.ask("alipay.trade.precreate", world.order())
    async with transaction(world.sessions) as db:
        found = await locked(db, provider=ALIPAY, out_trade_no=NUMBER)
        assert found is not None
        found.asked = {**found.asked, "opened": True}
        await notify.tell_unpaid(db, world.shop, found)
    (waiting,) = await world.deliver()
    world.later(minutes=15)
    assert await alipay.query(NUMBER) is TradeState.CLOSED
    late = await world.deliver()

    told = [waiting, *late]
    assert [form["trade_status"] for form in told] == ["WAIT_BUYER_PAY", "TRADE_CLOSED"]
    for form in told:
        world.verify_form(form)
        content = httpx.Request("POST", NOTIFY_URL, data=form).content
        assert alipay.read_notification({}, content, now=world.now) is None
