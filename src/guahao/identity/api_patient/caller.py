"""What the routes of accounts and logins share: who calls, from what device, with which code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from guahao.identity.models.account import CodePurpose
from guahao.identity.service.sms_code import SmsCodeWrong, pay_code_try
from guahao.identity.service.throttle import name_key
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.http import AllSessions, Keys, Now


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    """What a route needs that opens its own transactions, because it waits for something in between."""

    sessions: Sessions
    keys: KeyRing
    device: str
    now: datetime

    def name_key(self, username: str) -> bytes:
        """Under which wrong passwords for `username` are counted."""
        return name_key(self.keys, username)


async def _caller(request: Request, sessions: AllSessions, keys: Keys, now: Now) -> CallerFacts:
    device = request.headers.get("user-agent", "")
    return CallerFacts(sessions=sessions, keys=keys, device=device, now=now)


Caller = Annotated[CallerFacts, Depends(_caller)]


async def prove_phone(caller: CallerFacts, *, phone: str, purpose: CodePurpose, code: str) -> UUID:
    """Answer the id of the code that was typed rightly, yet to be spent; the try is counted for good.

    Raises `SmsCodeWrong`.
    """
    async with transaction(caller.sessions) as db:
        paid = await pay_code_try(
            db, key_ring=caller.keys, phone=phone, purpose=purpose, code=code, now=caller.now
        )
    if paid is None or not paid.is_right:
        raise SmsCodeWrong
    return paid.code_id
