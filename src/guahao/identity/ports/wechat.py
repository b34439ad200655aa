"""Who a WeChat user is."""

from __future__ import annotations

from typing import Protocol


class JsCodeRefused(Exception):
    """The code is invalid, used before, too old or of another mini program (errcode 40029, 40163)."""


class PhoneCodeRefused(Exception):
    """The code shows no mainland mobile to us: invalid, used, too old, or for another mini program."""


class WeChatUserBlocked(Exception):
    """WeChat holds this user for high-risk and gives no login (errcode 40226)."""


class WeChatUnreachable(Exception):
    """WeChat is busy (-1), limits us (45011), timed out or answered what it never should."""


class WeChatIdentity(Protocol):
    """WeChat's login for mini programs."""

    async def openid_of(self, *, js_code: str) -> str:
        """Exchange the code of wx.login for the user's openid in our mini program.

        A code works once, for five minutes. The session key never leaves the adapter. Raises
        `JsCodeRefused`, `WeChatUserBlocked` or `WeChatUnreachable`.
        """
        ...

    async def phone_of(self, *, code: str) -> str:
        """Exchange the code of one press of the phone-number button for the mainland mobile it shows.

        A code works once, for five minutes, and each exchange costs money. Raises `PhoneCodeRefused` or
        `WeChatUnreachable`.
        """
        ...
