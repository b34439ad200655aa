"""One merchant at the sandbox's Alipay, and what every part of it needs to know."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from guahao.kernel.clock import CHINA, utc_now
from guahao.kernel.db import Sessions
from guahao.sandbox.keys import SandboxKeys

PATH = "/sandbox/alipay"
"""Where browsers find the gateway, the cashiers and the bills."""

BUYER_ID = "2088102100000001"
BUYER_LOGON_ID = "san***@sandbox.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayShop:
    """The merchant's numbers and keys; `public_url` is where its own site and so this sandbox is."""

    sessions: Sessions
    keys: SandboxKeys
    app_id: str
    seller_id: str
    public_url: str
    time_scale: float
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def address(self, path: str) -> str:
        """The public address of something below `PATH`."""
        return f"{self.public_url.rstrip('/')}{PATH}/{path}"


def new_number(now: datetime) -> str:
    """A number as Alipay gives them: the day and twenty digits."""
    return f"{now.astimezone(CHINA):%Y%m%d}2200{secrets.randbelow(10**16):016d}"
