"""What patients do in the mini program, by finger on a phone's screen, against a real demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.scheduling.models import ClinicSession, Slot
from tests.e2e.handset import Handset
from tests.e2e.payer import Payer, until
from tests.e2e.world import World
from tests.factories.account import phone as new_number
from tests.factories.newcomer import PASSWORD, username
from tests.factories.person import resident_id
from tests.factories.scheduling import make_session, slots_of

pytestmark = pytest.mark.timeout(300)

Handsets = Callable[[], Handset]


@pytest.fixture
def phones(world: World, tmp_path: Path) -> Iterator[Handsets]:
    """As many phones as a test takes, each somebody else's."""
    taken: list[Handset] = []

    def take() -> Handset:
        taken.append(Handset(world.browser, tmp_path, world.base))
        return taken[-1]

    yield take
    for handset in taken:
        handset.context.close()
    httpx.delete(f"{world.base}/sandbox/faults")


@pytest.fixture
def phone(phones: Handsets) -> Handset:
    return phones()


def confirm(world: World, phone: Handset, slot: Slot | dict[str, Any]) -> None:
    """Open the page on which this slot is booked."""
    slot_id = slot["id"] if isinstance(slot, dict) else str(slot.id)
    ((session, doctor),) = world.sql.rows(
        """SELECT session.id::text, doctor_id::text FROM clinic_session session
           JOIN slot ON slot.hospital_id = session.hospital_id AND slot.session_id = session.id
           WHERE slot.id = $1::uuid""",
        slot_id,
    )
    phone.open("packages/booking/confirm/confirm", slot=slot_id, session=session, doctor=doctor)
    phone.part("提交并支付").wait_for()


def one_slot(world: World, **overrides: Any) -> list[Slot]:
    """The slots of a session at a hospital of its own."""

    async def arrange(db: AsyncSession) -> list[Slot]:
        return await slots_of(db, await make_session(db, **overrides))

    return world.arrange(arrange)


def find_a_doctor(phone: Handset) -> None:
    """From the first start to a slot of a doctor."""
    phone.open()
    phone.says("先了解您的隐私怎样被保护")
    phone.look("privacy")
    phone.tap("同意并继续")
    phone.says("云溪示范医院")
    phone.look("home")
    phone.page.get_by_text("搜医院、科室、医生、病症").tap()
    phone.at("packages/catalog/search/search")
    phone.page.get_by_role("textbox").last.fill("kesou")
    phone.says("按病症找科室")
    phone.look("search")
    phone.page.get_by_role("link", name="呼吸内科").first.tap()
    phone.at("packages/catalog/department/department")
    phone.says("门诊楼")
    phone.look("department")
    phone.page.get_by_role("link", name="陆浅予").first.tap()
    phone.at("packages/catalog/doctor/doctor")
    phone.page.get_by_role("tab", name="有号").last.tap()
    phone.look("doctor")
    phone.page.get_by_role("button", name="预约").last.tap()


def tick_all(phone: Handset) -> None:
    for tick in phone.page.get_by_role("checkbox").all():
        tick.tap()


def register(phone: Handset, base: str, number: str) -> None:
    """Register on being asked to log in."""
    phone.at("packages/account/login/login")
    phone.look("login")
    phone.tap("没有账号？去注册")
    phone.at("packages/account/register/register")
    phone.fill("手机号", number)
    phone.tap("获取验证码")
    phone.says("已发送")
    code = httpx.get(f"{base}/sandbox/sms", params={"phone": number}).json()["code"]
    phone.fill("短信验证码", code)
    phone.fill("用户名", username())
    phone.fill("密码", PASSWORD)
    tick_all(phone)
    phone.look("register")
    phone.tap("注册并登录")


def add_oneself(phone: Handset, number: str) -> None:
    """Add the one patient, on the way to booking."""
    phone.at("packages/booking/confirm/confirm")
    phone.tap("添加就诊人")
    phone.at("packages/account/patient/patient")
    phone.fill("姓名", "王小明")
    phone.fill("证件号码", resident_id(date(1980, 5, 6)))
    phone.says("从号码读出：1980年5月6日出生")
    phone.fill("联系电话", number)
    phone.page.get_by_role("radio", name="本人").tap()
    tick_all(phone)
    phone.look("patient")
    phone.tap("添加就诊人")
    phone.at("packages/booking/confirm/confirm")
    phone.says("王小明")
    phone.look("confirm")


def pay_after_mistyping(phone: Handset) -> None:
    """Submit and pay at the sandbox's cashier, with a wrong password first."""
    phone.tap("提交并支付")
    phone.at("packages/booking/payment/payment")
    phone.says("还剩 14 分")
    phone.look("payment")
    phone.page.get_by_role("button", name="支付 ¥15.00").tap()
    phone.says("这是演示用的收银台")
    phone.look("cashier")
    phone.tap("密码错误")
    phone.says("支付密码错误")
    phone.page.get_by_role("dialog").get_by_role("button", name="支付", exact=True).tap()
    phone.at("packages/booking/result/result")
    phone.says("预约成功", "就诊序号", "请带上")
    phone.page.get_by_role("img", name="签到码").wait_for()
    phone.expect_complaint("status of 4")
    phone.look("result")


def has_arrived(phone: Handset) -> bool:
    phone.page.reload()
    phone.says("办理记录")
    return phone.page.get_by_text("退款 ¥15.00：已退回原支付账户").is_visible()


def test_a_newcomer_registers_searches_books_pays_cancels_and_sees_the_money_come_back(
    world: World, phone: Handset
) -> None:
    number = new_number()
    find_a_doctor(phone)
    register(phone, world.base, number)
    add_oneself(phone, number)
    pay_after_mistyping(phone)

    phone.tap("查看预约")
    phone.at("packages/booking/appointment/appointment")
    phone.says("已预约", "已支付 ¥15.00")
    phone.look("booked")
    phone.tap("取消预约")
    phone.says("1–3 个工作日内由微信支付退回原支付账户")
    phone.tap("取消预约")
    phone.says("已取消", "退款")
    until("the refund on the screen", lambda: has_arrived(phone))
    phone.look("refunded")
    world.books.must_agree()


def test_a_hold_runs_out_on_the_screen_and_the_place_can_be_chosen_again(
    world: World, phone: Handset
) -> None:
    payer = Payer(world.base)
    (slot,) = one_slot(world, capacity=1)
    phone.carry(payer)
    confirm(world, phone, slot)
    phone.tap("提交并支付")
    phone.at("packages/booking/payment/payment")
    world.sql.rows(
        "UPDATE appointment SET hold_expires_at = now() + interval '4 seconds' WHERE slot_id = $1", slot.id
    )
    world.sql.rows(
        """UPDATE payment_order SET expires_at = now() + interval '4 seconds'
           WHERE id = (SELECT order_id FROM appointment WHERE slot_id = $1)""",
        slot.id,
    )

    phone.page.reload()
    phone.says("还剩")
    phone.says("支付时间已到", "号源已放回")
    phone.look("over")
    phone.tap("重新选择时段")

    phone.at("packages/catalog/doctor/doctor")
    until("the place again", lambda: world.sql.rows("SELECT 1 FROM slot WHERE id = $1 AND free = 1", slot.id))
    phone.page.reload()
    phone.page.get_by_role("button", name="预约").last.wait_for()
    phone.look("chosen-again")


def outcomes(handsets: list[Handset]) -> list[str]:
    """What the phones of a race show, as far as they show an answer."""
    screens = [handset.page.locator("body").inner_text() for handset in handsets]
    return [
        "paying" if "还剩" in screen else "refused"
        for screen in screens
        if "还剩" in screen or "刚被约满" in screen
    ]


def test_two_phones_race_for_the_last_place_and_the_loser_is_offered_others(
    world: World, phones: Handsets
) -> None:
    early, late = one_slot(world, capacity=1, slots=2)
    handsets = [phones(), phones()]
    for handset in handsets:
        handset.carry(Payer(world.base))
        confirm(world, handset, early)

    sent: list[Route] = []

    def hold_back(route: Route) -> None:
        sent.append(route)

    for handset in handsets:  # both have been tapped before either reaches the server
        handset.intercept("**/api/v1/appointments", hold_back)
        handset.tap("提交并支付")
        handset.says("正在提交")
    for route in sent:
        route.continue_()
    for handset in handsets:
        handset.page.unroute("**/api/v1/appointments")

    until("an answer for both", lambda: len(outcomes(handsets)) == 2)
    assert sorted(outcomes(handsets)) == ["paying", "refused"]
    loser = handsets[outcomes(handsets).index("refused")]
    loser.says("后面还有 1 个号")
    loser.expect_complaint("status of 409")
    loser.look("lost")
    loser.page.get_by_text("08:30–09:00").last.tap()
    loser.tap("提交并支付")
    loser.says("还剩")
    taken = world.sql.rows("SELECT free, held FROM slot WHERE id = ANY($1)", [early.id, late.id])
    assert taken == [(0, 1), (0, 1)]


def test_who_is_offline_is_told_so_and_goes_on_where_they_were(world: World, phone: Handset) -> None:
    phone.agree_to_privacy()
    phone.open()
    phone.says("云溪示范医院")
    phone.page.get_by_text("云溪示范医院").first.tap()
    phone.at("packages/catalog/hospital/hospital")
    phone.says("选科室挂号")

    phone.context.set_offline(True)
    phone.says("网络已断开")
    phone.look("offline-banner")
    phone.page.get_by_role("button", name="返回").tap()
    phone.at("pages/home/home")
    phone.part("挂号").last.tap()
    phone.at("pages/registration/registration")
    phone.says("没有连上网络")
    phone.expect_complaint("ERR_INTERNET_DISCONNECTED")
    phone.look("offline")

    phone.context.set_offline(False)
    phone.says("云溪示范医院")
    phone.expect_complaint("ERR_INTERNET_DISCONNECTED")
    phone.look("back")


def test_places_come_on_sale_on_the_screen_without_hammering(world: World, phone: Handset) -> None:
    asked: list[str] = []
    (slot,) = one_slot(world, released=False)

    async def soon(db: AsyncSession) -> None:
        moment = utc_now() + timedelta(seconds=8)
        where = (ClinicSession.hospital_id == slot.hospital_id, ClinicSession.id == slot.session_id)
        await db.execute(update(ClinicSession).where(*where).values(release_at=moment))
        await db.execute(
            update(Slot)
            .where(Slot.hospital_id == slot.hospital_id, Slot.id == slot.id)
            .values(released_at=moment)
        )

    world.arrange(soon)
    ((doctor, day),) = world.sql.rows(
        "SELECT doctor_id::text, date FROM clinic_session WHERE id = $1", slot.session_id
    )
    phone.agree_to_privacy()
    phone.page.on("request", lambda one: asked.append(one.url) if "/sessions" in one.url else None)
    phone.open("packages/catalog/doctor/doctor", id=doctor, date=day.isoformat())
    phone.says("离放号还剩")
    phone.look("countdown")
    before = len(asked)

    phone.page.get_by_role("button", name="预约").last.wait_for()

    assert before == 1
    assert len(asked) <= 3, asked
    phone.look("released")


def test_an_appointment_is_moved_to_another_slot_of_the_doctor(world: World, phone: Handset) -> None:
    payer = Payer(world.base)
    early, late = one_slot(world, capacity=1, slots=2)
    payer.hold({"id": str(early.id)})
    payer.http.post(f"/sandbox/wechat-pay/{payer.cashier().rsplit('/', 1)[1]}/pay")
    payer.must_become("booked")
    phone.carry(payer)

    phone.open("packages/booking/appointment/appointment", id=payer.appointment)
    phone.tap("改约")
    phone.at("packages/booking/reschedule/reschedule")
    phone.page.get_by_text("08:30–09:00").last.tap()
    phone.look("reschedule")
    phone.tap("确认改约")
    phone.says("改约成功")
    phone.look("moved")

    until("the old place", lambda: world.sql.rows("SELECT 1 FROM slot WHERE id = $1 AND booked = 1", late.id))
    assert payer.state() == "rescheduled"


def test_alipay_is_a_link_to_copy_and_the_page_sees_the_payment(world: World, phone: Handset) -> None:
    payer = world.payer()
    phone.carry(payer)
    phone.open("packages/booking/payment/payment", appointment=payer.appointment)
    phone.page.get_by_role("radio", name="支付宝（复制链接）").tap()
    phone.page.get_by_role("button", name="支付 ¥").tap()
    phone.says("请复制链接")
    phone.look("alipay-link")
    link = phone.page.locator("text=/\\/p\\/[A-Za-z0-9_-]+/").first.inner_text()

    other = phone.context.new_page()
    other.goto(link.strip())
    other.get_by_role("link", name="用支付宝支付").or_(
        other.get_by_role("button", name="用支付宝支付")
    ).click()
    other.wait_for_url("**/sandbox/alipay/*")
    other.get_by_role("button", name="确认支付").click()
    other.wait_for_url("**/p/*/back?*")
    other.close()

    phone.at("packages/booking/result/result")
    phone.says("预约成功")
    payer.must_become("booked")


def test_a_scanned_code_opens_what_hangs_on_the_wall(world: World, phone: Handset) -> None:
    base = f"{world.base}/api/v1"
    hospital = httpx.get(f"{base}/hospitals").json()["items"][0]
    admin = httpx.post(
        f"{base}/staff/logins", json={"username": "demo_hospital_admin", "password": "guahao-demo-2026"}
    ).json()
    headers = {"Authorization": f"Bearer {admin['token']}"}
    code = httpx.get(
        f"{base}/staff/scan-codes", params={"kind": "hospital", "id": hospital["id"]}, headers=headers
    ).json()
    assert code["image"].startswith("data:image/png;base64,")
    phone.agree_to_privacy()

    phone.open_scene(code["scene"])

    phone.at("packages/catalog/hospital/hospital")
    phone.says(hospital["name"])
    phone.look("scanned")


def test_browsers_back_and_forward_walk_through_the_pages(world: World, phone: Handset) -> None:
    phone.agree_to_privacy()
    phone.open()
    phone.page.get_by_text("云溪示范医院").first.tap()
    phone.at("packages/catalog/hospital/hospital")
    phone.page.go_back()
    phone.at("pages/home/home")
    phone.page.go_forward()
    phone.at("packages/catalog/hospital/hospital")
    expect(phone.page).to_have_url(f"{world.base}/m/#/packages/catalog/hospital/hospital?id=1")
