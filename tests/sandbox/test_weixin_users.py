from __future__ import annotations

import httpx
import pytest

from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.sandbox import weixin_api

pytestmark = pytest.mark.anyio


async def log_in(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post("/api/v1/logins", json={"kind": "wechat", "js_code": code})


async def test_a_user_logs_in_with_the_code_of_the_sandbox(client: httpx.AsyncClient) -> None:
    given = [
        await client.post("/sandbox/weixin/codes", json={"kind": "login", "subject": "li"}) for _ in range(2)
    ]
    codes = [answer.json()["code"] for answer in given]

    first, again = await log_in(client, codes[0]), await log_in(client, codes[1])
    replayed = await log_in(client, codes[0])

    assert [answer.status_code for answer in given] == [201, 201]
    assert codes[0] != codes[1]
    assert first.json()["account"]["id"] == again.json()["account"]["id"]
    assert (replayed.status_code, replayed.json()["code"]) == (401, "wechat-login-refused")


async def test_a_code_for_a_phone_logs_nobody_in(client: httpx.AsyncClient) -> None:
    asked = {"kind": "phone", "subject": "13800138000"}
    code = (await client.post("/sandbox/weixin/codes", json=asked)).json()["code"]

    assert (await log_in(client, code)).json()["code"] == "wechat-login-refused"


async def test_a_message_is_shown_to_the_user_who_consented(
    client: httpx.AsyncClient, sessions: Sessions, settings: Settings
) -> None:
    asked = {"user": "li", "template_id": "booked"}
    left = [(await client.post("/sandbox/weixin/consents", json=asked)).json() for _ in range(2)]
    app = weixin_api.app(sessions, app_id=settings.wechat_app_id, app_secret="sandbox")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.weixin.qq.com") as weixin:
        app_of = {
            "appid": settings.wechat_app_id,
            "secret": "sandbox",
            "grant_type": "client_credential",
        }
        token = (await weixin.post("/cgi-bin/stable_token", json=app_of)).json()["access_token"]
        message = {
            "touser": weixin_api.openid_of(app_id=settings.wechat_app_id, user="li"),
            "template_id": "booked",
            "page": "pages/appointment",
            "data": {"thing1": {"value": "内科门诊"}},
        }
        params = {"access_token": token}
        sent = await weixin.post("/cgi-bin/message/subscribe/send", params=params, json=message)

    shown = await client.get("/sandbox/weixin/messages", params={"user": "li"})
    others = await client.get("/sandbox/weixin/messages", params={"user": "wang"})

    assert left == [{"remaining": 1}, {"remaining": 2}]
    assert sent.json()["errcode"] == 0
    assert shown.json() == {
        "items": [{"template_id": "booked", "page": "pages/appointment", "data": {"thing1": "内科门诊"}}]
    }
    assert others.json() == {"items": []}
