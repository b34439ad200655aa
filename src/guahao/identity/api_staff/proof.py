"""Judges who wants to log in: password first, then the second factor, each try paid for before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import Request

from guahao.identity.api_staff.schemas import StaffLoginIn
from guahao.identity.service import staff_login
from guahao.identity.service.account import LoginRefused
from guahao.identity.service.password import is_password
from guahao.identity.service.throttle import LoginPaused, forgive_tries, name_key, pay_password_try
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import TooManyRequests, Unavailable

REFUSALS = (
    LoginRefused,
    staff_login.SecondFactorRequired,
    staff_login.SecondFactorWrong,
    LoginPaused,
    TooManyRequests,
    Unavailable,
)
"""What a login may be refused with."""


async def open_login(
    body: StaffLoginIn, *, request: Request, sessions: Sessions, keys: KeyRing, now: datetime
) -> tuple[UUID, str]:
    """Answer whose login was opened, and its token. Raises `REFUSALS`."""
    key = name_key(keys, f"staff:{body.username}")
    async with transaction(sessions) as db:
        await pay_password_try(db, key=key, now=now)
        credential = await staff_login.staff_credential(db, key_ring=keys, username=body.username)
    if not await is_password(body.password, password_hash=credential.password_hash):
        raise LoginRefused
    step = staff_login.totp_step(credential, code=body.totp_code, now=now)
    async with transaction(sessions) as db:
        member, login = await staff_login.log_staff_in(
            db, credential=credential, step=step, device=request.headers.get("user-agent", ""), now=now
        )
        await forgive_tries(db, key=key)
    return member.id, login.token
