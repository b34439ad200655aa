"""A hospital's office checks its workbook in the browser, mends and imports it, takes the hospital home."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook as open_book
from playwright.sync_api import expect

from tests.e2e.desktop import Desktop
from tests.e2e.world import World
from tests.factories.workbook import Change, Sheets, headers, put, sheets, write_xlsx

SignIn = Callable[[str], Desktop]


def own_hospital(code: str) -> Change:
    """A hospital of the journey's own, which patients do not see."""

    def change(content: Sheets) -> None:
        for rows in content.values():
            for row in rows:
                row["医院编码"] = code
        content["医院"][0]["启用"] = "否"

    return change


def choose(desktop: Desktop, path: Path) -> None:
    desktop.page.locator("input[type=file]").set_input_files(path)


def test_a_file_is_checked_mended_and_imported_as_a_new_hospital(
    world: World, signed_in: SignIn, tmp_path: Path
) -> None:
    code = f"J{secrets.token_hex(4)}"
    wrong = (
        put("科室", 1, 上级科室编码="WK"),
        put("医生", 0, 号别="教授"),
        put("出诊安排", 1, 医生工号="9999", 结束时间="七点"),
    )
    bad = write_xlsx(tmp_path / "初稿.xlsx", sheets(own_hospital(code), *wrong))
    good = write_xlsx(tmp_path / "定稿.xlsx", sheets(own_hospital(code)))
    count = "SELECT count(*) FROM hospital WHERE code = $1"
    admin = signed_in("platform_admin")
    admin.open("/imports")
    admin.at("导入导出")
    admin.choose("导入到", "新的医院（按文件里的医院编码建立）")

    choose(admin, bad)
    admin.says("有 4 处错误，什么都没有写入。请在文件里改好，再选一次。")
    rows = admin.page.get_by_role("region", name="错误").locator("tbody").get_by_role("row")
    assert [row.get_by_role("cell").all_inner_texts()[:4] for row in rows.all()] == [
        ["科室", "3", "上级科室编码", "WK"],
        ["医生", "2", "号别", "教授"],
        ["出诊安排", "3", "医生工号", "9999"],
        ["出诊安排", "3", "结束时间", "七点"],
    ]
    admin.look("errors in the file")
    assert admin.part("导入这个文件").count() == 0

    choose(admin, good)
    admin.says("检查通过，可以导入。导入后会是这样：")
    assert world.sql.rows(count, code) == [(0,)]
    admin.look("a file without errors")
    admin.press("导入这个文件")
    admin.says("已导入：")
    assert world.sql.rows(count, code) == [(1,)]
    admin.look("imported")

    admin.press("初稿.xlsx")
    expect(admin.page.get_by_role("dialog", name="初稿.xlsx").get_by_text("教授", exact=True)).to_be_visible()


def test_what_was_taken_home_imports_again_unchanged(signed_in: SignIn, tmp_path: Path) -> None:
    admin = signed_in("hospital_admin")
    admin.open("/imports")
    admin.at("导入导出")
    assert admin.page.get_by_label("导入到").count() == 0

    with admin.page.expect_download() as taken:
        admin.press("导出本院全部内容")
    path = tmp_path / taken.value.suggested_filename
    taken.value.save_as(path)
    choose(admin, path)

    admin.says("文件里的内容和现有的完全一样，不需要导入。")
    assert path.name == "hospital.xlsx"


def test_a_check_says_which_rows_touch_coming_sessions(signed_in: SignIn, tmp_path: Path) -> None:
    admin = signed_in("hospital_admin")
    admin.open("/imports")
    with admin.page.expect_download() as taken:
        admin.press("导出本院全部内容")
    path = tmp_path / "停用一位医生.xlsx"
    taken.value.save_as(path)
    row = leave(path)

    choose(admin, path)

    admin.says("导入会影响已经排好的出诊：")
    touching = admin.page.get_by_role("region", name="影响出诊的行").locator("tbody").get_by_role("row")
    assert touching.first.get_by_role("cell").all_inner_texts()[:2] == ["医生", str(row)]
    expect(touching).to_have_count(1)
    admin.look("the rows that touch sessions")


def leave(path: Path) -> int:
    """Let the first doctor who has a weekly clinic see patients no more; answers the row."""
    book = open_book(path)
    code = book["出诊安排"].cell(2, headers("出诊安排").index("医生工号") + 1).value
    doctors = book["医生"]
    column = headers("医生").index("医生工号") + 1
    row = next(row for row in range(2, doctors.max_row + 1) if doctors.cell(row, column).value == code)
    doctors.cell(row, headers("医生").index("启用") + 1, "否")
    book.save(path)
    return row


@pytest.mark.parametrize("role", ["desk", "doctor"])
def test_who_may_not_edit_the_hospital_is_not_led_to_imports(signed_in: SignIn, role: str) -> None:
    somebody = signed_in(role)

    assert somebody.page.get_by_role("navigation").get_by_text("导入导出").count() == 0
