from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from guahao.adapters.wechat import WeChat
from guahao.identity.ports.wechat import (
    JsCodeRefused,
    PhoneCodeRefused,
    WeChatUnreachable,
    WeChatUserBlocked,
)
from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import weixin_api
from guahao.sandbox.weixin_models import SandboxWeixinMessage, WeixinCodeKind

pytestmark = pytest.mark.anyio

APP_ID = "wx1234567890abcdef"
SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TEMPLATE = "template-booked"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def simulator(sessions: Sessions, clock: Clock, app_id: str = APP_ID) -> httpx.AsyncClient:
    app = weixin_api.app(sessions, app_id=app_id, app_secret=SECRET, clock=clock)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://api.weixin.qq.com")


@pytest.fixture
async def weixin(sessions: Sessions, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    async with simulator(sessions, clock) as http:
        yield http


def wechat(http: httpx.AsyncClient, app_id: str = APP_ID) -> WeChat:
    return WeChat(http, app_id=app_id, app_secret=SECRET)


async def session_of(weixin: httpx.AsyncClient, js_code: str, **change: str) -> Any:
    asked = {"appid": APP_ID, "secret": SECRET, "js_code": js_code, "grant_type": "authorization_code"}
    answer = await weixin.get("/sns/jscode2session", params=asked | change)
    assert answer.status_code == 200
    return answer.json()


async def token_of(weixin: httpx.AsyncClient, **change: object) -> Any:
    asked = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    return (await weixin.post("/cgi-bin/stable_token", json=asked | change)).json()


async def phone_of(weixin: httpx.AsyncClient, code: str, token: str) -> Any:
    path = "/wxa/business/getuserphonenumber"
    return (await weixin.post(path, params={"access_token": token}, json={"code": code})).json()


async def tell(weixin: httpx.AsyncClient, openid: str, token: str, data: object = None) -> Any:
    body = {"touser": openid, "template_id": TEMPLATE, "page": "pages/a", "data": data or BOOKED}
    path = "/cgi-bin/message/subscribe/send"
    return (await weixin.post(path, params={"access_token": token}, json=body)).json()


BOOKED = {"thing1": {"value": "内科门诊"}, "time2": {"value": "2026-03-02 08:00"}}


async def test_a_session_has_no_errcode_and_the_openid_follows_from_the_user(
    weixin: httpx.AsyncClient,
) -> None:
    first = await session_of(weixin, "li--1")
    again = await session_of(weixin, "li--2")
    other = await session_of(weixin, "wang--1")

    assert set(first) == {"openid", "session_key"}
    assert first["openid"] == again["openid"] != other["openid"]
    assert first["session_key"] != again["session_key"]


@pytest.mark.parametrize(
    ("code", "errcode"),
    [
        ("sandbox-invalid", 40029),
        ("sandbox-blocked", 40226),
        ("sandbox-busy", -1),
        ("sandbox-limited", 45011),
        ("", 40029),
        ("x" * 201, 40029),
    ],
)
async def test_wechats_errors_come_by_name(weixin: httpx.AsyncClient, code: str, errcode: int) -> None:
    assert (await session_of(weixin, code))["errcode"] == errcode


async def test_row_39_a_code_works_once_and_its_repetition_in_another_process_does_not(
    sessions: Sessions, weixin: httpx.AsyncClient, clock: Clock
) -> None:
    async with simulator(sessions, clock) as another:
        assert "openid" in await session_of(weixin, "li--1")
        assert (await session_of(another, "li--1"))["errcode"] == 40163


async def test_row_39_a_code_of_another_app_is_unknown(
    sessions: Sessions, weixin: httpx.AsyncClient, clock: Clock
) -> None:
    async with transaction(sessions) as db:
        await weixin_api.issue(
            db, "li--1", kind=WeixinCodeKind.LOGIN, app_id="wxanother", subject="li", now=NOW
        )

    assert (await session_of(weixin, "li--1"))["errcode"] == 40029


@pytest.mark.parametrize(("later", "works"), [(timedelta(seconds=299), True), (timedelta(minutes=5), False)])
async def test_a_code_lives_five_minutes(
    sessions: Sessions, weixin: httpx.AsyncClient, clock: Clock, later: timedelta, works: bool
) -> None:
    async with transaction(sessions) as db:
        await weixin_api.issue(db, "li--1", kind=WeixinCodeKind.LOGIN, app_id=APP_ID, subject="li", now=NOW)
    clock.now = NOW + later

    assert ("openid" in await session_of(weixin, "li--1")) is works


@pytest.mark.parametrize(
    ("change", "errcode"),
    [({"appid": "wxanother"}, 40013), ({"secret": "old"}, 40125), ({"grant_type": "code"}, 40002)],
)
async def test_a_wrong_app_spends_no_code(
    weixin: httpx.AsyncClient, change: dict[str, str], errcode: int
) -> None:
    assert (await session_of(weixin, "li--1", **change))["errcode"] == errcode
    assert "openid" in await session_of(weixin, "li--1")


async def test_our_client_understands_every_answer(weixin: httpx.AsyncClient) -> None:
    client = wechat(weixin)

    openid = await client.openid_of(js_code="li--1")

    assert openid == weixin_api.openid_of(app_id=APP_ID, user="li")
    for code, error in (
        ("li--1", JsCodeRefused),
        ("sandbox-invalid", JsCodeRefused),
        ("sandbox-blocked", WeChatUserBlocked),
        ("sandbox-busy", WeChatUnreachable),
        ("sandbox-limited", WeChatUnreachable),
    ):
        with pytest.raises(error):
            await client.openid_of(js_code=code)


async def test_one_user_has_another_openid_in_another_app(
    sessions: Sessions, weixin: httpx.AsyncClient, clock: Clock
) -> None:
    async with simulator(sessions, clock, app_id="wxanother") as other:
        theirs = await wechat(other, "wxanother").openid_of(js_code="li--1")

    assert theirs != await wechat(weixin).openid_of(js_code="li--2")


async def test_the_stable_token_is_the_same_for_two_processes_until_it_ages(
    weixin: httpx.AsyncClient, clock: Clock
) -> None:
    first, again = await token_of(weixin), await token_of(weixin)
    clock.now = NOW + timedelta(minutes=116)
    aged = await token_of(weixin)

    assert first == again
    assert first["expires_in"] == 7200
    assert aged["access_token"] != first["access_token"]


async def test_the_older_token_is_new_each_time_and_leaves_the_stable_one(
    weixin: httpx.AsyncClient,
) -> None:
    asked = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    stable = (await weixin.post("/cgi-bin/stable_token", json=asked)).json()["access_token"]

    first, second = [(await weixin.get("/cgi-bin/token", params=asked)).json() for _ in range(2)]
    wrong = (await weixin.get("/cgi-bin/token", params=asked | {"secret": "x"})).json()

    assert len({first["access_token"], second["access_token"], stable}) == 3
    assert (first["expires_in"], wrong["errcode"]) == (7200, 40125)
    assert (await weixin.post("/cgi-bin/stable_token", json=asked)).json()["access_token"] == stable


async def test_a_forced_refresh_ends_the_old_token(weixin: httpx.AsyncClient) -> None:
    old = (await token_of(weixin))["access_token"]
    new = (await token_of(weixin, force_refresh=True))["access_token"]

    refused = await phone_of(weixin, "13800138000--1", old)

    assert refused["errcode"] == 40001
    assert "getStableAccessToken" in refused["errmsg"]
    assert (await phone_of(weixin, "13800138000--1", new))["errcode"] == 0


async def test_a_phone_code_works_once_and_is_watermarked(weixin: httpx.AsyncClient) -> None:
    token = (await token_of(weixin))["access_token"]

    first = await phone_of(weixin, "13800138000--1", token)
    again = await phone_of(weixin, "13800138000--1", token)

    assert first["phone_info"] == {
        "phoneNumber": "13800138000",
        "purePhoneNumber": "13800138000",
        "countryCode": "86",
        "watermark": {"timestamp": int(NOW.timestamp()), "appid": APP_ID},
    }
    assert again["errcode"] == 40163


async def test_row_40_a_phone_code_can_be_watermarked_for_another_app(weixin: httpx.AsyncClient) -> None:
    token = (await token_of(weixin))["access_token"]

    answer = await phone_of(weixin, "sandbox-foreign--13800138000", token)

    assert answer["phone_info"]["watermark"]["appid"] == "wxanother"


@pytest.mark.parametrize("code", ["li--1", "", "sandbox-invalid"])
async def test_a_login_code_gives_no_phone(weixin: httpx.AsyncClient, code: str) -> None:
    token = (await token_of(weixin))["access_token"]

    assert (await phone_of(weixin, code, token))["errcode"] == 40029


async def test_our_client_asks_for_a_token_once(weixin: httpx.AsyncClient, clock: Clock) -> None:
    asked: list[str] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    weixin.event_hooks["request"].append(note)
    client = WeChat(weixin, app_id=APP_ID, app_secret=SECRET, clock=clock)

    phones = [await client.phone_of(code=f"1380013800{number}--1") for number in range(3)]
    clock.now = NOW + timedelta(minutes=116)
    phones.append(await client.phone_of(code="13800138003--1"))

    assert phones == [f"1380013800{number}" for number in range(4)]
    assert asked.count("/cgi-bin/stable_token") == 2


async def test_our_client_survives_that_another_process_renews_the_token(
    weixin: httpx.AsyncClient, clock: Clock
) -> None:
    client = WeChat(weixin, app_id=APP_ID, app_secret=SECRET, clock=clock)
    await client.phone_of(code="13800138000--1")

    await token_of(weixin, force_refresh=True)

    assert await client.phone_of(code="13800138000--2") == "13800138000"


@pytest.mark.parametrize(
    "code", ["sandbox-foreign--13800138000", "sandbox-invalid", "li--1", "13800138000--1"]
)
async def test_row_40_our_client_refuses_codes_that_show_no_phone_to_us(
    weixin: httpx.AsyncClient, clock: Clock, code: str
) -> None:
    client = WeChat(weixin, app_id=APP_ID, app_secret=SECRET, clock=clock)
    await client.phone_of(code="13800138000--1")

    with pytest.raises(PhoneCodeRefused):
        await client.phone_of(code=code)


async def test_our_client_tells_a_busy_wechat_and_a_wrong_secret_from_a_wrong_code(
    weixin: httpx.AsyncClient, clock: Clock
) -> None:
    for secret, code in ((SECRET, "sandbox-busy"), (SECRET, "sandbox-limited"), ("old", "13800138000--1")):
        client = WeChat(weixin, app_id=APP_ID, app_secret=secret, clock=clock)
        with pytest.raises(WeChatUnreachable):
            await client.phone_of(code=code)


async def test_one_consent_is_one_message(sessions: Sessions, weixin: httpx.AsyncClient) -> None:
    token = (await token_of(weixin))["access_token"]
    openid = weixin_api.openid_of(app_id=APP_ID, user="li")
    async with transaction(sessions) as db:
        left = [await weixin_api.consent(db, openid=openid, template_id=TEMPLATE) for _ in range(2)]

    answers = [(await tell(weixin, openid, token))["errcode"] for _ in range(3)]

    assert left == [1, 2]
    assert answers == [0, 0, 43101]
    async with sessions() as db:
        sent = (await db.scalars(select(SandboxWeixinMessage))).all()
    assert [message.data for message in sent] == [{"thing1": "内科门诊", "time2": "2026-03-02 08:00"}] * 2


@pytest.mark.parametrize(
    "data",
    [
        {"thing1": {"value": "九" * 21}},
        {"thing1": {"value": ""}},
        {"unknown1": {"value": "x"}},
        {"phrase1": {"value": "六个字的短语"}},
    ],
)
async def test_a_wrong_field_spends_no_consent(
    sessions: Sessions, weixin: httpx.AsyncClient, data: object
) -> None:
    token = (await token_of(weixin))["access_token"]
    openid = weixin_api.openid_of(app_id=APP_ID, user="li")
    async with transaction(sessions) as db:
        await weixin_api.consent(db, openid=openid, template_id=TEMPLATE)

    assert (await tell(weixin, openid, token, data))["errcode"] == 47003
    assert (await tell(weixin, openid, token))["errcode"] == 0


async def test_what_is_no_json_is_told_so(weixin: httpx.AsyncClient) -> None:
    answer = await weixin.post("/cgi-bin/stable_token", content=b"{")

    assert (answer.status_code, answer.json()["errcode"]) == (200, 47001)
