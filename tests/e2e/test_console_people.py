"""Members of staff, the audit trail, and what the frame of the console keeps safe for everybody in it."""

from __future__ import annotations

import csv
import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.desktop import DEMO_PASSWORD, Desktop
from tests.e2e.world import World

SignIn = Callable[[str], Desktop]

_PASSWORD = "a nurse of two wards"
_MEMBER = "SELECT name, roles, disabled_at IS NOT NULL FROM staff WHERE username = $1"


def invite(admin: Desktop, username: str, *roles: str) -> str:
    """Invite somebody; answers the code that is shown once."""
    admin.press("邀请人员")
    admin.fill("姓名", f"新人{username[-4:]}")
    admin.fill("用户名", username)
    for role in roles:
        admin.page.get_by_role("checkbox", name=role, exact=True).check()
    admin.press("生成邀请码")
    code = admin.page.get_by_label("邀请码", exact=True).inner_text()
    admin.press("我已记下")
    return code


def a_username() -> str:
    return f"n.{secrets.token_hex(5)}"


def token_of(desktop: Desktop) -> str:
    token: str = desktop.page.request.get(f"{desktop.base}/api/v1/staff/me").json()["csrf_token"]
    return token


def end_login(desktop: Desktop) -> None:
    """End the login behind the page's back, as half an hour without use does."""
    headers = {"x-csrf-token": token_of(desktop), "origin": desktop.base}
    assert desktop.page.request.delete(f"{desktop.base}/api/v1/staff/logins/current", headers=headers).ok


def test_somebody_is_invited_joins_with_the_code_and_sees_what_the_role_allows(
    world: World, signed_in: SignIn, tmp_path: Path
) -> None:
    admin = signed_in("hospital_admin")
    admin.open("/people")
    admin.at("人员")
    admin.look("people")
    username = a_username()
    code = invite(admin, username, "护士")
    admin.says("等待本人设置密码")
    assert world.sql.rows(_MEMBER, username) == [(f"新人{username[-4:]}", ["nurse"], False)]
    assert code not in admin.page.content()

    nurse = Desktop(world.browser, tmp_path, world.base)
    nurse.open("/join")
    nurse.fill("用户名", username)
    nurse.page.get_by_label("邀请码").fill(code)
    nurse.fill("新密码", _PASSWORD)
    nurse.press("设置密码")
    nurse.at("登录")
    nurse.sign_in(username, _PASSWORD)
    menu = nurse.page.get_by_role("navigation", name="主菜单")
    expect(menu.get_by_role("link", name="人员")).to_have_count(0)
    nurse.open("/people")
    nurse.says("您没有查看这里的权限")
    nurse.context.close()


def make_nurse(admin: Desktop, username: str) -> None:
    """As somebody else does, or another window of the same person."""
    api = admin.page.request
    found = api.get(f"{admin.base}/api/v1/staff/members", params={"q": username}).json()["items"][0]
    api.patch(
        f"{admin.base}/api/v1/staff/members/{found['id']}",
        data={"version": found["version"], "roles": ["nurse"]},
        headers={"x-csrf-token": token_of(admin), "origin": admin.base},
    )


def test_two_editors_see_both_versions_and_a_disabled_member_is_out_at_once(
    world: World, signed_in: SignIn, tmp_path: Path
) -> None:
    admin = signed_in("platform_admin")
    admin.open("/people")
    username = a_username()
    code = invite(admin, username, "窗口")
    row = admin.page.get_by_role("row").filter(has_text=username)
    row.get_by_role("button").first.click()
    drawer = admin.page.get_by_role("dialog")
    drawer.get_by_label("姓名", exact=True).fill("我改的名字")

    make_nurse(admin, username)
    admin.press("保存修改")
    admin.says("别人刚刚保存了这份内容")
    admin.expect_complaint("409")
    admin.look("conflict")
    admin.press("保留我的修改，接着编辑")
    admin.press("保存修改")
    admin.says("已保存。")
    assert world.sql.rows(_MEMBER, username) == [("我改的名字", ["nurse"], False)]

    member = Desktop(world.browser, tmp_path, world.base)
    joined = member.page.request.post(
        f"{world.base}/api/v1/staff/invitations",
        data={"username": username, "code": code, "password": _PASSWORD},
    )
    assert joined.ok
    member.sign_in(username, _PASSWORD)
    admin.press("停用账号")
    admin.page.get_by_role("dialog").last.get_by_role("button", name="停用账号").click()
    admin.says("已停用。")
    assert world.sql.rows(_MEMBER, username) == [("我改的名字", ["nurse"], True)]
    assert member.page.request.get(f"{world.base}/api/v1/staff/me").status == 401
    member.context.close()


def test_the_trail_is_searched_checked_and_exported_and_the_export_is_in_it(
    world: World, signed_in: SignIn
) -> None:
    auditor = signed_in("auditor")
    auditor.open("/audit")
    auditor.at("审计")
    auditor.press("校验审计链")
    auditor.says(re.compile("审计链完整：[0-9]+ 条记录与锚点全部一致|尚未锚定|都还没有锚点"))
    auditor.look("audit")
    auditor.fill("操作", "staff.create")
    auditor.press("查询")
    auditor.says("工作人员 · 新建")
    assert "action=staff.create" in auditor.page.url
    with auditor.page.expect_download() as waiting:
        auditor.press("导出 CSV")
    lines = list(csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines()))
    assert {line[3] for line in lines[1:]} == {"staff.create"}
    ((subject, data),) = world.sql.rows(
        "SELECT subject, data::text FROM audit_entry WHERE action = 'list.export' ORDER BY id DESC LIMIT 1"
    )
    told = json.loads(data)
    assert (subject, told["rows"]) == ("list:audit", len(lines) - 1)

    auditor.press("锚点")
    auditor.says("锚点是链头的指纹")
    auditor.page.keyboard.press("Escape")
    auditor.page.get_by_role("row").nth(1).get_by_role("button").first.click()
    auditor.says("记录号")
    auditor.look("audit-entry")


def test_a_login_that_ends_loses_nothing_and_the_same_person_goes_on(world: World, signed_in: SignIn) -> None:
    admin = signed_in("hospital_admin")
    admin.open("/people")
    username = a_username()
    admin.press("邀请人员")
    admin.fill("姓名", "没有丢")
    admin.fill("用户名", username)
    admin.page.get_by_role("checkbox", name="护士", exact=True).check()
    end_login(admin)
    admin.press("生成邀请码")
    admin.says("登录已结束，请重新登录")
    admin.fill("密码", DEMO_PASSWORD)
    admin.press("登录")
    admin.says("邀请码只显示这一次")
    admin.expect_complaint("401")
    assert world.sql.rows(_MEMBER, username) == [("没有丢", ["nurse"], False)]
    admin.press("我已记下")

    admin.page.get_by_role("row").filter(has_text=username).get_by_role("button").first.click()
    admin.page.get_by_role("dialog").get_by_label("姓名", exact=True).fill("没有保存")
    admin.page.keyboard.press("Escape")
    admin.says("有修改还没有保存")
    admin.press("留在本页")
    expect(admin.page.get_by_role("dialog").get_by_label("姓名", exact=True)).to_have_value("没有保存")
    admin.page.keyboard.press("Escape")
    admin.press("放弃修改并离开")
    expect(admin.page.get_by_role("dialog")).to_have_count(0)
    assert world.sql.rows(_MEMBER, username) == [("没有丢", ["nurse"], False)]


def test_the_frame_is_used_by_keys_in_the_dark_and_keeps_no_secret_in_the_browser(signed_in: SignIn) -> None:
    admin = signed_in("platform_admin")
    admin.open("/people?q=demo_desk")
    admin.says("demo_desk")
    admin.page.keyboard.press("Control+k")
    admin.page.keyboard.type("规则")
    admin.page.keyboard.press("Enter")
    admin.page.wait_for_url("**/console/rules")
    admin.page.go_back()
    admin.says("共 1 条")
    admin.page.keyboard.press("Control+k")
    admin.look("command-search")
    admin.page.keyboard.press("Escape")
    admin.press("账号菜单")
    admin.page.get_by_role("radio", name="深色").check()
    admin.page.keyboard.press("Escape")
    admin.look("people-dark")
    kept = admin.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert token_of(admin) not in kept
    cookies = {cookie["name"]: cookie for cookie in admin.context.cookies()}
    login = cookies["guahao_staff"]
    assert (login["httpOnly"], login["sameSite"]) == (True, "Strict")
    assert login["value"] not in kept
    admin.open("/no-such-page")
    admin.at("没有这个页面")
    admin.press("账号菜单")
    admin.press("退出登录")
    admin.at("登录")
    admin.open("/people?q=x")
    admin.at("登录")
    assert "to=" in admin.page.url
