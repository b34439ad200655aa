"""WeChat's server API for mini programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from guahao.adapters.lenient import Node, node_of, part, text, whole
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

_LONGEST_TOKEN_S = 7200
_UNKNOWN = -2
_HOME = "86"
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


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
        session = await self._ask("GET", "/sns/jscode2session", params=asked)
        errcode = _errcode(session)
        openid = text(session, "openid") if isinstance(session.get("openid"), str) else ""
        if errcode in _REFUSED:
            raise JsCodeRefused
        if errcode == _BLOCKED:
            raise WeChatUserBlocked
        if errcode or not openid:
            raise _unreachable(errcode)
        return openid

    async def phone_of(self, *, code: str) -> str:
        """Exchange the code of the phone-number button; see the port."""
        answer = await self._phone(code)
        if _errcode(answer) in _TOKEN_REFUSED:  # somebody had it renewed: the one there is now is asked for
            self._token = None
            answer = await self._phone(code)
        errcode = _errcode(answer)
        if errcode in _REFUSED:
            raise PhoneCodeRefused
        info = part(answer, "phone_info")
        appid = text(part(info, "watermark"), "appid")
        if errcode or not info or not appid:
            raise _unreachable(errcode)
        phone = _mobile(info)
        if appid != self._app["appid"] or phone is None:
            raise PhoneCodeRefused
        return phone

    async def _phone(self, code: str) -> Node:
        params = {"access_token": await self._access_token()}
        return await self._ask("POST", "/wxa/business/getuserphonenumber", params=params, json={"code": code})

    async def _access_token(self) -> str:
        """The stable token, which all processes share: asking again answers the same, and ends none."""
        now = self._clock()
        if self._token is not None and now < self._token[1]:
            return self._token[0]
        wish = {**self._app, "grant_type": "client_credential", "force_refresh": False}
        answer = await self._ask("POST", "/cgi-bin/stable_token", json=wish)
        token = text(answer, "access_token")
        if _errcode(answer) or not token:
            raise _unreachable(_errcode(answer))
        lives_s = min(max(whole(answer, "expires_in") or 0, 0), _LONGEST_TOKEN_S)
        self._token = token, now + timedelta(seconds=lives_s) - _MARGIN
        return token

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: dict[str, object] | None = None,
    ) -> Node:
        try:
            answered = await self._http.request(
                method, self._endpoint + path, params=params, json=json, timeout=_TIMEOUT_S
            )
        except httpx.HTTPError as error:
            # Without the cause: its text quotes the address, which holds the secret and the code.
            raise WeChatUnreachable(type(error).__name__) from None
        node = node_of(answered.content)
        if node is None:
            raise WeChatUnreachable("json")
        return node


def _errcode(node: Node) -> int:
    """A success has no errcode, or 0; one that is no number is none that we know."""
    if node.get("errcode") is None:
        return 0
    errcode = whole(node, "errcode")
    return _UNKNOWN if errcode is None else errcode


def _mobile(info: Node) -> str | None:
    """The number of mainland China from any member that holds it; the country comes as text or number."""
    country = text(info, "countryCode") or _HOME
    number = text(info, "purePhoneNumber") or text(info, "phoneNumber").removeprefix("+").removeprefix(_HOME)
    return number if country.removeprefix("+") == _HOME and _MOBILE.fullmatch(number) else None


def _unreachable(errcode: int) -> WeChatUnreachable:
    if errcode not in _TRY_LATER:
        logger().error("wechat-refuses-us", code=errcode)
    return WeChatUnreachable(errcode)
