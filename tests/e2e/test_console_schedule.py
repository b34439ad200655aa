from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date, utc_now
from guahao.scheduling.models import Bucket
from tests.e2e.desktop import Desktop
from tests.e2e.world import World
from tests.factories.scheduling import Clinic, make_clinic, make_session

SignIn = Callable[[str], Desktop]
HOSPITAL = 1
TODAY = local_date(utc_now())
MONDAY = TODAY + timedelta(days=70 - TODAY.weekday())
"""Beyond what the templates of the demo fill."""
NEXT = MONDAY + timedelta(days=7)


def clinic_in(world: World, *, booked: int = 0) -> Clinic:
    """A doctor of the demo's hospital with one session on that Monday."""

    async def arrange(db: AsyncSession) -> Clinic:
        clinic = await make_clinic(db, hospital_id=HOSPITAL)
        pools = {Bucket.BOOKED: booked} if booked else {}
        await make_session(db, clinic=clinic, date=MONDAY, slots=2, capacity=10, pools=pools)
        return clinic

    return world.arrange(arrange)


def sessions(world: World, clinic: Clinic) -> list[tuple[dt.date, str, str]]:
    """Date, state and room of the doctor's sessions."""
    rows = world.sql.rows(
        "SELECT date, state, room FROM clinic_session WHERE hospital_id = $1 AND doctor_id = $2 ORDER BY 1",
        HOSPITAL,
        clinic.doctor_id,
    )
    return [(row[0], row[1], row[2]) for row in rows]


def test_a_session_is_found_by_keys_changed_given_places_and_stopped(world: World, signed_in: SignIn) -> None:
    clinic = clinic_in(world, booked=3)
    desk = signed_in("hospital_admin")

    desk.open(f"/schedule?day={MONDAY}&doctor={clinic.doctor_id}")
    desk.at("排班")
    desk.says("6/20")
    desk.look("week")
    desk.press("月")
    desk.page.locator("[data-spot='0:30'], [data-spot='0:27']").first.wait_for()
    desk.look("month")
    desk.press("周")
    desk.page.locator("[aria-busy=false].is-week [data-spot='0:1']").focus()
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("Enter")
    desk.says("时段与号源")
    desk.look("session")

    desk.press("修改出诊")
    desk.fill("诊室", "会诊室 7")
    desk.look("changing")
    desk.press("保存")
    desk.says("本院 会诊室 7")
    desk.press("结束修改")
    desk.press("加号")
    desk.fill("加几个号", "2")
    desk.page.get_by_label("原因").last.fill("术后复查")
    desk.press("加号")
    desk.says("加 2 个：术后复查")
    desk.press("停诊")
    desk.says("6 位已预约的患者会收到通知，可以改约或退费；到期没有选择的自动全额退款。")
    desk.look("before-stopping")
    desk.fill("停诊原因（患者会看到）", "医生进修")
    desk.press("停诊")
    desk.says("医生进修")

    assert sessions(world, clinic) == [(MONDAY, "suspended", "会诊室 7")]
    assert "session=" in desk.page.url
    desk.page.go_back()
    expect(desk.page.locator("dialog[open]")).to_have_count(0)


def test_a_week_is_copied_after_a_look_and_the_copy_undone(world: World, signed_in: SignIn) -> None:
    clinic = clinic_in(world)
    desk = signed_in("hospital_admin")
    before = sessions(world, clinic)

    desk.open(f"/schedule-changes?from={MONDAY}")
    desk.at("批量排班")
    desk.field("医生").select_option(value=str(clinic.doctor_id))
    desk.press("预览变动")
    desk.says("可以变动 1 项，不能变动 0 项")
    desk.look("preview")
    looked = sessions(world, clinic)
    desk.press("应用 1 项")
    desk.says("已应用 1 项。")
    applied = sessions(world, clinic)
    desk.look("applied")
    desk.page.get_by_label("预览").get_by_role("button", name="撤销").click()
    desk.press("撤销")
    desk.says("已撤销，排班恢复原样。")

    assert looked == before
    assert [(day, state) for day, state, _ in applied] == [(MONDAY, "published"), (NEXT, "draft")]
    assert sessions(world, clinic) == before


def test_a_template_until_midnight_is_planned_with_a_preview(world: World, signed_in: SignIn) -> None:
    clinic = clinic_in(world)
    desk = signed_in("hospital_admin")

    desk.open("/templates")
    desk.at("排班模板")
    desk.look("templates")
    desk.press("新增模板")
    for field, value in (
        ("科室", clinic.department_id),
        ("医生", clinic.doctor_id),
        ("院区", clinic.campus_id),
    ):
        desk.field(field).select_option(value=str(value))
    desk.fill("诊室", "模板室 3")
    desk.fill("开始", "22:00")
    desk.fill("结束", "2点")
    desk.field("结束").blur()
    desk.says("结束要晚于开始；要跨过零点的，请分成两天，前一天到 24:00 为止")
    desk.fill("结束", "24：00")
    desk.field("结束").blur()
    expect(desk.field("结束")).to_have_value("24:00")
    desk.fill("停用日期", str(TODAY + timedelta(days=200)))
    desk.field("停用以后，已有人预约的出诊接着放号").check()
    desk.press("预览")
    desk.says("按这个模板将产生的出诊", "22:00–24:00")
    desk.look("template")
    desk.press("保存模板")
    desk.says("模板已保存，出诊会在一分钟内更新。")

    made = world.sql.rows(
        "SELECT room, weekday, version, ends::text, sells_after_end FROM schedule_template"
        " WHERE hospital_id = $1 AND doctor_id = $2",
        HOSPITAL,
        clinic.doctor_id,
    )
    assert [tuple(row) for row in made] == [("模板室 3", 0, 1, "24:00:00", True)]


def test_a_single_day_is_planned(world: World, signed_in: SignIn) -> None:
    clinic = clinic_in(world)
    desk = signed_in("hospital_admin")

    desk.open("/exceptions")
    desk.at("单日变动")
    desk.press("新增变动")
    desk.field("医生").select_option(value=str(clinic.doctor_id))
    desk.fill("日期", str(NEXT))
    desk.fill("原因", "外出学习")
    desk.look("exception")
    desk.press("新增变动")
    desk.says("已登记，但这一天没有它管得到的出诊，现在不起作用，请核对日期和范围。")
    desk.look("exception-without-effect")
    desk.look("exceptions")

    different = world.sql.rows(
        "SELECT date, kind FROM schedule_exception WHERE hospital_id = $1 AND doctor_id = $2",
        HOSPITAL,
        clinic.doctor_id,
    )
    assert [tuple(row) for row in different] == [(NEXT, "cancelled")]


def test_who_closes_a_doctor_reads_first_who_is_booked_and_may_still_leave_it(
    world: World, signed_in: SignIn
) -> None:
    clinic = clinic_in(world, booked=3)
    desk = signed_in("hospital_admin")
    active = "SELECT is_active FROM doctor WHERE hospital_id = $1 AND id = $2"
    closed = (
        "SELECT DISTINCT closed_by FROM slot JOIN clinic_session s ON s.id = session_id WHERE doctor_id = $1"
    )

    desk.open(f"/doctors/{clinic.doctor_id}")
    desk.at("张医生")
    desk.field("启用").uncheck()
    desk.press("保存")
    desk.says("的 1 次出诊不再放号，14 个没有约出的号停止预约。", "其中 6 位患者已经预约或正在付款")
    desk.expect_complaint("409")
    desk.look("touched")
    desk.press("先不改")
    desk.says("还没有保存：这次修改影响 1 次出诊、6 位已预约的患者")
    left = world.sql.rows(active, HOSPITAL, clinic.doctor_id)
    desk.press("保存")
    desk.press("知道后果，仍然修改")
    desk.says("已保存。")
    desk.expect_complaint("409")

    assert [row[0] for row in left] == [True]
    assert [row[0] for row in world.sql.rows(closed, clinic.doctor_id)] == ["doctor-inactive"]
