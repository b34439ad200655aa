"""Routes of staff logins: logging in with a second factor, who I am, logging out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, StringConstraints

from guahao.identity.access import (
    NotLoggedIn,
    Permission,
    Role,
    StaffRef,
    per_address,
    public,
    staff,
)
from guahao.identity.policy.permission import permissions_of
from guahao.identity.service import staff_login
from guahao.identity.service.account import LoginRefused
from guahao.identity.service.login import revoke_staff_login
from guahao.identity.service.password import is_password
from guahao.identity.service.throttle import LoginPaused, forgive_tries, name_key, pay_password_try
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, AppSettings, Body, Db, Keys, Now, problems
from guahao.kernel.settings import Environment

router = APIRouter(prefix="/api/v1/staff", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


class StaffLoginIn(Body):
    """Username, password and the six digits of the authenticator app."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=False)]
    totp_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None


class StaffOut(BaseModel):
    """A member of staff; `hospital_id` is null for the platform's own people."""

    id: str
    name: str
    hospital_id: str | None
    roles: list[Role]
    permissions: list[Permission]


class StaffLoggedInOut(BaseModel):
    """The bearer token, shown this once, and whose it is."""

    token: str
    staff: StaffOut


@router.post(
    "/logins",
    status_code=201,
    responses=problems(
        LoginRefused,
        staff_login.SecondFactorRequired,
        staff_login.SecondFactorWrong,
        staff_login.SecondFactorMissing,
        LoginPaused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(public), Depends(per_address("staff login", a_minute=30))],
)
async def log_in(
    body: StaffLoginIn, request: Request, sessions: AllSessions, keys: Keys, settings: AppSettings, now: Now
) -> StaffLoggedInOut:
    """Log in; the login ends after 30 minutes without use and after 12 hours at the latest."""
    key = name_key(keys, f"staff:{body.username}")
    async with transaction(sessions) as db:
        await pay_password_try(db, key=key, now=now)
        credential = await staff_login.staff_credential(db, key_ring=keys, username=body.username)
    if not await is_password(body.password, password_hash=credential.password_hash):
        raise LoginRefused
    required = settings.environment is not Environment.DEMO
    step = staff_login.totp_step(credential, code=body.totp_code, required=required, now=now)
    async with transaction(sessions) as db:
        member, login = await staff_login.log_staff_in(
            db, credential=credential, step=step, device=request.headers.get("user-agent", ""), now=now
        )
        await forgive_tries(db, key=key)
    roles = [Role(role) for role in member.roles]
    return StaffLoggedInOut(
        token=login.token,
        staff=_out(str(member.id), member.name, member.hospital_id, roles),
    )


@router.get("/me", responses=problems(NotLoggedIn))
async def show_me(who: Myself) -> StaffOut:
    """Who the token stands for, and what that person may do."""
    return _out(str(who.id), who.name, who.hospital_id, list(who.roles))


@router.delete("/logins/current", status_code=204, responses=problems(NotLoggedIn))
async def log_out(who: Myself, db: Db, now: Now) -> None:
    """Log this device out; the token is refused from now on."""
    await revoke_staff_login(db, staff_id=who.id, login_id=who.login_id, now=now)


def _out(id_: str, name: str, hospital_id: int | None, roles: list[Role]) -> StaffOut:
    return StaffOut(
        id=id_,
        name=name,
        hospital_id=None if hospital_id is None else str(hospital_id),
        roles=sorted(roles),
        permissions=sorted(permissions_of(roles)),
    )
