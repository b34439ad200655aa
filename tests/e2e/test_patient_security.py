"""What happened to the account, and another phone for it, by finger on a phone's screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.handset import Handset
from tests.e2e.test_patient_rights import ACCOUNT, code_sent, newcomer
from tests.e2e.world import World
from tests.factories.account import phone as new_number
from tests.factories.newcomer import PASSWORD

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(world.browser, tmp_path, world.base)
    yield handset
    handset.context.close()


def test_somebody_is_told_of_a_login_elsewhere_and_changes_the_phone(world: World, phone: Handset) -> None:
    number, new = new_number(), new_number()
    token = newcomer(world, number)
    mine = {"Authorization": f"Bearer {token}"}
    me = httpx.get(f"{world.base}/api/v1/me", headers=mine).json()
    login = {"kind": "password", "username": me["username"], "password": PASSWORD}
    other = httpx.post(f"{world.base}/api/v1/logins", json=login, headers={"User-Agent": "Windows"}).json()
    phone.remember({"$privacy": "agreed", "login-token": token, "login-kind": "password"})

    phone.open("pages/mine/mine")
    phone.look("mine-warned")
    phone.tap("有 1 条新的安全提醒，请查看是不是您本人操作")
    phone.says("在新设备上登录", "Windows · 浏览器，网络地址 127.0.0.1")
    phone.look("security")
    phone.open("pages/mine/mine")
    phone.says("我的预约")
    assert not phone.part("安全提醒", whole=False).is_visible()

    phone.open(f"{ACCOUNT}/change-phone/change-phone")
    phone.fill("新手机号", new)
    phone.tap("密码")
    phone.tap("获取验证码")
    phone.says("已发送")
    phone.fill("新手机号的验证码", code_sent(world.base, new))
    phone.fill("密码", PASSWORD)
    phone.look("change-phone")
    phone.tap("更换手机号")
    phone.says("手机号已更换，请以后用新号码登录")

    me = httpx.get(f"{world.base}/api/v1/me", headers=mine).json()
    assert me["phone"] == f"{new[:3]}****{new[-4:]}"
    elsewhere = {"Authorization": f"Bearer {other['token']}"}
    assert httpx.get(f"{world.base}/api/v1/me", headers=elsewhere).status_code == 401
