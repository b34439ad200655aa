"""Judges who wants to log in or to change their own login, each try paid for before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from guahao.identity.access import StaffRef
from guahao.identity.api_staff.schemas import StaffLoginIn
from guahao.identity.models.staff import Staff
from guahao.identity.service.login import OpenedLogin
from guahao.identity.service.password import is_password
from guahao.identity.service.second_factor import RecoveryCodeWrong, SecondFactorWrong
from guahao.identity.service.staff_login import (
    Proof,
    SecondFactorRequired,
    StaffCredential,
    StaffLoginRefused,
    StaffPasswordWrong,
    log_staff_in,
    own_credential,
    proof_of,
    staff_credential,
)
from guahao.identity.service.throttle import (
    LoginPaused,
    StaffLoginPaused,
    forgive_tries,
    name_key,
    pay_password_try,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, Keys, Now

LOGIN_REFUSALS = (
    StaffLoginRefused,
    SecondFactorRequired,
    SecondFactorWrong,
    RecoveryCodeWrong,
    StaffLoginPaused,
    TooManyRequests,
    Unavailable,
)
"""What a login may be refused with."""

PASSWORD_REFUSALS = (StaffPasswordWrong, StaffLoginPaused, Unavailable)
"""What somebody who is asked for the present password may be refused with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where people prove who they are."""

    sessions: Sessions
    keys: KeyRing
    device: str
    now: datetime

    async def log_in(self, body: StaffLoginIn) -> tuple[Staff, OpenedLogin]:
        """Open a login. Raises `LOGIN_REFUSALS`."""
        key = await self._pay(body.username)
        async with transaction(self.sessions) as db:
            credential = await staff_credential(db, key_ring=self.keys, username=body.username)
        if not await is_password(body.password, password_hash=credential.password_hash):
            raise StaffLoginRefused
        proof = proof_of(credential, totp_code=body.totp_code, recovery_code=body.recovery_code, now=self.now)
        async with transaction(self.sessions) as db:
            opened = await log_staff_in(
                db,
                credential=credential,
                proof=proof,
                device=self.device,
                key_ring=self.keys,
                now=self.now,
            )
            await forgive_tries(db, key=key)
        return opened

    async def ask_password(self, who: StaffRef, password: str) -> StaffCredential:
        """Judge the present password of somebody logged in. Raises `PASSWORD_REFUSALS`."""
        async with transaction(self.sessions) as db:
            credential = await own_credential(db, staff_id=who.id, key_ring=self.keys)
        key = await self._pay(credential.username)
        if not await is_password(password, password_hash=credential.password_hash):
            raise StaffPasswordWrong
        async with transaction(self.sessions) as db:
            await forgive_tries(db, key=key)
        return credential

    async def pay_code_try(self, who: StaffRef) -> bytes:
        """Count one try of a code by somebody whose right password forgives the tries of passwords.

        Answers what to forgive when the code is right. Raises `StaffLoginPaused`.
        """
        return await self._pay_under(f"staff code:{who.id}")

    async def _pay(self, username: str) -> bytes:
        return await self._pay_under(f"staff:{username}")

    async def _pay_under(self, name: str) -> bytes:
        key = name_key(self.keys, name)
        try:
            async with transaction(self.sessions) as db:
                await pay_password_try(db, key=key, now=self.now)
        except LoginPaused as paused:
            raise StaffLoginPaused(**paused.extra) from None
        return key

    def proof(
        self, credential: StaffCredential, *, totp_code: str | None, recovery_code: str | None
    ) -> Proof:
        """Judge a code of the app now, a recovery code when it is spent. Raises as `proof_of`."""
        return proof_of(credential, totp_code=totp_code, recovery_code=recovery_code, now=self.now)


async def _counter(request: Request, sessions: AllSessions, keys: Keys, now: Now) -> Counter:
    return Counter(sessions=sessions, keys=keys, device=request.headers.get("user-agent", ""), now=now)


AtCounter = Annotated[Counter, Depends(_counter)]
