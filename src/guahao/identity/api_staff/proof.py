"""Judges who wants to log in or to change their own login, each try paid for before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import State

from guahao.identity.access import DeviceTokens, SenderAddress, StaffRef, Tried
from guahao.identity.api_staff.schemas import StaffLoginIn
from guahao.identity.models.staff import Staff
from guahao.identity.policy.browser import device_cookie_name
from guahao.identity.policy.device import device_of, new_device, with_device
from guahao.identity.service.login import OpenedLogin
from guahao.identity.service.password import is_password
from guahao.identity.service.second_factor import RecoveryCodeWrong, SecondFactorWrong, step_of
from guahao.identity.service.security_event import Source
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
    Attempt,
    LoginPaused,
    Realm,
    StaffLoginPaused,
    forgive_try,
    pay_budgets,
    pay_try,
)
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, AppSettings, Keys, Now
from guahao.kernel.ids import DIRECTORY

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
    device_tokens: str
    address: str
    address_factor: int
    state: State
    """What the trail reads when the request is refused."""
    now: datetime

    @property
    def source(self) -> Source:
        """Where the request comes from, as the owner is told it."""
        return Source(address=self.address, device=self.device)

    async def log_in(self, body: StaffLoginIn) -> tuple[Staff, OpenedLogin]:
        """Open a login. Raises `LOGIN_REFUSALS`."""
        async with transaction(self.sessions) as db:
            credential = await staff_credential(db, key_ring=self.keys, username=body.username)
        attempt = self._attempt(body, credential)
        await self._pay(attempt)
        if not await is_password(body.password, password_hash=credential.password_hash):
            raise StaffLoginRefused
        proof = proof_of(credential, totp_code=body.totp_code, recovery_code=body.recovery_code, now=self.now)
        async with transaction(self.sessions) as db:
            opened = await log_staff_in(
                db,
                credential=credential,
                proof=proof,
                source=self.source,
                is_known_device=not attempt.is_strange,
                key_ring=self.keys,
                now=self.now,
            )
        await self.forgive(attempt)
        return opened

    def device_token(self, staff_id: UUID) -> str:
        """The tokens that a browser keeps from now on, that of this member first."""
        owner = f"staff:{staff_id}"
        token = new_device(self.keys.pepper, owner=owner, now=self.now)
        return with_device(self.keys.pepper, self.device_tokens, token, owner=owner)

    def _attempt(self, body: StaffLoginIn, credential: StaffCredential) -> Attempt:
        """A try at a login; a right code of the app goes before what strangers tried of the name."""
        device = None
        if credential.id is not None:
            owner = f"staff:{credential.id}"
            device = device_of(self.keys.pepper, self.device_tokens, owner=owner, now=self.now)
        attempt = Attempt(
            realm=Realm.STAFF,
            name=body.username,
            address=self.address,
            device=device,
            is_proven=_shows_code(body, credential, self.now),
        )
        subject = attempt.subject(self.keys, None if credential.id is None else f"staff:{credential.id}")
        self.state.tried = Tried(subject, credential.hospital_id or DIRECTORY)
        return attempt

    async def ask_password(self, who: StaffRef, password: str) -> StaffCredential:
        """Judge the present password of somebody logged in. Raises `PASSWORD_REFUSALS`."""
        async with transaction(self.sessions) as db:
            credential = await own_credential(db, staff_id=who.id, key_ring=self.keys)
        attempt = self._own_attempt(who, "password")
        await self._pay(attempt)
        if not await is_password(password, password_hash=credential.password_hash):
            raise StaffPasswordWrong
        await self.forgive(attempt)
        return credential

    async def pay_code_try(self, who: StaffRef) -> Attempt:
        """Count one try of a code by somebody whose right password forgives the tries of passwords.

        Answers what to forgive when the code is right. Raises `StaffLoginPaused`.
        """
        attempt = self._own_attempt(who, "code")
        await self._pay(attempt)
        return attempt

    async def forgive(self, attempt: Attempt) -> None:
        """Count anew after a right password or code."""
        async with transaction(self.sessions) as db:
            await forgive_try(db, attempt=attempt, keys=self.keys, address_factor=self.address_factor)

    def _own_attempt(self, who: StaffRef, what: str) -> Attempt:
        """A try by somebody logged in, counted for that login alone: no stranger adds to it."""
        return Attempt(
            realm=Realm.STAFF, name=f"{who.id}|{what}", address=self.address, device=str(who.login_id)
        )

    async def _pay(self, attempt: Attempt) -> None:
        try:
            async with transaction(self.sessions) as db:
                await pay_try(db, attempt=attempt, keys=self.keys, now=self.now)
            if attempt.is_strange:
                async with transaction(self.sessions) as db:
                    await pay_budgets(
                        db,
                        attempt=attempt,
                        keys=self.keys,
                        address_factor=self.address_factor,
                        now=self.now,
                    )
        except LoginPaused as paused:
            raise StaffLoginPaused(**paused.extra) from None

    def proof(
        self, credential: StaffCredential, *, totp_code: str | None, recovery_code: str | None
    ) -> Proof:
        """Judge a code of the app now, a recovery code when it is spent. Raises as `proof_of`."""
        return proof_of(credential, totp_code=totp_code, recovery_code=recovery_code, now=self.now)


def _shows_code(body: StaffLoginIn, credential: StaffCredential, now: datetime) -> bool:
    """Whether a right code of the owner's app came with the password."""
    if credential.totp_secret is None or body.totp_code is None:
        return False
    return step_of(body.totp_code, secret=credential.totp_secret, now=now) is not None


async def _counter(
    request: Request,
    sessions: AllSessions,
    keys: Keys,
    settings: AppSettings,
    address: SenderAddress,
    device_tokens: DeviceTokens,
    now: Now,
) -> Counter:
    return Counter(
        sessions=sessions,
        keys=keys,
        device=request.headers.get("user-agent", ""),
        device_tokens=device_tokens or request.cookies.get(device_cookie_name(settings.public_url), ""),
        address=address,
        address_factor=settings.address_factor,
        state=request.state,
        now=now,
    )


AtCounter = Annotated[Counter, Depends(_counter)]
