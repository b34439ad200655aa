"""WeChat's login without WeChat: the openid follows from the code, and a code works once."""

from __future__ import annotations

import hashlib

from guahao.identity.ports.wechat import JsCodeRefused, WeChatUnreachable, WeChatUserBlocked

REFUSED_CODE = "sandbox-invalid"
BLOCKED_CODE = "sandbox-blocked"
BUSY_CODE = "sandbox-busy"


class SandboxWeChat:
    """Answers in process, always the same.

    A code `name--anything` belongs to the user `name`, so that one user can log in many times; other
    codes are users of their own. The codes above give WeChat's errors 40029, 40226 and -1.
    """

    def __init__(self, *, app_id: str) -> None:
        """Answer for the mini program `app_id`."""
        self._app_id = app_id
        self._used: set[str] = set()

    async def openid_of(self, *, js_code: str) -> str:
        """Exchange a code; see the port."""
        if js_code == BLOCKED_CODE:
            raise WeChatUserBlocked
        if js_code == BUSY_CODE:
            raise WeChatUnreachable(-1)
        if js_code == REFUSED_CODE or js_code in self._used:
            raise JsCodeRefused
        self._used.add(js_code)
        user = js_code.partition("--")[0]
        return "sandbox" + hashlib.sha256(f"{self._app_id}|{user}".encode()).hexdigest()[:21]
