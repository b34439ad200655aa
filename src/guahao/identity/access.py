"""Who may call a route: every route depends on exactly one of CurrentAccount, staff(permission) and public."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from guahao.identity.policy.permission import Permission
from guahao.identity.service.recognition import AccountRef, StaffRef, recognise_account, recognise_staff
from guahao.kernel.db import Sessions
from guahao.kernel.errors import Problem
from guahao.kernel.http import Now

__all__ = ["AccountRef", "CurrentAccount", "NotLoggedIn", "PermissionMissing", "StaffPermitted", "StaffRef", "public", "staff"]

_ACCOUNT_TOKEN = HTTPBearer(auto_error=False, scheme_name="account", description="Token of an account's login")
_STAFF_TOKEN = HTTPBearer(auto_error=False, scheme_name="staff", description="Token of a staff login")


class NotLoggedIn(Problem):
    """The token is missing, unknown, expired or revoked, or its owner is disabled."""

    code = "not-logged-in"
    status = 401


class PermissionMissing(Problem):
    """None of the caller's roles allows this."""

    code = "permission-missing"
    status = 403


async def current_account(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_ACCOUNT_TOKEN)],
    now: Now,
) -> AccountRef:
    """Answer the account behind the bearer token, or raise `NotLoggedIn`."""
    sessions: Sessions = request.app.state.sessions
    who = await recognise_account(sessions, bearer.credentials, now=now) if bearer else None
    if who is None:
        raise NotLoggedIn
    return who


CurrentAccount = Annotated[AccountRef, Depends(current_account)]


async def _current_staff(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_STAFF_TOKEN)],
    now: Now,
) -> StaffRef:
    sessions: Sessions = request.app.state.sessions
    who = await recognise_staff(sessions, bearer.credentials, now=now) if bearer else None
    if who is None:
        raise NotLoggedIn
    return who


@dataclass(frozen=True, slots=True)
class StaffPermitted:
    """The dependency of a staff route: somebody logged in with a role that has `permission`."""

    permission: Permission

    async def __call__(self, who: Annotated[StaffRef, Depends(_current_staff)]) -> StaffRef:
        """Answer who it is; raises `NotLoggedIn` or `PermissionMissing`."""
        if self.permission not in who.permissions:
            raise PermissionMissing
        return who


def staff(permission: Permission) -> StaffPermitted:
    """Declare the permission of a staff route: `who: Annotated[StaffRef, Depends(staff(Permission.X))]`.

    The route still asks `who.require(hospital_id)` before it touches a hospital's rows.
    """
    return StaffPermitted(permission)


def public() -> None:
    """Mark a route as open to everybody: `dependencies=[Depends(public)]`."""
