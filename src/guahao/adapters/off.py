"""What stands for remote systems that a hospital does not use."""

from __future__ import annotations

from typing import NoReturn

from guahao.identity.ports.sms import SmsNotSent
from guahao.identity.ports.wechat import WeChatUnreachable

_OFF = "not offered here"


class NoSms:
    """Sends nothing: patients come by WeChat or are enrolled at the desk."""

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> NoReturn:
        """Refuse."""
        _ = phone, code, valid_min
        raise SmsNotSent(_OFF)


class NoWeChat:
    """Knows nobody: patients log in by phone, or are enrolled at the desk."""

    async def openid_of(self, *, js_code: str) -> NoReturn:
        """Refuse."""
        _ = js_code
        raise WeChatUnreachable(_OFF)

    async def phone_of(self, *, code: str) -> NoReturn:
        """Refuse."""
        _ = code
        raise WeChatUnreachable(_OFF)
