"""Bookings and the desk: from the number of a document to a slip, and what is mended afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from playwright.sync_api import Route, expect

from guahao.kernel.clock import local_date, utc_now
from tests.e2e.desktop import DEMO_PASSWORD, Desktop
from tests.e2e.payer import until
from tests.e2e.world import World
from tests.factories.account import phone
from tests.factories.days import today
from tests.factories.person import resident_id

SignIn = Callable[[str], Desktop]
DONE_WITHIN_S = 30
_BOOKED = """
SELECT a.id, a.state, a.channel, o.state, p.channel FROM appointment a
  JOIN patient t ON t.id = a.patient_id JOIN payment_order o ON o.id = a.order_id
  LEFT JOIN payment p ON p.order_id = o.id AND p.state = 'captured'
  WHERE t.account_id IS NULL AND a.created_at > $1 ORDER BY a.id
"""


def enrol(desk: Desktop, number: str, name: str, phone: str = "") -> None:
    """Type what stands on the document, as a clerk does; the field of the number has the focus."""
    keyboard = desk.page.keyboard
    expect(desk.field("证件号或手机号")).to_be_focused()
    keyboard.type(number)
    keyboard.press("Enter")
    expect(desk.field("姓名（与证件一致）")).to_be_focused()
    keyboard.type(name)
    keyboard.press("Tab")
    keyboard.type(phone)
    keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.press("Enter")
    expect(desk.field("科室、医生或时间")).to_be_focused()


def choose_slot(world: World, desk: Desktop) -> None:
    """Turn to the next day with a department for everybody, and take its first slot by the initials."""
    with clerk(world) as (http, hospital):
        starts = datetime.fromisoformat(next(free_slots(http, hospital, days=1))["starts_at"])
    keyboard = desk.page.keyboard
    for _ in range((local_date(starts) - today()).days):
        keyboard.press("PageDown")
    keyboard.type("hxnk")
    expect(desk.page.locator(".desk-slot-here")).to_have_count(1)
    desk.says(re.compile("呼吸内科"))
    keyboard.press("Enter")
    desk.part("确认预约", whole=False).wait_for()


def test_a_person_at_the_counter_is_booked_paid_and_given_a_slip_by_keys_alone(
    world: World, signed_in: SignIn
) -> None:
    desk = signed_in("desk")
    began = utc_now()
    desk.open("/desk")
    desk.page.evaluate("window.printed = 0; window.print = () => { window.printed += 1 }")
    keyboard = desk.page.keyboard
    clock = time.monotonic()

    enrol(desk, resident_id(date(1950, 1, 1)), "欧阳明", "13812348000")
    desk.look("desk-person")
    choose_slot(world, desk)
    keyboard.press("F8")
    desk.says("预约成功")
    keyboard.press("F9")
    desk.says("已收费")
    keyboard.press("Control+p")
    until("the slip is printed", lambda: desk.page.evaluate("window.printed"))

    assert time.monotonic() - clock < DONE_WITHIN_S
    desk.look("desk-paid")
    ((_, state, channel, order, way),) = world.sql.rows(_BOOKED, began)
    assert (state, channel, order, way) == ("booked", "desk", "paid", "cash")
    keyboard.press("F2")
    expect(desk.field("证件号或手机号")).to_be_focused()


def test_an_answer_that_is_lost_books_once(world: World, signed_in: SignIn) -> None:
    desk = signed_in("desk")
    began = utc_now()
    desk.open("/desk")
    enrol(desk, resident_id(), "诸葛静")
    choose_slot(world, desk)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            route.fetch()
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    desk.intercept("**/api/v1/staff/appointments", lose)
    desk.page.keyboard.press("F8")
    desk.says("没有收到答复")
    desk.page.keyboard.press("F8")

    desk.says("预约成功")
    assert len(lost) == 1
    assert len(world.sql.rows(_BOOKED, began)) == 1
    desk.expect_complaint("ERR_FAILED")


def test_a_code_on_the_screen_is_followed_until_it_is_paid(world: World, signed_in: SignIn) -> None:
    desk = signed_in("desk")
    began = utc_now()
    desk.open("/desk")
    enrol(desk, resident_id(), "司马光")
    desk.page.keyboard.press("F7")
    desk.says("电话预约：不收现金")
    desk.page.keyboard.press("F7")
    choose_slot(world, desk)
    desk.page.keyboard.press("F8")
    desk.says("预约成功")
    desk.page.keyboard.press("F10")
    expect(desk.page.get_by_role("img", name="付款二维码")).to_be_visible()
    desk.look("desk-code")

    pay_by_code(world, desk)

    desk.says("已收费")
    ((_, _, _, order, way),) = world.sql.rows(_BOOKED, began)
    assert (order, way) == ("paid", "wechat_native")


def pay_by_code(world: World, desk: Desktop) -> None:
    """Scan the code with the sandbox's WeChat, as the payer's phone does."""
    newest = "SELECT reference FROM sandbox_trade ORDER BY created_at DESC LIMIT 1"
    ((reference,),) = world.sql.rows(newest)
    answer = desk.page.request.post(f"{world.base}/sandbox/wechat-pay/{reference}/pay")
    assert answer.ok, answer.text()


def book(world: World, name: str, *, days: int = 2) -> tuple[UUID, str]:
    """Enrol and book somebody by the API, that many days ahead or later; answers appointment and document."""
    number = resident_id()
    with clerk(world) as (http, hospital):
        consents = [{"kind": "sensitive_personal_information", "version": 1}]
        person = {"name": name, "document_type": "resident_id", "document_number": number}
        patient = http.post("/patients", json=person | {"phone": phone(), "consents": consents}).json()["id"]
        slot = next(free_slots(http, hospital, days=days))
        made = http.post("/appointments", json={"slot_id": slot["id"], "patient_id": patient}).json()
        http.post(f"/orders/{made['order']['id']}/payments", json={"channel": "cash"}).raise_for_status()
        return UUID(made["id"]), number


@contextmanager
def clerk(world: World) -> Iterator[tuple[httpx.Client, int]]:
    """Somebody of the demo's desk, by the API, and their hospital."""
    with httpx.Client(base_url=f"{world.base}/api/v1/staff", timeout=30) as http:
        login = {"username": "demo_desk", "password": DEMO_PASSWORD}
        told = http.post("/logins", json=login).json()
        http.headers["Authorization"] = f"Bearer {told['token']}"
        yield http, http.get("/me").json()["hospital_id"]


def free_slots(http: httpx.Client, hospital: int, *, days: int) -> Iterator[dict[str, Any]]:
    """What a department for everybody has from that day on: it does not work on every day of the week."""
    for ahead in range(days, days + 8):
        day = (today() + timedelta(days=ahead)).isoformat()
        sessions = http.get("/desk/slots", params={"hospital_id": hospital, "date": day}).json()["sessions"]
        for session in sessions:
            if session["department"]["name"] == "呼吸内科":
                yield from (slot for slot in session["slots"] if slot["free"])


def find(desk: Desktop, number: str) -> None:
    desk.open("/bookings")
    desk.at("预约")
    desk.look("bookings")

    desk.fill("查找患者或预约", number)
    desk.press("查找")
    desk.says("只看 慕*雪")
    assert number not in desk.page.url
    desk.page.get_by_role("cell", name="慕*雪").click()
    desk.at("预约详情")
    desk.press("显示完整内容 姓名")
    desk.press("核对本人身份")
    desk.says("慕容雪")
    desk.look("booking")


def test_a_booking_is_found_by_a_document_shown_in_full_and_moved_and_cancelled(
    world: World, signed_in: SignIn
) -> None:
    id_, number = book(world, "慕容雪")
    desk = signed_in("desk")
    find(desk, number)

    desk.press("重发通知")
    desk.part("重发通知").last.click()
    desk.says("通知已重新安排")
    desk.press("改约")
    desk.says("已付费用保留")
    desk.field("新时段").select_option(index=1)
    desk.look("booking-move")
    desk.part("改约").last.click()
    desk.says("已改约，原来的号已放回")
    desk.press("打开")
    desk.press("取消预约")
    desk.page.get_by_label("医院原因").check()
    desk.look("booking-cancel")
    desk.part("取消预约").last.click()
    desk.says("医院取消")

    states = world.sql.rows(
        "SELECT state FROM appointment WHERE id = $1 OR rescheduled_from = $1 ORDER BY id", id_
    )
    assert states == [("rescheduled",), ("cancelled_by_hospital",)]
    subject = f"appointment:{id_}"
    deeds = world.sql.rows("SELECT action FROM audit_entry WHERE subject = $1 ORDER BY at", subject)
    assert [action for (action,) in deeds] == [
        "appointment.book",
        "appointment.reveal",
        "appointment.resend",
        "appointment.reschedule",
    ]


def test_a_late_cancellation_is_excused_with_a_reason(world: World, signed_in: SignIn) -> None:
    id_, _ = book(world, "上官婉", days=3)
    desk = signed_in("desk")
    desk.open(f"/bookings/{id_}")
    desk.press("取消预约")
    desk.page.get_by_label("患者要求", exact=True).check()
    desk.part("取消预约").last.click()
    desk.says("计一次取消")

    desk.press("免记")
    desk.fill("原因", "家人住院，有证明")
    desk.part("免记").last.click()

    desk.says("已由演示窗口免记：家人住院，有证明")
    kept = world.sql.rows("SELECT void_reason FROM credit_event WHERE appointment_id = $1", id_)
    assert kept == [("家人住院，有证明",)]
