"""Who may call a route: each depends on exactly one of CurrentAccount, staff(permission), public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from guahao.identity.policy.browser import SAFE_METHODS, cookie_name, is_csrf_token, is_own_origin
from guahao.identity.policy.permission import Permission, Role
from guahao.identity.service.recognition import AccountRef, StaffRef, recognise_account, recognise_staff
from guahao.kernel.address import counted_address
from guahao.kernel.errors import Problem
from guahao.kernel.http import AllSessions, AppSettings, Now, request_time
from guahao.kernel.ids import DIRECTORY
from guahao.kernel.limit import TokenBuckets
from guahao.kernel.settings import Environment, Settings

__all__ = [
    "AccountRef",
    "CsrfRefused",
    "CurrentAccount",
    "DeviceTokens",
    "NotLoggedIn",
    "Permission",
    "PermissionMissing",
    "Role",
    "SecondFactorMissing",
    "SenderAddress",
    "StaffPermitted",
    "StaffRef",
    "Tried",
    "account_of",
    "booking_limit",
    "console_token",
    "own_pages_only",
    "per_account",
    "per_address",
    "public",
    "search_limit",
    "spend_booking",
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
    request.state.staff = who
    if cookie is not None:
        await _require_own_page(request, settings, cookie)
    take_token(request, "staff", str(who.id), a_minute=settings.staff_limit)
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
    return counted_address(request.client.host if request.client else "")


SenderAddress = Annotated[str, Depends(_address)]
"""The address a request comes from, for limits; an IPv6 customer counts as one."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Whose login was tried, for the trail when it is refused; a name that nobody has as its hash."""

    subject: str
    hospital_id: int = DIRECTORY


async def _device_tokens(
    x_device_token: Annotated[
        str | None,
        Header(
            max_length=400, description="`device_token` of an earlier login; spares its owner others' waits"
        ),
    ] = None,
) -> str:
    return x_device_token or ""


DeviceTokens = Annotated[str, Depends(_device_tokens)]
"""The tokens of devices that a client sends, to be judged by `policy.device`; empty when it sends none."""


def take_token(request: Request, *key: str, a_minute: int) -> None:
    """Take a token of this process's bucket of `key`. Raises `TooManyRequests`."""
    buckets: TokenBuckets = request.app.state.buckets
    buckets.take(*key, a_minute=a_minute)


def spend_booking(request: Request, account: AccountRef) -> None:
    """Count a booking, a move or a cancellation of an account. Raises `TooManyRequests`."""
    take_token(request, "booking", str(account.id), a_minute=request.app.state.settings.booking_limit)


async def booking_limit(request: Request, account: CurrentAccount) -> None:
    """Limit a route on which accounts book: `dependencies=[Depends(booking_limit)]`."""
    spend_booking(request, account)


async def search_limit(request: Request, address: SenderAddress, settings: AppSettings) -> None:
    """Limit a search that is open to everybody: for each account, and without login for each address.

    Raises `TooManyRequests`.
    """
    account = await account_of(request)
    if account is not None:
        take_token(request, "search", str(account.id), a_minute=settings.search_limit)
    else:
        shared = settings.search_limit * _PEOPLE_BEHIND_AN_ADDRESS * settings.address_factor
        take_token(request, "search", address, a_minute=shared)


_PEOPLE_BEHIND_AN_ADDRESS = 10
"""How many search at the same time without login behind one address of a carrier or a hospital."""


@dataclass(frozen=True, slots=True)
class PerAddress:
    """At most `a_minute` requests of one kind from one address, counted in this process."""

    kind: str
    a_minute: int

    async def __call__(self, request: Request, address: SenderAddress, settings: AppSettings) -> None:
        """Count this request; raises `TooManyRequests`."""
        take_token(request, self.kind, address, a_minute=self.a_minute * settings.address_factor)


@dataclass(frozen=True, slots=True)
class PerAccount:
    """At most `a_minute` requests of one kind by one account, counted in this process."""

    kind: str
    a_minute: int

    async def __call__(self, request: Request, account: CurrentAccount) -> None:
        """Count this request; raises `TooManyRequests`."""
        take_token(request, self.kind, str(account.id), a_minute=self.a_minute)


def per_address(kind: str, *, a_minute: int) -> PerAddress:
    """Limit a route cheaply: `dependencies=[Depends(per_address("login", a_minute=30))]`.

    What costs money is counted in the database instead.
    """
    return PerAddress(kind, a_minute)


def per_account(kind: str, *, a_minute: int) -> PerAccount:
    """Limit a route of accounts cheaply, as `per_address`."""
    return PerAccount(kind, a_minute)
