"""What a person does with money, in a real browser against a real demo; pictures lie in pytest's folder."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import openpyxl
import pytest

from guahao.kernel.clock import local_date
from guahao.kernel.i18n import text
from tests.database import execute
from tests.e2e.conftest import running_demo
from tests.e2e.payer import Payer, until
from tests.e2e.screen import DESK, PHONE, WECHAT, Screen
from tests.e2e.world import World

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def demo(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of its own: these journeys break providers and count all the money there is."""
    asyncio.run(execute(database, "CALL test.clean()"))
    with running_demo(database, tmp_path_factory.mktemp("demo")) as base:
        yield base


@pytest.fixture(scope="module")
def demo_database(database: str) -> str:
    return database


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(world.browser, tmp_path, PHONE)
    yield screen
    screen.context.close()
    httpx.delete(f"{world.base}/sandbox/faults")


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(world.browser, tmp_path, DESK)
    yield screen
    screen.context.close()


def test_who_mistypes_the_password_still_pays_by_wechat_and_gets_all_back_after_cancelling(
    world: World, phone: Screen
) -> None:
    payer = world.payer()

    phone.goto(payer.cashier())
    phone.look("wechat-cashier")
    phone.press("密码错误")
    phone.shows("支付密码错误，没有扣款")
    phone.look("wrong-password")
    assert payer.state() == "held"
    phone.press("取消支付")
    phone.look("turned-back")
    assert payer.state() == "held"
    phone.press("确认支付")
    phone.shows("已支付")
    payer.must_become("booked")
    phone.page.reload()
    phone.shows("对方已确认")
    phone.look("paid")

    payer.cancel()
    back = payer.must_get_money_back()
    assert back["requested_at"] <= back["submitted_at"] <= back["arrived_at"]
    phone.page.reload()
    phone.shows("已支付，退款")
    phone.look("refunded")
    world.books.must_agree()


def test_inside_wechat_the_link_says_how_to_open_it_elsewhere(world: World, tmp_path: Path) -> None:
    address = world.payer().open("alipay_wap")["url"]
    inside = Screen(world.browser, tmp_path, PHONE, WECHAT)

    inside.goto(address)

    inside.shows("微信里不能打开支付宝", address)
    assert inside.page.get_by_role("link").count() == 0
    inside.look("inside-wechat")
    inside.context.close()


def test_a_link_opens_alipay_in_a_browser_and_comes_back_to_the_truth(world: World, phone: Screen) -> None:
    payer = world.payer()
    address = payer.open("alipay_wap")["url"]
    forged = f"{address}/back?trade_status=TRADE_SUCCESS&total_amount=0.01&trade_no=1&sign=forged"

    phone.goto(f"{address}x", status=404)
    phone.shows("已经失效")
    phone.look("unknown-link")
    phone.goto(forged)
    phone.shows("正在确认支付结果")
    phone.look("forged-return")
    assert payer.state() == "held"

    phone.press("回到付款页")
    phone.look("link")
    world.sql.rows("INSERT INTO sandbox_fault VALUES ('alipay', 'notify_late', '', 1)")
    phone.press("用支付宝支付")
    phone.page.wait_for_url("**/sandbox/alipay/*")
    phone.look("alipay-cashier")
    phone.press("确认支付")
    phone.page.wait_for_url("**/p/*/back?*")
    phone.shows("正在确认支付结果")
    phone.look("checking")
    ask_now(world, payer)
    phone.shows("已支付")
    phone.look("paid")
    payer.must_become("booked")

    phone.goto(address)
    phone.shows("已支付")
    world.sql.rows("UPDATE payment SET page_expires_at = now() WHERE order_id = $1::uuid", payer.order)
    phone.goto(address, status=404)
    phone.shows("已经失效")
    phone.look("link-over")
    world.books.must_agree()


def test_a_keyboard_is_enough_to_pay_at_a_desk(world: World, desk: Screen) -> None:
    payer = world.payer()

    desk.goto(payer.open("alipay_page")["url"])
    desk.look("link")
    desk.press_by_keyboard("用支付宝支付")
    desk.page.wait_for_url("**/sandbox/alipay/*")
    desk.look("alipay-cashier")
    desk.press_by_keyboard("确认支付")
    desk.shows("已支付")
    desk.look("paid")
    payer.must_become("booked")
    desk.goto(f"{world.base}/sandbox")
    desk.shows("支付沙箱")
    desk.look("sandbox")

    other = world.payer()
    desk.goto(other.cashier())
    desk.press_by_keyboard("确认支付")
    desk.shows("已支付")
    desk.look("wechat-paid")
    other.must_become("booked")


def let_hold_end(world: World, payer: Payer) -> None:
    """Let the time of a hold and of its payment be over by now."""
    over = "expires_at = now()"
    world.sql.rows(f"UPDATE payment SET {over}, due_at = now() WHERE order_id = $1::uuid", payer.order)
    world.sql.rows(f"UPDATE payment_order SET {over} WHERE id = $1::uuid", payer.order)
    world.sql.rows(f"UPDATE appointment SET hold_{over} WHERE id = $1::uuid", payer.appointment)


def let_provider_take_late_money(world: World, payer: Payer) -> None:
    """A provider that never closed what we asked it to close, and still takes money."""
    world.sql.rows(
        """UPDATE sandbox_trade SET state = 'open', closed_at = NULL, expires_at = now() + interval '1 hour'
           FROM payment WHERE out_trade_no = replace(payment.id::text, '-', '') AND order_id = $1::uuid""",
        payer.order,
    )


def let_place_cool(world: World, slot_id: str) -> None:
    """Let the time be over in which nobody may have a place that was given up."""
    world.sql.rows("UPDATE cooling_place SET until = now() WHERE slot_id = $1::uuid", slot_id)
    on_sale = "SELECT 1 FROM slot WHERE id = $1::uuid AND free = 1"
    until("the place on sale again", lambda: world.sql.rows(on_sale, slot_id))


def test_late_money_books_the_place_again_or_goes_back_when_another_has_it(
    world: World, phone: Screen
) -> None:
    slot = next(slot for slot in world.slots if slot["free"] == 1)
    late, lucky = Payer(world.base).hold(slot), world.payer()
    addresses = [late.cashier(), lucky.cashier()]
    for payer in (late, lucky):
        let_hold_end(world, payer)
    for payer in (late, lucky):
        payer.must_become("expired")
    phone.goto(addresses[0])
    phone.look("closed")
    let_place_cool(world, slot["id"])
    other = Payer(world.base).hold(slot)

    for payer, address in zip((late, lucky), addresses, strict=True):
        let_provider_take_late_money(world, payer)
        phone.goto(address)
        phone.press("确认支付")
        phone.shows("已支付")

    lucky.must_become("booked")
    assert late.must_get_money_back()["reason"] == "late"
    assert (late.state(), other.state(), lucky.seen_order()["state"]) == ("expired", "held", "paid")
    world.books.must_agree()


AT_ONCE = ("notify_twice", "notify_tampered", "notify_probe", "certificate", "migration")
"""The payment ends right by itself."""

WHILE_OPENING = ("slow_answer", "error_after_commit", "cut_after_commit")
BY_ASKING = ("notify_late", "notify_never")
AT_REFUND = ("error_after_commit", "cut_after_commit", "refund_closed")
LASTING = {"certificate", "migration"}
NEITHER_AT_ALIPAY = {"notify_probe", "certificate", "migration", "refund_closed"}


def switch_on(world: World, screen: Screen, fault: str, provider: str = "wechat") -> None:
    screen.goto(f"{world.base}/sandbox")
    form = screen.page.locator(f"form[action='/sandbox/faults/{provider}/{fault}/on']")
    assert text(f"sandbox-fault.{fault}") in form.inner_text()
    form.get_by_role("button").click()
    screen.page.locator(f"form[action='/sandbox/faults/{provider}/{fault}/off']").wait_for()


def switch_off(world: World, screen: Screen) -> None:
    screen.goto(f"{world.base}/sandbox")
    screen.press("关闭")
    assert httpx.get(f"{world.base}/sandbox/faults").json() == []


def ask_now(world: World, payer: Payer) -> None:
    """Let the next question to the provider be due now instead of in ten seconds and more."""
    world.sql.rows("UPDATE payment SET due_at = now() WHERE order_id = $1::uuid", payer.order)


def pay(world: World, screen: Screen, payer: Payer, provider: str, *, by_code: bool = False) -> None:
    """Alipay's page is opened without asking Alipay; a code to be scanned is not."""
    if provider == "wechat":
        screen.goto(payer.cashier())
    elif by_code:
        payer.open("alipay_qr")
        screen.goto(f"{world.base}/sandbox/alipay/{UUID(payer.payment).hex}")
    else:
        screen.goto(payer.open("alipay_wap")["url"])
        screen.press("用支付宝支付")
        screen.page.wait_for_url("**/sandbox/alipay/*")
    screen.press("确认支付")


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_whatever_goes_wrong_while_paying_the_place_is_booked_and_the_books_are_equal(
    world: World, phone: Screen, provider: str
) -> None:
    for fault in (*AT_ONCE, *WHILE_OPENING, *BY_ASKING):
        if provider == "alipay" and fault in NEITHER_AT_ALIPAY:
            continue
        payer = world.payer()
        switch_on(world, phone, fault, provider)
        pay(world, phone, payer, provider, by_code=fault in WHILE_OPENING)
        if fault in BY_ASKING:
            ask_now(world, payer)
        payer.must_become("booked")
        if fault in LASTING:
            switch_off(world, phone)
        world.books.must_agree()
    assert httpx.get(f"{world.base}/sandbox/faults").json() == [], "each fault has happened"


def test_who_pays_while_the_hold_is_being_closed_has_the_place(world: World, phone: Screen) -> None:
    payer = world.payer()
    address = payer.cashier()
    switch_on(world, phone, "close_race")

    let_hold_end(world, payer)

    payer.must_become("booked")
    phone.goto(address)
    phone.shows("已支付")
    phone.look("paid-while-closing")
    world.books.must_agree()


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_whatever_goes_wrong_while_refunding_the_money_arrives_once(
    world: World, phone: Screen, provider: str
) -> None:
    for fault in AT_REFUND:
        if provider == "alipay" and fault in NEITHER_AT_ALIPAY:
            continue
        payer = world.payer()
        pay(world, phone, payer, provider)
        payer.must_become("booked")
        switch_on(world, phone, fault, provider)

        payer.cancel()
        if fault == "refund_closed":
            renew_at_once(world, payer)

        assert payer.must_get_money_back()["submitted_at"] is not None
        world.books.must_agree()


def renew_at_once(world: World, payer: Payer) -> None:
    """Let the minute between two refunds of one payment be over as soon as the first is closed."""
    closed = "SELECT 1 FROM refund WHERE order_id = $1::uuid AND state = 'closed'"
    until("a closed refund", lambda: world.sql.rows(closed, payer.order))
    world.sql.rows(
        "UPDATE payment SET refund_sent_at = now() - interval '1 minute' WHERE order_id = $1::uuid",
        payer.order,
    )


def test_a_refund_that_a_card_refuses_becomes_a_case_and_the_patient_is_told(
    world: World, phone: Screen
) -> None:
    payer = world.payer()
    pay(world, phone, payer, "wechat")
    payer.must_become("booked")
    switch_on(world, phone, "refund_abnormal")

    payer.cancel()

    until("attention", lambda: payer.seen_order()["refunds"][0]["state"] == "attention")
    finance = staff(world, "demo_finance")
    cases = finance.get("/cases", params={"hospital_id": 1, "kind": "refund_abnormal"}).json()["items"]
    assert payer.order in [case["evidence"]["order_id"] for case in cases]
    world.books.must_agree()


def staff(world: World, name: str) -> httpx.Client:
    http = httpx.Client(base_url=f"{world.base}/api/v1/staff", timeout=30)
    login = http.post("/logins", json={"username": name, "password": "guahao-demo-2026"})
    assert login.is_success, login.text
    http.headers["Authorization"] = f"Bearer {login.json()['token']}"
    return http


PLANTED = ("bill_extra_row", "bill_missing_row", "bill_amount_differs", "bill_refund_differs")


def test_a_reconciled_day_shows_one_planted_difference_of_each_kind(
    world: World, phone: Screen, tmp_path: Path
) -> None:
    first, unheard, last = world.payer(), world.payer(), world.payer()
    pay(world, phone, first, "wechat")
    first.must_become("booked")
    first.cancel()
    first.must_get_money_back()
    switch_on(world, phone, "notify_never")
    pay(world, phone, unheard, "wechat")
    world.sql.rows(
        "UPDATE payment SET due_at = now() + interval '1 hour' WHERE order_id = $1::uuid", unheard.order
    )
    pay(world, phone, last, "wechat")
    last.must_become("booked")
    assert unheard.state() == "held"
    for fault in PLANTED:
        switch_on(world, phone, fault)
    phone.look("planted")

    finance = staff(world, "demo_finance")
    today = local_date(datetime.now(UTC)).isoformat()
    asked = finance.post("/reconciliations", json={"provider": "wechat", "day": today})
    assert asked.status_code == httpx.codes.ACCEPTED, asked.text
    day = f"/reconciliations/wechat/{today}"
    until("a reconciled day", lambda: finance.get(day).json()["run"]["state"] == "done")

    verdicts = {(one["kind"], one["verdict"]): one["number"] for one in finance.get(day).json()["sums"]}
    assert {key: verdicts.get(key) for key in FOUND} == FOUND
    kinds = {
        case["kind"]
        for case in finance.get("/cases", params={"hospital_id": 1, "limit": 100}).json()["items"]
    }
    assert {"bill_long", "bill_short", "bill_amount", "bill_refund"} <= kinds
    nobodys = world.sql.rows("SELECT count(*) FROM finance_case WHERE hospital_id = 0 AND kind = 'bill_long'")
    assert nobodys == [(1,)]
    unheard.must_become("booked")
    check_files(finance, day, tmp_path)
    world.books.must_agree()


FOUND = {
    ("payment", "applied"): 1,
    ("payment", "short"): 1,
    ("payment", "amount"): 1,
    ("refund", "refund"): 1,
}
"""What a hospital sees of it; the stranger's payment belongs to hospital 0."""


def check_files(finance: httpx.Client, day: str, folder: Path) -> None:
    lines = finance.get(f"{day}.csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) - 1 == sum(one["number"] for one in finance.get(day).json()["sums"])
    book = finance.get(f"{day}.xlsx")
    (folder / "day.xlsx").write_bytes(book.content)
    sheets = openpyxl.load_workbook(io.BytesIO(book.content)).worksheets
    assert sheets[-1].max_row == len(lines)


@dataclass
class Tap:
    """An address that keeps what is told to it."""

    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        heard = self.heard

        class Listener(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        return Listener


@pytest.fixture
def tap() -> Iterator[tuple[str, Tap]]:
    kept = Tap()
    server = HTTPServer(("127.0.0.1", 0), kept.handler())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/heard", kept
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_tampered_notification_is_refused_and_writes_nothing(
    world: World, phone: Screen, tap: tuple[str, Tap]
) -> None:
    payer = world.payer()
    address, kept = tap
    cashier = payer.cashier()
    world.sql.rows("UPDATE sandbox_trade SET notify_url = $1 WHERE reference = $2", address, cashier[-36:])
    world.sql.rows(
        "UPDATE payment SET due_at = now() + interval '1 hour' WHERE order_id = $1::uuid", payer.order
    )
    phone.goto(cashier)
    phone.press("确认支付")
    headers, body = until("a notification", lambda: kept.heard)[0]
    told = {
        name: value
        for name, value in headers.items()
        if name.lower().startswith(("wechatpay", "content-type"))
    }
    before = written(world, payer)

    for lie in (body.replace(b"TRANSACTION", b"TRANSACTIOM", 1), body[:-2] + b" }", b""):
        refused = httpx.post(f"{world.base}/callbacks/wechat-pay", content=lie, headers=told)
        assert (refused.status_code, refused.json()["code"]) == (401, "notification-not-believed")

    assert written(world, payer) == before
    assert payer.state() == "held"
    believed = httpx.post(f"{world.base}/callbacks/wechat-pay", content=body, headers=told)
    assert believed.status_code == httpx.codes.NO_CONTENT
    payer.must_become("booked")
    world.books.must_agree()


def written(world: World, payer: Payer) -> list[tuple[Any, ...]]:
    return world.sql.rows(
        """SELECT (SELECT count(*) FROM channel_message), (SELECT count(*) FROM ledger_entry),
           (SELECT count(*) FROM finance_case), o.state, p.state, p.captured_fen
           FROM payment_order o JOIN payment p ON p.order_id = o.id WHERE o.id = $1::uuid""",
        payer.order,
    )
