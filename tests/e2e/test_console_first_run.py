"""A new installation, from an empty database to a place that a patient can book, in the browser alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from guahao.kernel.clock import local_date, utc_now
from tests.database import migrated_database
from tests.e2e.conftest import ROOT, free_port, wait_until_ready
from tests.e2e.desktop import Desktop
from tests.e2e.handset import Handset
from tests.e2e.screen import chromium
from tests.factories.workbook import Change, Sheets, put, sheets, write_xlsx

pytestmark = pytest.mark.timeout(300)

CODE = "YX-RM"
ADMIN = ("first.admin", "a calm first morning")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
DAY = local_date(utc_now()) + timedelta(days=2)


@contextmanager
def process(command: str, folder: Path, given: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the product as its own process; it must end well when told to."""
    with (folder / f"{command}.log").open("wb") as log:
        guahao = Path(sys.executable).with_name("guahao")
        running = subprocess.Popen(
            [guahao, command], env=os.environ | given, stdout=log, stderr=log, cwd=ROOT
        )
    try:
        yield running
    finally:
        running.terminate()
        assert running.wait(30) == 0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Server and worker on a migrated, empty database; their address and their data folder."""
    folder = tmp_path_factory.mktemp("installation")
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with migrated_database("first_run") as dsn, ExitStack() as processes:
        given = {
            "GUAHAO_CLIENTS_DIR": os.environ.get("GUAHAO_CLIENTS_DIR", str(ROOT / "dist/clients")),
            "GUAHAO_ENVIRONMENT": "demo",
            "GUAHAO_DATABASE_URL": dsn,
            "GUAHAO_DATA_DIR": str(folder / "data"),
            "GUAHAO_PORT": str(port),
            "GUAHAO_PUBLIC_URL": base,
            "GUAHAO_DRAIN_S": "1",
        }
        server = processes.enter_context(process("serve", folder, given))
        processes.enter_context(process("worker", folder, given))
        wait_until_ready(server, base, folder / "serve.log")
        yield base, folder / "data"


@pytest.fixture(scope="module")
def browser(installation: tuple[str, Path]) -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@dataclass(frozen=True, kw_only=True)
class FirstAdmin:
    """Who set the installation up, where the wizard stands now, and what they keep at home."""

    screen: Desktop
    secret: str
    recovery_codes: list[str]


@pytest.fixture(scope="module")
def first_admin(
    installation: tuple[str, Path], browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> FirstAdmin:
    """The wizard's first steps, with the setup code as the terminal shows it."""
    base, data = installation
    screen = Desktop(browser, tmp_path_factory.mktemp("first_admin"), base)
    screen.open("/")
    make_first_admin(screen, (data / "setup-code").read_text("ascii").strip())
    secret, codes = bind_second_factor(screen)
    assert not (data / "setup-code").exists()
    return FirstAdmin(screen=screen, secret=secret, recovery_codes=codes)


def office(*changes: Change) -> Sheets:
    """The office's workbook: departments and doctors, but neither prices nor clinics."""

    def own(content: Sheets) -> None:
        for rows in content.values():
            for row in rows:
                row["医院编码"] = CODE
        content["医院"][0]["医院名称"] = "云溪人民医院"
        content["价格"] = content["出诊安排"] = []

    return sheets(own, *changes)


def make_first_admin(admin: Desktop, setup_code: str) -> None:
    admin.at("创建第一位管理员")
    admin.expect_complaint("401")  # nobody is logged in yet
    admin.look("first admin")
    admin.fill("设置码", setup_code)
    admin.fill("姓名", "周主任")
    admin.page.get_by_role("textbox", name="用户名").fill(ADMIN[0])
    admin.fill("密码", ADMIN[1])
    admin.press("创建管理员")


def bind_second_factor(admin: Desktop) -> tuple[str, list[str]]:
    """Bind an app by the secret on the screen; answers the secret and the recovery codes."""
    admin.at("绑定动态码验证器")
    secret = admin.page.locator(".factor-secret").inner_text()
    admin.look("second factor")
    admin.fill("App 上显示的 6 位动态码", pyotp.TOTP(secret).now())
    admin.press("确认绑定")
    admin.page.get_by_role("heading", name="保存恢复码").wait_for()
    codes = admin.page.get_by_role("region", name="保存恢复码").get_by_role("listitem").all_inner_texts()
    admin.look("recovery codes")
    admin.page.get_by_label("我已保存好恢复码").check()
    admin.press("继续")
    return secret, codes


def add_first_hospital(admin: Desktop) -> None:
    admin.at("添加第一家医院")
    admin.look("first hospital")
    admin.fill("医院名称", "云溪人民医院")
    admin.page.get_by_role("textbox", name="医院编码").fill(CODE)
    admin.fill("城市", "云溪市")
    admin.fill("电话", "0000-0000001")
    admin.fill("地址", "云溪市康宁路 1 号")
    admin.press("添加医院")
    admin.at("导入科室、医生和号源")
    admin.look("import or by hand")


def import_workbook(admin: Desktop, folder: Path) -> None:
    bad = write_xlsx(folder / "初稿.xlsx", office(put("医生", 0, 号别="教授")))
    good = write_xlsx(folder / "定稿.xlsx", office())
    admin.press("去导入 Excel")
    admin.at("导入导出")
    admin.page.locator("input[type=file]").set_input_files(bad)
    admin.says("有 1 处错误，什么都没有写入。请在文件里改好，再选一次。")
    cells = admin.page.get_by_role("region", name="错误").get_by_role("row").nth(1).get_by_role("cell")
    assert cells.all_inner_texts()[:4] == ["医生", "2", "号别", "教授"]
    admin.page.locator("input[type=file]").set_input_files(good)
    admin.says("检查通过，可以导入。导入后会是这样：")
    admin.press("导入这个文件")
    admin.says("已导入：")
    admin.look("imported")


def expect_missing(admin: Desktop, *names: str) -> None:
    """The checklist says that exactly these are open."""
    admin.at("还差什么，患者就能预约")
    said = f"还差 {len(names)} 项" if names else "患者已经可以预约了。"
    expect(admin.page.get_by_text(said, exact=True)).to_be_visible(timeout=60_000)
    items = admin.page.get_by_role("main").locator("li.check", has_text="未完成")
    assert [item.locator("strong").inner_text() for item in items.all()] == list(names)


def set_fee(admin: Desktop) -> None:
    admin.press("去完成：价格")
    admin.at("价格")
    admin.press("新价格")
    admin.choose("号别", "专家")
    admin.fill("价格（元）", "20")
    admin.press("定价")
    admin.says("已定价。")


def add_template(admin: Desktop) -> None:
    admin.press("去完成：排班模板")
    admin.at("排班模板")
    admin.press("新增模板")
    admin.choose("科室", "心内科")
    admin.field("医生").select_option(index=1)
    admin.choose("院区", "本院")
    admin.fill("诊室", "301")
    admin.choose("号别", "专家")
    admin.choose("星期", "周一周二周三周四周五周六周日"[2 * DAY.weekday() :][:2])
    admin.choose("节假日", "照常出诊")
    admin.press("预览")
    admin.says("按这个模板将产生的出诊")
    admin.press("保存模板")
    admin.says("模板已保存，出诊会在一分钟内更新。")


def see_a_place(phone: Handset) -> None:
    """A patient finds the hospital, its doctor and a place."""
    phone.agree_to_privacy()
    phone.open()
    phone.page.get_by_text("云溪人民医院").first.tap()
    phone.at("packages/catalog/hospital/hospital")
    phone.page.get_by_role("link", name="心内科").first.tap()
    phone.at("packages/catalog/department/department")
    phone.page.get_by_role("link", name="林清晏").first.tap()
    phone.at("packages/catalog/doctor/doctor")
    phone.page.get_by_role("tab", name="有号").last.tap()
    phone.page.get_by_role("button", name="预约").last.wait_for()


def test_an_empty_installation_is_set_up_in_the_browser_until_a_patient_can_book(
    first_admin: FirstAdmin, browser: Browser, tmp_path: Path
) -> None:
    admin = first_admin.screen
    add_first_hospital(admin)
    import_workbook(admin, tmp_path)
    admin.press("开通清单")
    expect_missing(admin, "价格", "排班模板", "发布号源")
    admin.look("checklist")
    set_fee(admin)
    admin.press("开通清单")
    expect_missing(admin, "排班模板", "发布号源")
    add_template(admin)
    admin.press("开通清单")
    expect_missing(admin)
    admin.look("all done")

    phone = Handset(browser, tmp_path, admin.base)
    see_a_place(phone)
    phone.picture("a place")
    phone.context.close()


def sign_in(desktop: Desktop, password: str = ADMIN[1]) -> None:
    """Type name and password on the way to the page of devices."""
    desktop.open("/login?to=/devices")
    desktop.fill("用户名", ADMIN[0])
    desktop.fill("密码", password)
    desktop.press("登录")


def prove(desktop: Desktop, label: str, proof: str) -> None:
    """Type the second factor."""
    desktop.page.get_by_role("textbox", name=label).fill(proof)
    desktop.press("登录")


def test_a_second_factor_or_a_recovery_code_lets_in_and_a_device_is_put_out_from_another(
    first_admin: FirstAdmin, browser: Browser, tmp_path: Path
) -> None:
    with_app = Desktop(browser, tmp_path, first_admin.screen.base)
    sign_in(with_app)
    with_app.says("验证器 App 上的 6 位数字，每 30 秒换一次。")
    with_app.expect_complaint("401")
    with_app.look("code of the app")
    later = utc_now() + timedelta(seconds=30)  # the present code was spent when the app was bound
    prove(with_app, "动态码", pyotp.TOTP(first_admin.secret).at(later))
    with_app.at("账号与设备")
    with_app.says("已绑定，还有 10 个恢复码没有用过。")

    with_code = Desktop(browser, tmp_path, with_app.base, agent=FIREFOX)
    for said in ("已绑定，还有 9 个恢复码没有用过。", "恢复码不正确或已用过"):
        sign_in(with_code)
        with_code.press("手机不在身边，用恢复码")
        prove(with_code, "恢复码", first_admin.recovery_codes[0])
        with_code.says(re.compile(said))

    with_app.page.reload()
    with_app.press("让 Firefox（Windows） 退出登录")
    with_app.page.get_by_role("dialog").get_by_role("button", name="退出登录", exact=True).click()
    with_app.says("已退出。")
    with_app.look("devices")
    with_code.open("/devices")
    with_code.at("登录")
    for desktop in (with_app, with_code):
        desktop.context.close()


def test_five_wrong_passwords_pause_a_name_whoever_has_it(
    first_admin: FirstAdmin, browser: Browser, tmp_path: Path
) -> None:
    stranger = Desktop(browser, tmp_path, first_admin.screen.base)
    stranger.open("/login")
    stranger.fill("用户名", "nobody.here")
    stranger.fill("密码", "not the password")
    for _ in range(5):
        with stranger.page.expect_response("**/console/logins") as answer:
            stranger.press("登录")
        assert answer.value.status == 401
        stranger.says("用户名或密码不正确，请检查后重试；忘记密码请联系管理员重置。")
    stranger.press("登录")
    stranger.says(re.compile("连续输错次数过多，为保护账号请 [0-9]+ 秒后再试"))
    expect(stranger.part("请等", whole=False)).to_be_disabled()
    stranger.expect_complaint("401|429")
    stranger.look("paused")
    stranger.context.close()
