from __future__ import annotations

import httpx
import pytest

from guahao.adapters.wechat import WeChat
from guahao.identity.ports.wechat import JsCodeRefused, WeChatIdentity, WeChatUnreachable, WeChatUserBlocked

pytestmark = pytest.mark.anyio

APP_ID = "wx1234567890abcdef"
APP_SECRET = "0123456789abcdef0123456789abcdef"


class Simulator:
    """GET /sns/jscode2session; codes are issued to an app id and work once."""

    def __init__(self) -> None:
        self.codes = {"good": APP_ID, "foreign": "wxanother"}
        self.errors = {"busy": -1, "too-often": 45011, "risk": 40226}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = dict(request.url.params)
        if request.method != "GET" or request.url.path != "/sns/jscode2session":
            return httpx.Response(404)
        if errcode := self._errcode(asked):
            return httpx.Response(200, json={"errcode": errcode, "errmsg": "said by the simulator"})
        self.codes.pop(asked["js_code"])
        self.errors[asked["js_code"]] = 40163
        return httpx.Response(200, json={"openid": "o-of-good", "session_key": "tiihtNczf5v6AKRyjwEUhQ=="})

    def _errcode(self, asked: dict[str, str]) -> int:
        if asked.get("grant_type") != "authorization_code" or asked.get("appid") != APP_ID:
            return 40013
        if asked.get("secret") != APP_SECRET:
            return 40125
        known = self.codes.get(asked["js_code"]) == APP_ID
        return self.errors.get(asked["js_code"], 0 if known else 40029)


def wechat(transport: httpx.AsyncBaseTransport, *, secret: str = APP_SECRET) -> WeChatIdentity:
    return WeChat(httpx.AsyncClient(transport=transport), app_id=APP_ID, app_secret=secret)


async def test_a_code_gives_the_openid_once() -> None:
    client = wechat(Simulator().transport())

    assert await client.openid_of(js_code="good") == "o-of-good"
    with pytest.raises(JsCodeRefused):
        await client.openid_of(js_code="good")


@pytest.mark.parametrize(
    ("js_code", "error"),
    [
        ("never-issued", JsCodeRefused),
        ("foreign", JsCodeRefused),
        ("risk", WeChatUserBlocked),
        ("busy", WeChatUnreachable),
        ("too-often", WeChatUnreachable),
    ],
)
async def test_row_39_wechats_errors_are_told_apart(js_code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await wechat(Simulator().transport()).openid_of(js_code=js_code)


async def test_a_wrong_app_secret_is_not_the_users_fault() -> None:
    with pytest.raises(WeChatUnreachable):
        await wechat(Simulator().transport(), secret="old").openid_of(js_code="good")


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"{}", b'{"openid": 1}', b'{"openid": ""}', b'{"errcode": 0}', b"[]"]
)
async def test_an_answer_without_openid_logs_nobody_in(content: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))

    with pytest.raises(WeChatUnreachable):
        await wechat(transport).openid_of(js_code="good")


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.PoolTimeout])
async def test_a_lost_connection_tells_neither_secret_nor_code(error: type[httpx.HTTPError]) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise error(str(request.url))

    with pytest.raises(WeChatUnreachable) as lost:
        await wechat(httpx.MockTransport(lose)).openid_of(js_code="good")

    assert str(lost.value) == error.__name__
    assert lost.value.__cause__ is None
    assert lost.value.__suppress_context__
