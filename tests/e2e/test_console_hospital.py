"""The hospital in the console: what staff keep up to date is what patients see."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect
from sqlalchemy.ext.asyncio import AsyncSession

from tests.e2e.desktop import Desktop
from tests.e2e.world import World
from tests.factories.catalog import make_campus, make_department, make_hospital

SignIn = Callable[[str], Desktop]
FAR_DAY = "2098-01-01"


@dataclass(frozen=True, kw_only=True)
class House:
    """A hospital of its own in the demo, open while it is edited."""

    world: World
    hospital_id: int

    def page(self, desk: Desktop, path: str, title: str) -> None:
        """Open one of its pages."""
        desk.open(f"{path}?hospital={self.hospital_id}")
        desk.at(title)

    def shown(self, path: str = "") -> Any:
        """What patients are told."""
        return self.ask(f"hospitals/{self.hospital_id}{path}").json()

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.world.base}/api/v1/{path}").raise_for_status()

    def tree(self) -> list[tuple[str, str | None]]:
        """The departments in their order, each with the name of its parent."""
        found = """SELECT one.name, parent.name FROM department one
            LEFT JOIN department parent ON (parent.hospital_id, parent.id) = (one.hospital_id, one.parent_id)
            WHERE one.hospital_id = $1 ORDER BY parent.name NULLS FIRST, one.position, one.code"""
        return [(row[0], row[1]) for row in self.world.sql.rows(found, self.hospital_id)]


async def built(db: AsyncSession) -> int:
    hospital_id = await make_hospital(db, name="资料示范医院")
    campus = {"latitude": 31.24, "longitude": 121.49}
    await make_campus(db, hospital_id=hospital_id, name="总院", **campus)
    for number, name in enumerate(("甲科", "乙科", "丙科"), 1):
        await make_department(db, hospital_id=hospital_id, name=name, code=f"D{number}", position=number * 10)
    return hospital_id


@pytest.fixture
def house(world: World) -> Iterator[House]:
    hospital_id = world.arrange(built)
    yield House(world=world, hospital_id=hospital_id)
    world.sql.rows("UPDATE hospital SET state = 'closed' WHERE id = $1", hospital_id)


def photo(colour: str) -> FilePayload:
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(drawn, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": drawn.getvalue()}


def choose_file(desk: Desktop, verb: str, file: FilePayload) -> None:
    with desk.page.expect_file_chooser() as chooser:
        desk.page.get_by_role("button", name=verb, exact=True).click()
    chooser.value.set_files(file)


def test_what_staff_write_of_their_hospital_is_what_patients_read(house: House, signed_in: SignIn) -> None:
    desk = signed_in("platform_admin")
    house.page(desk, "/hospital", "医院资料")
    desk.fill("名称", "新名示范医院")
    desk.fill("纬度", "121.4737,31.2304")
    desk.says("纬度在 -90 到 90 之间。")
    desk.fill("纬度", "31.2304,121.4737")
    desk.says(re.compile("在医院坐标的.*方向"))
    desk.press("添加须知")
    desk.page.keyboard.type("第一条")
    desk.press("添加须知")
    desk.page.keyboard.type("第二条")
    desk.press("须知 2 前移")
    choose_file(desk, "上传图片", photo("teal"))
    desk.page.get_by_alt_text("医院图片 1").wait_for()
    desk.says(re.compile("处修改未保存"))
    desk.look("hospital")
    desk.press("保存")
    desk.says("已保存。")

    shown = house.shown()
    assert shown["name"] == "新名示范医院"
    assert shown["map_point"] == {"latitude": 31.2304, "longitude": 121.4737}
    assert shown["notices"] == ["第二条", "第一条"]
    [picture] = shown["picture_paths"]
    assert house.ask(picture.removeprefix("api/v1/")).headers["content-type"] == "image/jpeg"

    desk.press("添加院区")
    desk.fill("名称", "分院")
    desk.fill("编码", "FY")
    desk.fill("纬度", "31.2404,121.4737")
    desk.says("在医院坐标的北方向 1.1 公里")
    desk.look("campus")
    desk.press("添加")
    desk.says("已添加分院。")
    assert [campus["name"] for campus in house.shown()["campuses"]].count("分院") == 1


def test_of_two_editors_of_a_hospital_the_second_sees_both_versions(house: House, signed_in: SignIn) -> None:
    first, second = signed_in("platform_admin"), signed_in("platform_admin")
    house.page(first, "/hospital", "医院资料")
    house.page(second, "/hospital", "医院资料")
    first.fill("地址", "一号路 1 号")
    first.press("保存")
    first.says("已保存。")

    second.fill("地址", "二号路 2 号")
    second.fill("等级", "三级甲等")
    second.press("保存")

    second.says("别人刚刚保存了这份内容", "两边都改了")
    row = second.page.get_by_role("row", name=re.compile("^地址"))
    expect(row.get_by_role("cell").nth(1)).to_have_text("一号路 1 号")
    expect(row.get_by_role("cell").nth(2)).to_have_text("二号路 2 号")
    second.expect_complaint("409")
    assert house.shown()["address"] == "一号路 1 号"
    second.press("保留我的修改，接着编辑")
    second.press("保存")
    second.says("已保存。")
    shown = house.shown()
    assert (shown["address"], shown["level"]) == ("二号路 2 号", "三级甲等")


def test_departments_are_moved_by_keyboard_and_by_mouse(house: House, signed_in: SignIn) -> None:
    desk = signed_in("platform_admin")
    house.page(desk, "/departments", "科室")
    third = desk.page.get_by_role("treeitem", name="丙科", exact=True)
    third.focus()
    desk.page.keyboard.press("Alt+ArrowUp")
    desk.says("丙科已移到最上级，第 2 个，共 3 个。")
    assert house.tree() == [("甲科", None), ("丙科", None), ("乙科", None)]
    expect(third).to_be_focused()

    desk.page.keyboard.press("Alt+ArrowRight")
    desk.says("丙科已移到“甲科”下，第 1 个，共 1 个。")
    desk.page.keyboard.press("Alt+ArrowUp")
    desk.says("已经是第一个，不能再上移。")
    assert house.tree() == [("甲科", None), ("乙科", None), ("丙科", "甲科")]

    second = desk.page.get_by_role("treeitem", name="乙科", exact=True)
    second.drag_to(third, target_position={"x": 200, "y": 3})
    desk.says("乙科已移到“甲科”下，第 1 个，共 2 个。")
    assert house.tree() == [("甲科", None), ("乙科", "甲科"), ("丙科", "甲科")]
    desk.look("departments")

    third.focus()
    desk.page.keyboard.press("Enter")
    desk.choose("性别限制", "仅女")
    desk.fill("最小年龄（岁）", "14")
    desk.look("department")
    desk.press("保存")
    desk.says("已保存。")
    desk.press("关闭")
    desk.says("仅女，14 岁及以上")


def test_a_new_doctor_has_a_photo_that_patients_see(house: House, signed_in: SignIn) -> None:
    desk = signed_in("platform_admin")
    house.page(desk, "/doctors", "医生")
    desk.says("还没有医生")
    desk.press("添加医生")
    desk.at("添加医生")
    desk.fill("姓名", "白术")
    desk.fill("编码", "B1")
    desk.choose("号别", "专家")
    desk.page.get_by_role("checkbox", name="甲科").check()
    choose_file(desk, "上传照片", {"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    desk.says("只能上传 JPEG、PNG 或 WebP 图片。")
    choose_file(desk, "上传照片", photo("navy"))
    desk.page.get_by_alt_text("白术的照片").first.wait_for()
    desk.look("doctor")
    desk.press("添加")
    desk.at("白术")

    found = "SELECT id::text FROM doctor WHERE hospital_id = $1"
    [(doctor_id,)] = house.world.sql.rows(found, house.hospital_id)
    shown = house.ask(f"doctors/{doctor_id}").json()
    assert (shown["name"], shown["level"]) == ("白术", "expert")
    assert [one["name"] for one in shown["departments"]] == ["甲科"]
    seen = Image.open(io.BytesIO(house.ask(shown["photo_path"].removeprefix("api/v1/")).content))
    assert (seen.format, seen.size) == ("JPEG", (300, 200))

    desk.press("移除照片")
    desk.press("保存")
    desk.says("已保存。")
    assert house.ask(f"doctors/{doctor_id}").json()["photo_path"] is None
    desk.press("‹ 返回医生列表")
    desk.says("共 1 条")
    desk.look("doctors")


def test_a_price_far_from_the_last_waits_for_a_second_person(world: World, signed_in: SignIn) -> None:
    wanted = "SELECT fee_fen FROM fee_item WHERE effective_from = $1::text::date"
    admin = signed_in("hospital_admin")
    admin.open("/fees")
    admin.at("价格")
    admin.press("新价格")
    admin.choose("号别", "特需")
    admin.fill("价格（元）", "999")
    admin.fill("生效日", FAR_DAY)
    admin.look("fee")
    admin.press("定价")
    admin.says(re.compile("已提交复核"), "您提出的，要由另一位复核")
    admin.look("fees")
    assert world.sql.rows(wanted, FAR_DAY) == []

    finance = signed_in("finance")
    finance.open("/fees")
    finance.at("价格")
    assert finance.part("新价格").count() == 0
    finance.press("批准 特需的诊查费")
    finance.says("批准特需的诊查费？")
    finance.look("approve")
    finance.press("批准")
    finance.says("已批准。")
    expect(finance.part("批准 特需的诊查费")).to_have_count(0)
    assert world.sql.rows(wanted, FAR_DAY) == [(99900,)]


def test_those_who_only_look_are_offered_nothing_else(signed_in: SignIn) -> None:
    desk = signed_in("nurse")
    for path, title, word in (
        ("/hospital", "医院资料", "各院区的相对位置"),
        ("/departments", "科室", "内科"),
        ("/doctors", "医生", "林清晏"),
        ("/fees", "价格", "现在的价格"),
    ):
        desk.open(path)
        desk.at(title)
        desk.says(word, "您的角色只能查看，修改请联系医院管理员。")
        for verb in ("保存", "添加院区", "添加科室", "添加医生", "新价格", "上移"):
            assert desk.part(verb, whole=False).count() == 0
    desk.open("/hospital")
    desk.at("医院资料")
    expect(desk.field("名称")).to_be_disabled()
    desk.look("read-only")


def test_row_46_a_name_that_is_a_script_is_only_a_name(world: World, house: House, signed_in: SignIn) -> None:
    name = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>'
    world.arrange(lambda db: make_department(db, hospital_id=house.hospital_id, name=name, code="D4"))

    desk = signed_in("platform_admin")
    house.page(desk, "/departments", "科室")

    desk.says(name)
    assert desk.page.locator("main img, main script").count() == 0
    assert desk.page.title() not in {"1", "2"}
    desk.look("name-of-a-script")
