"""Every page of the mini program, as usual and for the old: pictured, read by axe-core, nothing cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route
from playwright.sync_api import TimeoutError as NeverCame

from tests.e2e.handset import LARGE, Handset
from tests.e2e.payer import Payer
from tests.e2e.world import World
from tests.factories.days import today, years_before

pytestmark = pytest.mark.timeout(300)

CATALOG, BOOKING, ACCOUNT = "packages/catalog", "packages/booking", "packages/account"


@dataclass(frozen=True, kw_only=True)
class Things:
    """What the pages show: somebody with a booked, a held and a cancelled appointment."""

    payer: Payer
    booked: str
    held: str
    cancelled: str
    child: str
    hospital: str
    department: str
    doctor: str
    session: str
    slot: str


@pytest.fixture(scope="module")
def things(world: World) -> Things:
    payer = Payer(world.base)
    slots = [next(world.slots) for _ in range(40)]
    days: dict[str, list[dict[str, Any]]] = {}
    for slot in slots:
        days.setdefault(slot["starts_at"][:10], []).append(slot)
    (first, again, *_), (second, *_) = sorted(days.values(), key=len, reverse=True)[:2]
    free = next(slot for slot in reversed(slots) if slot not in (first, again, second))
    payer.hold(first)
    cancelled = payer.appointment
    payer.cancel()  # the place cools
    payer.hold(again)
    booked = payer.appointment
    payer.http.post(f"/sandbox/wechat-pay/{payer.cashier().rsplit('/', 1)[1]}/pay")
    payer.must_become("booked")
    payer.hold(second)
    payer.add("李梅", birth=date(1991, 4, 5), relation="spouse")
    born = years_before(today(), 6)
    child = payer.add("王小宝", birth=born, relation="child", guardian=payer.patient)
    ((hospital, department, doctor, session),) = world.sql.rows(
        """SELECT session.hospital_id::text, department_id::text, doctor_id::text, session.id::text
           FROM clinic_session session
           JOIN slot ON slot.hospital_id = session.hospital_id AND slot.session_id = session.id
           WHERE slot.id = $1::uuid""",
        free["id"],
    )
    return Things(
        payer=payer,
        booked=booked,
        held=payer.appointment,
        cancelled=cancelled,
        child=child,
        hospital=hospital,
        department=department,
        doctor=doctor,
        session=session,
        slot=free["id"],
    )


def pages(things: Things) -> dict[str, tuple[str, dict[str, str], str]]:
    """By name: the page, its options, and words by which it is ready."""
    confirm = {"slot": things.slot, "session": things.session, "doctor": things.doctor}
    return {
        "home": ("pages/home/home", {}, "下次就诊"),
        "registration": ("pages/registration/registration", {}, "云溪示范医院"),
        "mine": ("pages/mine/mine", {}, "我的预约"),
        "search": (f"{CATALOG}/search/search", {"q": "fashao"}, "按病症找科室"),
        "search-nothing": (f"{CATALOG}/search/search", {"q": "没有这样的"}, "没有找到"),
        "hospital": (f"{CATALOG}/hospital/hospital", {"id": things.hospital}, "选科室挂号"),
        "department": (f"{CATALOG}/department/department", {"id": things.department}, "¥"),
        "doctor": (f"{CATALOG}/doctor/doctor", {"id": things.doctor}, "预约"),
        "confirm": (f"{BOOKING}/confirm/confirm", confirm, "提交并支付"),
        "payment": (f"{BOOKING}/payment/payment", {"appointment": things.held}, "还剩"),
        "result": (f"{BOOKING}/result/result", {"appointment": things.booked}, "请带上"),
        "appointments": (f"{BOOKING}/appointments/appointments", {}, "已预约"),
        "appointment-booked": (f"{BOOKING}/appointment/appointment", {"id": things.booked}, "办理记录"),
        "appointment-held": (f"{BOOKING}/appointment/appointment", {"id": things.held}, "待支付"),
        "appointment-cancelled": (f"{BOOKING}/appointment/appointment", {"id": things.cancelled}, "已取消"),
        "reschedule": (f"{BOOKING}/reschedule/reschedule", {"appointment": things.booked}, "选择新的时段"),
        "privacy": (f"{ACCOUNT}/privacy/privacy", {}, "同意"),
        "patients": (f"{ACCOUNT}/patients/patients", {}, "王小明"),
        "patient-new": (f"{ACCOUNT}/patient/patient", {}, "证件号码"),
        "patient": (f"{ACCOUNT}/patient/patient", {"id": things.payer.patient}, "删除就诊人"),
        "patient-child": (f"{ACCOUNT}/patient/patient", {"id": things.child}, "更换监护人"),
        "guardian": (f"{ACCOUNT}/guardian/guardian", {"id": things.child}, "新的监护人"),
        "correction": (f"{ACCOUNT}/correction/correction", {"id": things.child}, "正确的姓名"),
        "settings": (f"{ACCOUNT}/settings/settings", {}, "长辈版"),
        "password": (f"{ACCOUNT}/password/password", {}, "密码"),
        "devices": (f"{ACCOUNT}/devices/devices", {}, "设备"),
        "export": (f"{ACCOUNT}/export/export", {}, "生成文件"),
        "closure": (f"{ACCOUNT}/closure/closure", {}, "现在还不能注销"),
        "change-phone": (f"{ACCOUNT}/change-phone/change-phone", {}, "新手机号"),
        "security": (f"{ACCOUNT}/security/security", {}, "半年内没有"),
        "help": (f"{ACCOUNT}/help/help", {}, "怎么预约"),
    }


@pytest.fixture
def guest(world: World, tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(world.browser, tmp_path, world.base)
    yield handset
    handset.context.close()


GUEST_PAGES: dict[str, tuple[str, dict[str, str], str]] = {
    "login": (f"{ACCOUNT}/login/login", {}, "登录大众医疗"),
    "register": (f"{ACCOUNT}/register/register", {}, "注册并登录"),
    "reset": (f"{ACCOUNT}/reset/reset", {}, "设置新密码"),
    "mine-logged-out": ("pages/mine/mine", {}, "还没有登录"),
    "home-logged-out": ("pages/home/home", {}, "登录后"),
}


@pytest.fixture(params=[1, LARGE], ids=["usual", "large"])
def phone(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(world.browser, tmp_path, world.base, font_scale=request.param)
    yield handset
    handset.context.close()


def faults_of(phone: Handset, shown: dict[str, tuple[str, dict[str, str], str]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, (route, options, ready) in shown.items():
        phone.open(route, **options)
        phone.says(ready)
        found[name] = phone.faults(name)
    return {name: faults for name, faults in found.items() if faults}


def test_every_page_can_be_read_by_everybody(things: Things, phone: Handset) -> None:
    phone.carry(things.payer)

    assert faults_of(phone, pages(things)) == {}


def test_every_page_of_a_guest_can_be_read_by_everybody(phone: Handset) -> None:
    phone.agree_to_privacy()

    assert faults_of(phone, GUEST_PAGES) == {}


WITHOUT_READING = {"search-nothing", "patient-new", "settings", "password"}
"""Pages that ask the server for nothing before somebody does something."""


def without_answer(phone: Handset, things: Things, answer: Callable[[Route], None], said: str) -> list[str]:
    """Open every page while the API answers so; the pages that do not say it with a way to try again."""
    phone.carry(things.payer)
    phone.page.route("**/api/**", answer)
    silent = []
    for name, (route, options, _) in pages(things).items():
        if name in WITHOUT_READING:
            continue
        phone.open(route, **options)
        phone.page.get_by_text(said).or_(phone.part("重试")).filter(visible=True).first.wait_for()
        is_told = phone.page.get_by_text(said).filter(visible=True).count() > 0
        can_retry = phone.part("重试").count() > 0
        phone.picture(name)
        if not (is_told and can_retry):
            silent.append(name)
    return silent


def test_every_page_says_that_there_is_no_network_and_offers_to_try_again(
    things: Things, guest: Handset
) -> None:
    assert without_answer(guest, things, lambda route: route.abort(), "没有连上网络") == []


def test_every_page_says_that_the_server_failed_and_offers_to_try_again(
    things: Things, guest: Handset
) -> None:
    def fail(route: Route) -> None:
        route.fulfill(status=502, body="<html>Bad Gateway</html>", content_type="text/html")

    assert without_answer(guest, things, fail, "服务器没有正常回应") == []


def test_every_page_shows_its_shape_while_it_waits(things: Things, guest: Handset) -> None:
    waiting: list[Route] = []

    def hold_back(route: Route) -> None:
        waiting.append(route)

    guest.carry(things.payer)
    guest.page.route("**/api/**", hold_back)
    bare = []
    for name, (route, options, _) in pages(things).items():
        if name in WITHOUT_READING:
            continue
        guest.open(route, **options)
        skeleton = guest.screen.get_by_label("正在加载")
        try:
            skeleton.first.wait_for(timeout=5_000)
        except NeverCame:
            bare.append(name)
        guest.picture(name)
    assert bare == []


def test_an_old_patient_books_in_four_steps(world: World, tmp_path: Path) -> None:
    payer = Payer(world.base)
    phone = Handset(world.browser, tmp_path, world.base, font_scale=LARGE)
    phone.carry(payer)
    phone.open("pages/registration/registration")
    phone.page.get_by_text("云溪示范医院").first.tap()
    phone.says("内科")
    phone.look("department-tree")

    phone.page.get_by_role("link", name="呼吸内科").or_(
        phone.page.get_by_role("button", name="呼吸内科")
    ).first.tap()
    phone.at(f"{CATALOG}/department/department")
    phone.says("看更多时间")
    phone.look("doctors-with-times")
    phone.page.get_by_role("button", name="余").first.tap()
    phone.at(f"{BOOKING}/confirm/confirm")
    phone.look("confirm")
    phone.tap("提交并支付")
    phone.at(f"{BOOKING}/payment/payment")
    phone.look("pay")
    phone.context.close()


def test_a_keyboard_is_enough_to_book(world: World, things: Things, tmp_path: Path) -> None:
    payer = Payer(world.base)
    phone = Handset(world.browser, tmp_path, world.base)
    phone.carry(payer)
    phone.open(f"{CATALOG}/doctor/doctor", id=things.doctor)
    phone.says("预约")

    phone.enter(" 预约")
    phone.at(f"{BOOKING}/confirm/confirm")
    phone.says("王小明")
    phone.enter("提交并支付")
    phone.at(f"{BOOKING}/payment/payment")
    phone.says("还剩")
    phone.enter("支付 ¥")
    phone.says("这是演示用的收银台")
    phone.enter("支付", exact=True)
    phone.at(f"{BOOKING}/result/result")
    phone.says("预约成功")
    phone.context.close()


def test_the_demos_page_shows_the_phone_beside_its_links(world: World) -> None:
    context = world.browser.new_context(viewport={"width": 1440, "height": 900})
    desk = context.new_page()
    desk.goto(world.base)
    desk.frame_locator("iframe").get_by_text("先了解您的隐私怎样被保护").wait_for()
    links = {link.get_attribute("href") for link in desk.get_by_role("link").all()}
    assert {"/docs", "/sandbox"} <= {str(link).replace(world.base, "") for link in links}
    context.close()

    small = world.browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    phone = small.new_page()
    phone.goto(world.base)
    phone.wait_for_url("**/m/**")
    small.close()
    assert httpx.get(f"{world.base}/m/index.html").status_code == httpx.codes.OK
