"""What the routes of accounts and logins share: who calls, from what device, with which code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import State

from guahao.identity.access import AccountRef, DeviceTokens, SenderAddress, Tried
from guahao.identity.policy.device import device_of, new_device
from guahao.identity.service.security_event import Source
from guahao.identity.service.sms_code import Asker, SmsCodeWrong, TypedCode, pay_code_try
from guahao.identity.service.throttle import Attempt, Realm, forgive_try, pay_budgets, pay_try
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.http import AllSessions, AppSettings, Keys, Now


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    """What a route needs that opens its own transactions, because it waits for something in between."""

    sessions: Sessions
    keys: KeyRing
    device: str
    """What the client calls itself."""
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

    def known_device(self, account_id: UUID | None) -> str | None:
        """The device, if its token shows that this account has logged in on it before."""
        if account_id is None:
            return None
        owner = f"account:{account_id}"
        return device_of(self.keys.pepper, self.device_tokens, owner=owner, now=self.now)

    def device_token(self, account_id: UUID) -> str:
        """The token by which this device is known from now on."""
        return new_device(self.keys.pepper, owner=f"account:{account_id}", now=self.now)

    def attempt(self, name: str, *, account_id: UUID | None) -> Attempt:
        """A try at the password of a name, which is this account's if anybody's."""
        attempt = Attempt(
            realm=Realm.ACCOUNT, name=name, address=self.address, device=self.known_device(account_id)
        )
        owner = None if account_id is None else f"account:{account_id}"
        self.state.tried = Tried(attempt.subject(self.keys, owner))
        return attempt

    def concerns(self, account: AccountRef) -> None:
        """Whose account the trail names when a proof is refused that its holder is asked for again."""
        self.state.tried = Tried(f"account:{account.id}")

    async def pay(self, attempt: Attempt) -> None:
        """Count a try for good, before it is judged. Raises `LoginPaused`."""
        async with transaction(self.sessions) as db:
            await pay_try(db, attempt=attempt, keys=self.keys, now=self.now)
        if attempt.is_strange:
            async with transaction(self.sessions) as db:
                await pay_budgets(
                    db, attempt=attempt, keys=self.keys, address_factor=self.address_factor, now=self.now
                )

    async def forgive(self, attempt: Attempt) -> None:
        """Count anew after a right password."""
        async with transaction(self.sessions) as db:
            await forgive_try(db, attempt=attempt, keys=self.keys, address_factor=self.address_factor)


async def _caller(
    request: Request,
    sessions: AllSessions,
    keys: Keys,
    settings: AppSettings,
    address: SenderAddress,
    device_tokens: DeviceTokens,
    now: Now,
) -> CallerFacts:
    return CallerFacts(
        sessions=sessions,
        keys=keys,
        device=request.headers.get("user-agent", ""),
        device_tokens=device_tokens,
        address=address,
        address_factor=settings.address_factor,
        state=request.state,
        now=now,
    )


Caller = Annotated[CallerFacts, Depends(_caller)]


async def prove_phone(caller: CallerFacts, typed: TypedCode) -> UUID:
    """Answer the id of the code that was typed rightly, yet to be spent; the try is counted for good.

    Raises `SmsCodeWrong`.
    """
    async with transaction(caller.sessions) as db:
        paid = await pay_code_try(
            db, key_ring=caller.keys, typed=typed, asker=Asker(address=caller.address), now=caller.now
        )
    if paid is None or not paid.is_right:
        raise SmsCodeWrong
    return paid.code_id
