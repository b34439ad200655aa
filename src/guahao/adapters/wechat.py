"""WeChat's server API for mini programs."""

from __future__ import annotations

import httpx
import msgspec

from guahao.identity.ports.wechat import JsCodeRefused, WeChatUnreachable, WeChatUserBlocked
from guahao.kernel.log import logger

ENDPOINT = "https://api.weixin.qq.com"
_TIMEOUT_S = 5.0
_REFUSED = {40029, 40163}
_BLOCKED = 40226
_TRY_LATER = {-1, 45011}


class _Session(msgspec.Struct):
    """The answer of jscode2session; a success has no errcode. The session key is not even read."""

    openid: str = ""
    errcode: int = 0


class WeChat:
    """Thin client of api.weixin.qq.com for one mini program."""

    def __init__(
        self, http: httpx.AsyncClient, *, app_id: str, app_secret: str, endpoint: str = ENDPOINT
    ) -> None:
        """Use `http` for all calls; `endpoint` stands for the real one in tests."""
        self._http = http
        self._app = {"appid": app_id, "secret": app_secret, "grant_type": "authorization_code"}
        self._url = endpoint.rstrip("/") + "/sns/jscode2session"

    async def openid_of(self, *, js_code: str) -> str:
        """Exchange the code of wx.login; see the port."""
        try:
            answered = await self._http.get(
                self._url, params={**self._app, "js_code": js_code}, timeout=_TIMEOUT_S
            )
            session = msgspec.json.decode(answered.content, type=_Session)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            # Without the cause: its text quotes the address, which holds the secret and the code.
            raise WeChatUnreachable(type(error).__name__) from None
        if session.errcode in _REFUSED:
            raise JsCodeRefused
        if session.errcode == _BLOCKED:
            raise WeChatUserBlocked
        if session.errcode or not session.openid:
            if session.errcode not in _TRY_LATER:
                logger().error("wechat-refuses-us", code=session.errcode)
            raise WeChatUnreachable(session.errcode)
        return session.openid
