from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import HospitalState
from guahao.kernel.clock import CHINA, utc_now
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Bucket
from tests.e2e.desktop import Desktop
from tests.e2e.world import World
from tests.factories.booking import hold, make_booker
from tests.factories.scheduling import make_clinic, make_session, make_slot

SignIn = Callable[[str], Desktop]


@dataclass(frozen=True, kw_only=True)
class House:
    """A hospital of its own in the demo, closed to patients, where somebody booked on three days."""

    world: World
    hospital_id: int

    def open(self) -> None:
        """Take patients, until the test ends."""
        self.world.sql.rows("UPDATE hospital SET state = 'open' WHERE id = $1", self.hospital_id)

    def versions(self) -> list[tuple[int, int | None]]:
        """The published versions and the limit of a week that each sets."""
        found = "SELECT version, (rules->>'per_week')::int FROM rule_set WHERE hospital_id = $1 ORDER BY 1"
        return [(row[0], row[1]) for row in self.world.sql.rows(found, self.hospital_id)]


async def built(db: AsyncSession) -> int:
    clinic = await make_clinic(db)
    booker = await make_booker(db)
    for days in (1, 2, 3):
        await hold(db, booker, (await make_slot(db, clinic=clinic, days=days, fee_fen=0)).id)
    full = await make_clinic(db, hospital_id=clinic.hospital_id)
    await make_session(db, clinic=full, days=1, capacity=3, pools={Bucket.BOOKED: 3})
    await make_session(db, clinic=full, days=9, capacity=3, released=False)
    values = {"state": HospitalState.CLOSED.value, "id": clinic.hospital_id}
    await db.execute(text("UPDATE hospital SET state = :state, name = '规则示范医院' WHERE id = :id"), values)
    db.add(
        EventRow(
            hospital_id=clinic.hospital_id,
            id=new_id(clinic.hospital_id),
            name="X",
            payload={},
            state=EventState.DEAD,
        )
    )
    await db.flush()
    return clinic.hospital_id


@pytest.fixture
def house(world: World) -> Iterator[House]:
    hospital_id = world.arrange(built)
    yield House(world=world, hospital_id=hospital_id)
    world.sql.rows("UPDATE hospital SET state = 'closed' WHERE id = $1", hospital_id)
    world.sql.rows("UPDATE event SET state = 'done' WHERE hospital_id = $1", hospital_id)


def rules_page(desk: Desktop, house: House) -> None:
    desk.open(f"/rules?hospital={house.hospital_id}")
    desk.at("预约规则")
    desk.field("7 天可约号数").wait_for()


def hours_far_from_now() -> tuple[str, str, str]:
    """A start, an end and their sentence; what was booked a moment ago was not booked between them."""
    if 9 <= utc_now().astimezone(CHINA).hour < 21:
        return "00:00", "06:00", "每天 0:00 到 6:00 不能预约，请换个时间"
    return "12:00", "18:00", "每天 12:00 到 18:00 不能预约，请换个时间"


def test_a_rule_is_tried_out_published_and_read_by_patients(house: House, signed_in: SignIn) -> None:
    starts, ends, sentence = hours_far_from_now()
    desk = signed_in("platform_admin")
    rules_page(desk, house)
    desk.fill("停止预约开始时间", starts)
    desk.says("停止预约的开始和结束要一起填，而且不能是同一个时间", "有几项还填得不对，改好后这里会更新。")
    desk.fill("停止预约结束时间", ends)
    desk.fill("7 天可约号数", "1")
    desk.says("比现在有 2 句不同", sentence, "有 3 处修改未保存")

    desk.press("核对")

    desk.says("有 2 个预约会被拒绝", "共核对 3 个预约。它们不会因为发布而取消。")
    desk.says("这位就诊人 7 天内最多约 1 个号，请过几天再约")
    desk.look("what-if")
    assert house.versions() == [(1, 5)]
    desk.press("发布新规则")
    desk.says("第 2 版已发布。", "7 天可约号数：5 → 1", re.compile("演示平台管理员 于 .* 发布"))
    desk.look("published")
    assert house.versions() == [(1, 5), (2, 1)]

    begun = "UPDATE rule_set SET effective_from = now() WHERE hospital_id = $1 AND version = 2"
    house.world.sql.rows(begun, house.hospital_id)
    house.open()
    read = httpx.get(f"{house.world.base}/api/v1/hospitals/{house.hospital_id}/rules").json()
    assert read["version"] == 2
    assert sentence in read["sentences"]


def test_of_two_who_edit_the_second_sees_both_versions(house: House, signed_in: SignIn) -> None:
    first, second = signed_in("platform_admin"), signed_in("platform_admin")
    rules_page(first, house)
    rules_page(second, house)
    first.fill("7 天可约号数", "4")
    first.press("发布新规则")
    first.says("第 2 版已发布。")

    second.fill("7 天可约号数", "3")
    second.fill("付款时限（分钟）", "20")
    second.press("发布新规则")

    second.says("别人刚刚保存了这份内容", "两边都改了")
    row = second.page.get_by_role("row", name=re.compile("^7 天可约号数"))
    expect(row.get_by_role("cell")).to_have_text(["5", "4", "3"])
    second.expect_complaint("409")
    second.look("both")
    assert house.versions() == [(1, 5), (2, 4)]
    second.press("保留我的修改，接着编辑")
    second.press("发布新规则")
    second.says("第 3 版已发布。")
    assert house.versions() == [(1, 5), (2, 4), (3, 3)]


def test_what_is_not_published_is_not_lost_by_a_wrong_click(house: House, signed_in: SignIn) -> None:
    desk = signed_in("platform_admin")
    rules_page(desk, house)
    desk.fill("付款时限（分钟）", "99")
    desk.says("付款时限（分钟）：填写的值不在允许的范围内")

    desk.press("今日")
    desk.says("有修改还没有保存")
    desk.press("留在本页")

    expect(desk.field("付款时限（分钟）")).to_have_value("99")
    desk.press("发布新规则")
    desk.says("有几项规则填得不对，请按提示改正后再发布。")
    assert house.versions() == [(1, 5)]


def test_the_day_begins_with_what_needs_somebody(house: House, signed_in: SignIn) -> None:
    house.open()
    desk = signed_in("platform_admin")
    desk.open(f"/today?hospital={house.hospital_id}")
    desk.at("今日")

    desk.says("系统通知没有送达", "科室 7 天内约不到号", "1 次出诊，共 3 个号", re.compile("^还有 .*:"))
    desk.says(re.compile("^内科最满，未来 7 天的号已约 100%$"), "7 天内没有可约的号", "3 个号都没有空余")
    desk.look("today")
    desk.page.get_by_role("button", name="用表格看").last.click()
    expect(desk.page.get_by_role("row", name="内科 3 3 100 0")).to_be_visible()
    desk.press("看排班 科室 7 天内约不到号")
    desk.page.wait_for_url(re.compile("/console/schedule"))


def test_each_role_is_shown_its_own_day(world: World, signed_in: SignIn) -> None:
    admin, finance = signed_in("hospital_admin"), signed_in("finance")
    for desk in (admin, finance):
        desk.open("/today")
        desk.at("今日")
        desk.says("需要处理")

    admin.says("下一次放号", re.compile("个预约|今天还没有人预约"))
    admin.look("hospital-admin")
    assert finance.part("预约规则").count() == 0
    assert finance.page.get_by_text("下一次放号").count() == 0
    finance.look("finance")
    finance.open("/rules")
    finance.says("您没有查看这里的权限")
