"""What staff do about whom accounts list and who a person is, and what those who watch over them see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.e2e.desktop import Desktop
from tests.e2e.payer import Payer
from tests.e2e.test_console_bookings import enrol
from tests.e2e.world import World
from tests.factories.person import resident_id

SignIn = Callable[[str], Desktop]
pytestmark = pytest.mark.timeout(300)
_PERSON = "SELECT person_id FROM patient WHERE id = $1::uuid"


def test_who_was_released_at_the_desk_stands_in_the_list_of_its_watchers(
    world: World, signed_in: SignIn
) -> None:
    stranger, number = Payer(world.base), resident_id(date(1961, 2, 3))
    listing = stranger.add("欧阳静", birth=date(1961, 2, 3), relation="other", number=number)
    desk = signed_in("desk")
    desk.open("/desk")
    enrol(desk, number, "欧阳静")
    desk.press("从他人账号中移除")
    desk.says("添加了这位就诊人的账号")
    desk.page.get_by_role("checkbox").last.check()
    desk.fill("原因", "本人持证到窗口要求移除")
    desk.look("release")
    desk.press("移除")
    desk.says("已从 1 个账号中移除")
    assert listing not in {one["id"] for one in stranger.http.get("/api/v1/patients").json()["items"]}

    for role in ("hospital_admin", "auditor"):
        watcher = signed_in(role)
        watcher.open("/releases")
        watcher.at("账号移除记录")
        line = watcher.page.get_by_role("row").filter(has_text="本人持证到窗口要求移除").first
        expect(line).to_contain_text("欧*静")
        expect(line).to_contain_text("登记为其他")
        watcher.look(f"releases-{role}")


def test_two_people_with_one_document_are_looked_at_and_the_finding_is_kept(
    world: World, signed_in: SignIn
) -> None:
    payer = world.payer()
    other = payer.add("李梅", birth=date(1991, 4, 5), relation="spouse")
    ((person,),), ((twin,),) = [world.sql.rows(_PERSON, id_) for id_ in (payer.patient, other)]
    report = uuid4()
    world.sql.rows(
        "INSERT INTO person_duplicate (id, person_id, other_id) VALUES ($1, $2, $3) RETURNING 1",
        *(report, person, twin),
    )
    desk = signed_in("desk")
    desk.open("/today")
    desk.says("组就诊人可能是同一个人")
    desk.part("组就诊人可能是同一个人", whole=False).click()
    desk.at("重复就诊人")
    desk.says("王*明", "另一份档案不在本院，由有记录的医院核对")
    desk.look("duplicates")
    desk.press("标为已核对")
    desk.fill("核对结果", "已电话核实是同一人，以后用这份档案挂号")
    desk.look("duplicate-check")
    desk.press("标为已核对")
    desk.says("已记下核对结果", "没有待核对的重复就诊人")
    desk.choose("核对结果", "已核对")
    desk.press("查询")
    desk.says("已电话核实是同一人，以后用这份档案挂号")
    desk.look("duplicates-checked")
    checked = world.sql.rows("SELECT note FROM person_duplicate_check WHERE duplicate_id = $1", report)
    assert checked == [("已电话核实是同一人，以后用这份档案挂号",)]
