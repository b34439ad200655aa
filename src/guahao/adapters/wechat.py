"""WeChat's server API for mini programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
import msgspec

from guahao.identity.ports.wechat import (
    JsCodeRefused,
    PhoneCodeRefused,
    WeChatUnreachable,
    WeChatUserBlocked,
)
from guahao.kernel.clock import utc_now
from guahao.kernel.log import logger

ENDPOINT = "https://api.weixin.qq.com"
_TIMEOUT_S = 5.0
_REFUSED = {40029, 40163}
_BLOCKED = 40226
_TRY_LATER = {-1, 45011}
_TOKEN_REFUSED = {40001, 40014, 42001}
_MARGIN = timedelta(minutes=5)
"""How long before its end a token is no longer used."""

_MOBILE = re.compile(r"1[3-9][0-9]{9}")


A = TypeVar("A")


class _Session(msgspec.Struct):
    """The answer of jscode2session; a success has no errcode. The session key is not even read."""

    openid: str = ""
    errcode: int = 0


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: int = 0
    errcode: int = 0


class _Watermark(msgspec.Struct):
    appid: str


class _PhoneInfo(msgspec.Struct, rename="camel"):
    pure_phone_number: str
    country_code: str
    watermark: _Watermark


class _Phone(msgspec.Struct):
    errcode: int = 0
    phone_info: _PhoneInfo | None = None


class WeChat:
    """Thin client of api.weixin.qq.com for one mini program."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        app_id: str,
        app_secret: str,
        endpoint: str = ENDPOINT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use `http` for all calls; `endpoint` and `clock` stand for the real ones in tests."""
        self._http = http
        self._app = {"appid": app_id, "secret": app_secret}
        self._endpoint = endpoint.rstrip("/")
        self._clock = clock
        self._token: tuple[str, datetime] | None = None

    async def openid_of(self, *, js_code: str) -> str:
        """Exchange the code of wx.login; see the port."""
        asked = {**self._app, "grant_type": "authorization_code", "js_code": js_code}
        session = await self._ask("GET", "/sns/jscode2session", _Session, params=asked)
        if session.errcode in _REFUSED:
            raise JsCodeRefused
        if session.errcode == _BLOCKED:
            raise WeChatUserBlocked
        if session.errcode or not session.openid:
            raise _unreachable(session.errcode)
        return session.openid

    async def phone_of(self, *, code: str) -> str:
        """Exchange the code of the phone-number button; see the port."""
        answer = await self._phone(code)
        if answer.errcode in _TOKEN_REFUSED:  # somebody had it renewed: the one there is now is asked for
            self._token = None
            answer = await self._phone(code)
        if answer.errcode in _REFUSED:
            raise PhoneCodeRefused
        if answer.errcode or answer.phone_info is None:
            raise _unreachable(answer.errcode)
        found = answer.phone_info
        is_ours = found.watermark.appid == self._app["appid"]
        if not is_ours or found.country_code != "86" or not _MOBILE.fullmatch(found.pure_phone_number):
            raise PhoneCodeRefused
        return found.pure_phone_number

    async def _phone(self, code: str) -> _Phone:
        params = {"access_token": await self._access_token()}
        return await self._ask(
            "POST", "/wxa/business/getuserphonenumber", _Phone, params=params, json={"code": code}
        )

    async def _access_token(self) -> str:
        """The stable token, which all processes share: asking again answers the same, and ends none."""
        now = self._clock()
        if self._token is not None and now < self._token[1]:
            return self._token[0]
        wish = {**self._app, "grant_type": "client_credential", "force_refresh": False}
        answer = await self._ask("POST", "/cgi-bin/stable_token", _Token, json=wish)
        if answer.errcode or not answer.access_token:
            raise _unreachable(answer.errcode)
        self._token = answer.access_token, now + timedelta(seconds=answer.expires_in) - _MARGIN
        return answer.access_token

    async def _ask(
        self,
        method: str,
        path: str,
        kind: type[A],
        *,
        params: dict[str, str] | None = None,
        json: dict[str, object] | None = None,
    ) -> A:
        try:
            answered = await self._http.request(
                method, self._endpoint + path, params=params, json=json, timeout=_TIMEOUT_S
            )
            return msgspec.json.decode(answered.content, type=kind)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            # Without the cause: its text quotes the address, which holds the secret and the code.
            raise WeChatUnreachable(type(error).__name__) from None


def _unreachable(errcode: int) -> WeChatUnreachable:
    if errcode not in _TRY_LATER:
        logger().error("wechat-refuses-us", code=errcode)
    return WeChatUnreachable(errcode)
