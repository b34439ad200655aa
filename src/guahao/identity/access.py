"""Who may call a route: each depends on exactly one of CurrentAccount, staff(permission), public."""

from __future__ import annotations

import ipaddress
import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from guahao.identity.policy.browser import SAFE_METHODS, cookie_name, is_csrf_token, is_own_origin
from guahao.identity.policy.permission import Permission, Role
from guahao.identity.service.recognition import AccountRef, StaffRef, recognise_account, recognise_staff
from guahao.kernel.errors import Problem, TooManyRequests
from guahao.kernel.http import AllSessions, AppSettings, Now, request_time
from guahao.kernel.settings import Environment, Settings

__all__ = [
    "AccountRef",
    "CsrfRefused",
    "CurrentAccount",
    "NotLoggedIn",
    "Permission",
    "PermissionMissing",
    "Role",
    "SecondFactorMissing",
    "SenderAddress",
    "StaffPermitted",
    "StaffRef",
    "account_of",
    "console_token",
    "own_pages_only",
    "per_account",
    "per_address",
    "public",
    "staff",
    "staff_of",
]

_ACCOUNT_TOKEN = HTTPBearer(auto_error=False, scheme_name="account", description="Token of a patient's login")
_STAFF_TOKEN = HTTPBearer(auto_error=False, scheme_name="staff", description="Token of a staff login")
_STAFF_COOKIE = APIKeyCookie(
    name="guahao_staff",
    auto_error=False,
    scheme_name="console",
    description="A staff login of the console, `__Host-guahao_staff` over https; changes need X-CSRF-Token",
)


class NotLoggedIn(Problem):
    """The token is missing, unknown, expired or revoked, or its owner is disabled."""

    code = "not-logged-in"
    status = 401


class CsrfRefused(Problem):
    """The request rides on a browser's login, but no page of the console made it."""

    code = "csrf-refused"
    status = 403


class PermissionMissing(Problem):
    """None of the caller's roles allows this."""

    code = "permission-missing"
    status = 403


class SecondFactorMissing(Problem):
    """Outside the demo staff may do nothing before they have set up an authenticator app."""

    code = "second-factor-missing"
    status = 403


async def current_account(
    sessions: AllSessions,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_ACCOUNT_TOKEN)],
    now: Now,
) -> AccountRef:
    """Answer the account behind the bearer token, or raise `NotLoggedIn`."""
    who = await recognise_account(sessions, bearer.credentials, now=now) if bearer else None
    if who is None:
        raise NotLoggedIn
    return who


async def account_of(request: Request) -> AccountRef | None:
    """Answer the account behind a request's bearer token, for routes that read requests themselves."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return await recognise_account(request.app.state.sessions, token.strip(), now=await request_time(request))


CurrentAccount = Annotated[AccountRef, Depends(current_account)]


async def own_pages_only(request: Request, settings: AppSettings) -> None:
    """Refuse a change that a page of another site made the browser send; raises `CsrfRefused`."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if not is_own_origin(origin, host=host, public_url=settings.public_url):
        raise CsrfRefused


def console_token(request: Request, settings: Settings) -> str | None:
    """The token of the login in the request's cookie; a bearer token goes first, then this is None."""
    if "authorization" in request.headers:
        return None
    return request.cookies.get(cookie_name(settings.public_url))


async def _require_own_page(request: Request, settings: Settings, token: str) -> None:
    if request.method in SAFE_METHODS:
        return
    await own_pages_only(request, settings)
    if not is_csrf_token(request.headers.get("x-csrf-token", ""), token=token):
        raise CsrfRefused


async def staff_of(token: str, request: Request, settings: Settings, now: datetime) -> StaffRef:
    """Answer who a staff token stands for, or raise `NotLoggedIn`."""
    needed = settings.environment is not Environment.DEMO
    who = await recognise_staff(request.app.state.sessions, token, needs_second_factor=needed, now=now)
    if who is None:
        raise NotLoggedIn
    return who


async def _current_staff(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_STAFF_TOKEN)],
    _documented: Annotated[str | None, Depends(_STAFF_COOKIE)],
    settings: AppSettings,
    now: Now,
) -> StaffRef:
    cookie = console_token(request, settings)
    token = bearer.credentials if bearer else cookie
    if token is None:
        raise NotLoggedIn
    who = await staff_of(token, request, settings, now)
    if cookie is not None:
        await _require_own_page(request, settings, cookie)
    return who


@dataclass(frozen=True, slots=True)
class StaffPermitted:
    """The dependency of a staff route: somebody logged in with a role that has `permission`."""

    permission: Permission

    async def __call__(self, who: Annotated[StaffRef, Depends(_current_staff)]) -> StaffRef:
        """Answer who it is; raises one of the four problems above."""
        if who.lacks_second_factor and self.permission not in who.permissions:
            raise SecondFactorMissing
        if self.permission not in who.permissions:
            raise PermissionMissing
        return who


def staff(permission: Permission) -> StaffPermitted:
    """Declare the permission of a staff route: `who: Annotated[StaffRef, Depends(staff(Permission.X))]`.

    The route still asks `who.require(hospital_id)` before it touches a hospital's rows.
    """
    return StaffPermitted(permission)


async def public() -> None:
    """Mark a route as open to everybody: `dependencies=[Depends(public)]`."""


async def _address(request: Request) -> str:
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:  # one customer has a whole /64
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


SenderAddress = Annotated[str, Depends(_address)]
"""The address a request comes from, for limits; an IPv6 customer counts as one."""


async def _hit(request: Request, limit: RateLimitItem, *key: str) -> None:
    state = request.app.state
    if not hasattr(state, "limiter"):
        # exact, where the cheaper counter lets some more through whenever its minute turns
        state.limiter = MovingWindowRateLimiter(MemoryStorage())
    limiter: MovingWindowRateLimiter = state.limiter
    if not await limiter.hit(limit, *key):
        stats = await limiter.get_window_stats(limit, *key)
        raise TooManyRequests(retry_after_s=max(1, math.ceil(stats.reset_time - time.time())))


@dataclass(frozen=True, slots=True)
class PerAddress:
    """At most `a_minute` requests of one kind from one address, counted in this process."""

    kind: str
    a_minute: int

    async def __call__(self, request: Request, address: SenderAddress, settings: AppSettings) -> None:
        """Count this request; raises `TooManyRequests`."""
        limit = RateLimitItemPerMinute(self.a_minute * settings.address_factor)
        await _hit(request, limit, "address", self.kind, address)


@dataclass(frozen=True, slots=True)
class PerAccount:
    """At most `a_minute` requests of one kind by one account, counted in this process."""

    kind: str
    a_minute: int

    async def __call__(self, request: Request, account: CurrentAccount) -> None:
        """Count this request; raises `TooManyRequests`."""
        await _hit(request, RateLimitItemPerMinute(self.a_minute), "account", self.kind, str(account.id))


def per_address(kind: str, *, a_minute: int) -> PerAddress:
    """Limit a route cheaply: `dependencies=[Depends(per_address("login", a_minute=30))]`.

    What costs money is counted in the database instead.
    """
    return PerAddress(kind, a_minute)


def per_account(kind: str, *, a_minute: int) -> PerAccount:
    """Limit a route of accounts cheaply, as `per_address`."""
    return PerAccount(kind, a_minute)
