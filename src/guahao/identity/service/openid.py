"""Who a WeChat user is, by the code of wx.login."""

from __future__ import annotations

from guahao.identity.ports.wechat import JsCodeRefused, WeChatIdentity, WeChatUnreachable, WeChatUserBlocked
from guahao.identity.service.account import WeChatAccountBlocked, WeChatLoginRefused, WeChatUnavailable


async def openid_by_code(wechat: WeChatIdentity, *, js_code: str) -> str:
    """Exchange a code for the openid; outside of any transaction, since WeChat is asked.

    Raises `WeChatLoginRefused`, `WeChatAccountBlocked` or `WeChatUnavailable`.
    """
    try:
        return await wechat.openid_of(js_code=js_code)
    except JsCodeRefused as error:
        raise WeChatLoginRefused from error
    except WeChatUserBlocked as error:
        raise WeChatAccountBlocked from error
    except WeChatUnreachable as error:
        raise WeChatUnavailable from error
