"""Taking everything along, and closing the account, by finger on a phone's screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.handset import Handset
from tests.e2e.payer import Payer, until
from tests.e2e.world import World
from tests.factories.account import phone as new_number
from tests.factories.days import today, years_before
from tests.factories.newcomer import PASSWORD, username
from tests.factories.person import resident_id

pytestmark = pytest.mark.timeout(300)
ACCOUNT = "packages/account"


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(world.browser, tmp_path, world.base)
    yield handset
    handset.context.close()


def code_sent(base: str, number: str, *, after: str = "") -> str:
    """The newest code that reached this phone, another than the one before."""

    def newest() -> str | None:
        message = httpx.get(f"{base}/sandbox/sms", params={"phone": number})
        code: str | None = message.json().get("code") if message.status_code == 200 else None
        return None if code == after else code

    found: str = until("a code", newest)
    return found


def newcomer(world: World, number: str) -> str:
    """Register somebody, let the minute pass that codes wait for, and answer the token."""
    base = world.base
    httpx.post(f"{base}/api/v1/sms-codes", json={"phone": number, "purpose": "register"}).raise_for_status()
    body = {"phone": number, "sms_code": code_sent(base, number), "username": username()}
    made = httpx.post(f"{base}/api/v1/accounts", json=body | {"password": PASSWORD})
    world.sql.rows("UPDATE sms_code SET created_at = created_at - interval '2 days' RETURNING 1")
    token: str = made.json()["token"]
    return token


def test_somebody_takes_everything_along_and_closes_the_account(world: World, phone: Handset) -> None:
    number = new_number()
    token = newcomer(world, number)
    phone.remember({"$privacy": "agreed", "login-token": token, "login-kind": "password"})
    phone.open(f"{ACCOUNT}/settings/settings")
    phone.look("settings")

    phone.part("导出个人信息", whole=False).last.tap()
    phone.says("生成文件")
    phone.tap("获取验证码")
    phone.says("已发送")
    first = code_sent(world.base, number)
    phone.fill("短信验证码", first)
    phone.look("export")
    phone.tap("生成文件")
    phone.says("文件已生成")
    phone.look("export-ready")
    with phone.page.expect_download() as download:
        phone.tap("保存文件")
    copy = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert copy["tables"]["account"]["rows"][0]["phone"] == number

    world.sql.rows("UPDATE sms_code SET created_at = created_at - interval '2 days' RETURNING 1")
    phone.open(f"{ACCOUNT}/closure/closure")
    phone.says("注销后，这些马上删除，不能恢复")
    phone.tap("获取验证码")
    phone.says("已发送")
    phone.fill("短信验证码", code_sent(world.base, number, after=first))
    phone.look("closure")
    phone.tap("注销账号")
    phone.says("注销后不能恢复，确定注销吗？")
    phone.picture("closure-asked")
    phone.tap("注销")
    phone.says("账号已注销")
    phone.tap("确定")
    phone.says("还没有登录")

    me = httpx.get(f"{world.base}/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 401
    expect(phone.page.get_by_text("我的预约").first).to_be_visible()


def patients_of(payer: Payer) -> dict[str, dict[str, str]]:
    return {one["id"]: one for one in payer.http.get("/api/v1/patients").json()["items"]}


def test_a_child_gets_another_guardian_who_agrees_anew(world: World, phone: Handset) -> None:
    payer = Payer(world.base)
    born = years_before(today(), 6)
    child = payer.add("王小宝", birth=born, relation="child", guardian=payer.patient)
    phone.carry(payer)
    phone.open(f"{ACCOUNT}/patients/patients")
    phone.says("王小宝")
    phone.part("王小宝", whole=False).last.tap()
    phone.says("监护人：王小明")
    phone.look("child")
    phone.part("更换监护人", whole=False).last.tap()
    phone.says("账号里没有别的成年就诊人可以作监护人")
    phone.look("nobody-else")

    mother = payer.add("李梅", birth=date(1991, 4, 5), relation="spouse")
    phone.open(f"{ACCOUNT}/patient/patient", id=child)
    phone.part("更换监护人", whole=False).last.tap()
    phone.says("现在的监护人：王小明")
    phone.tap("更换监护人")
    phone.says("请先阅读并勾选同意，再继续")
    phone.look("guardian-not-agreed")
    phone.part("我已阅读并同意", whole=False).last.tap()
    phone.look("guardian")
    phone.tap("更换监护人")
    phone.at(f"{ACCOUNT}/patient/patient")
    phone.says("监护人：李梅")
    assert patients_of(payer)[child]["guardian_patient_id"] == mother


def test_a_misspelt_name_and_a_replaced_document_are_corrected_when_the_authority_agrees(
    world: World, phone: Handset
) -> None:
    payer = Payer(world.base)
    wife = payer.add("李煤", birth=date(1991, 4, 5), relation="spouse")
    phone.carry(payer)
    phone.open(f"{ACCOUNT}/patient/patient", id=wife)
    phone.part("更正姓名或证件", whole=False).last.tap()
    phone.says("7 天内只能更正一次")
    phone.fill("正确的姓名", "查无此人")
    phone.tap("核对并更正")
    phone.says("姓名与证件号码核对不一致")
    phone.expect_complaint("status of 422")
    phone.look("name-not-confirmed")
    phone.fill("正确的姓名", "李梅")
    phone.tap("核对并更正")
    phone.at(f"{ACCOUNT}/patient/patient")
    phone.says("李梅")
    phone.look("corrected")
    assert patients_of(payer)[wife]["name"] == "李梅"

    phone.part("更正姓名或证件", whole=False).last.tap()
    phone.tap("证件")
    phone.fill("新的证件号码", resident_id(date(1991, 4, 6)))
    phone.tap("核对并更正")
    phone.says("号码里的出生日期或性别与登记的不同")
    phone.look("another-birth-date")
    phone.fill("新的证件号码", resident_id(date(1991, 4, 5)))
    phone.tap("核对并更正")
    phone.says("该就诊人刚更正过")
    phone.expect_complaint("status of 409")
    phone.look("too-soon")
    phone.tap("知道了")
    assert phone.part("核对并更正").is_visible()
