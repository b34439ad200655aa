"""Routes of staff logins: logging in with a second factor, who I am, logging out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints

from guahao.identity.access import (
    NotLoggedIn,
    Permission,
    Role,
    StaffRef,
    per_address,
    public,
    staff,
)
from guahao.identity.policy.login import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH
from guahao.identity.service import staff_login
from guahao.identity.service.account import (
    LoginRefused,
    OldPasswordWrong,
    PasswordWeak,
    check_password_strength,
)
from guahao.identity.service.login import revoke_staff_login
from guahao.identity.service.password import hash_password, is_password
from guahao.identity.service.throttle import LoginPaused, forgive_tries, name_key, pay_password_try
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, Body, Db, Keys, Now, problems

router = APIRouter(prefix="/api/v1/staff", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


GivenPassword = Annotated[
    str, StringConstraints(min_length=1, max_length=PASSWORD_MAX_LENGTH, strip_whitespace=False)
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=PASSWORD_MIN_LENGTH, max_length=PASSWORD_MAX_LENGTH, strip_whitespace=False),
]


class StaffLoginIn(Body):
    """Username, password and the six digits of the authenticator app."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: GivenPassword
    totp_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None


class StaffOut(BaseModel):
    """A member of staff; `hospital_id` is null for the platform's own people."""

    id: str
    name: str
    hospital_id: str | None
    roles: list[Role]
    permissions: list[Permission]
    lacks_second_factor: bool = Field(description="Only setting it up is allowed; then log in anew")


class StaffLoggedInOut(BaseModel):
    """The bearer token, shown this once, and whose it is; GET /api/v1/staff/me tells the rest."""

    token: str
    staff_id: str


class StaffPasswordIn(Body):
    """The present password and the new one."""

    old_password: GivenPassword
    new_password: NewPassword


@router.post(
    "/logins",
    status_code=201,
    responses=problems(
        LoginRefused,
        staff_login.SecondFactorRequired,
        staff_login.SecondFactorWrong,
        LoginPaused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(public), Depends(per_address("staff login", a_minute=30))],
)
async def log_in(
    body: StaffLoginIn, request: Request, sessions: AllSessions, keys: Keys, now: Now
) -> StaffLoggedInOut:
    """Log in; the login ends after 30 minutes without use and after 12 hours at the latest."""
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
    return StaffLoggedInOut(token=login.token, staff_id=str(member.id))


@router.get("/me", responses=problems(NotLoggedIn))
async def show_me(who: Myself) -> StaffOut:
    """Who the token stands for, and what that person may do."""
    return StaffOut(
        id=str(who.id),
        name=who.name,
        hospital_id=None if who.hospital_id is None else str(who.hospital_id),
        roles=sorted(who.roles),
        permissions=sorted(who.permissions),
        lacks_second_factor=who.lacks_second_factor,
    )


@router.post(
    "/me/password",
    status_code=204,
    responses=problems(NotLoggedIn, OldPasswordWrong, PasswordWeak, LoginPaused, Unavailable),
)
async def change_password(
    body: StaffPasswordIn, who: Myself, sessions: AllSessions, keys: Keys, now: Now
) -> None:
    """Set a new password; every login of this person ends, this one too."""
    async with transaction(sessions) as db:
        username, old_hash = await staff_login.own_credential(db, staff_id=who.id)
        key = name_key(keys, f"staff:{username}")
        await pay_password_try(db, key=key, now=now)
    check_password_strength(body.new_password, username=username)
    if not await is_password(body.old_password, password_hash=old_hash):
        raise OldPasswordWrong
    new_hash = await hash_password(body.new_password)
    async with transaction(sessions) as db:
        await forgive_tries(db, key=key)
        await staff_login.change_staff_password(
            db, staff_id=who.id, old_hash=old_hash, new_hash=new_hash, now=now
        )


@router.delete("/logins/current", status_code=204, responses=problems(NotLoggedIn))
async def log_out(who: Myself, db: Db, now: Now) -> None:
    """Log this device out; the token is refused from now on."""
    await revoke_staff_login(db, staff_id=who.id, login_id=who.login_id, now=now)
