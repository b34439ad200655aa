"""Routes of staff logins: logging in with a second factor, who I am, the password, logging out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from guahao.identity.access import (
    CsrfRefused,
    NotLoggedIn,
    Permission,
    StaffRef,
    console_token,
    own_pages_only,
    per_address,
    public,
    staff,
    staff_of,
)
from guahao.identity.api_staff.cookie import clear_cookie, set_cookie
from guahao.identity.api_staff.proof import REFUSALS, open_login
from guahao.identity.api_staff.schemas import MyselfOut, StaffLoggedInOut, StaffLoginIn, StaffPasswordIn
from guahao.identity.policy.browser import csrf_token_of
from guahao.identity.queries.staff import own_login
from guahao.identity.service import staff_login
from guahao.identity.service.account import OldPasswordWrong, PasswordWeak, check_password_strength
from guahao.identity.service.login import revoke_staff_login
from guahao.identity.service.password import hash_password, is_password
from guahao.identity.service.throttle import LoginPaused, forgive_tries, name_key, pay_password_try
from guahao.kernel.db import autocommitting, transaction
from guahao.kernel.errors import Unavailable
from guahao.kernel.http import AllSessions, AppSettings, Db, Keys, Now, problems

router = APIRouter(prefix="/api/v1/staff", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


@router.post(
    "/logins",
    status_code=201,
    responses=problems(*REFUSALS),
    dependencies=[Depends(public), Depends(per_address("staff login", a_minute=30))],
)
async def log_in(
    body: StaffLoginIn, request: Request, sessions: AllSessions, keys: Keys, now: Now
) -> StaffLoggedInOut:
    """Log in; the login ends after 30 minutes without use and after 12 hours at the latest."""
    staff_id, token = await open_login(body, request=request, sessions=sessions, keys=keys, now=now)
    return StaffLoggedInOut(token=token, staff_id=str(staff_id))


@router.post(
    "/console/logins",
    status_code=201,
    responses=problems(*REFUSALS, CsrfRefused),
    dependencies=[
        Depends(public),
        Depends(own_pages_only),
        Depends(per_address("staff login", a_minute=30)),
    ],
)
async def log_in_by_cookie(
    body: StaffLoginIn,
    request: Request,
    response: Response,
    sessions: AllSessions,
    keys: Keys,
    settings: AppSettings,
    now: Now,
) -> MyselfOut:
    """Log a browser in: the token comes as a cookie that no script reads, and ends as above."""
    _, token = await open_login(body, request=request, sessions=sessions, keys=keys, now=now)
    set_cookie(response, token=token, settings=settings)
    who = await staff_of(token, request, settings, now)
    return await _myself(who, sessions, csrf_token=csrf_token_of(token))


@router.get("/me", responses=problems(NotLoggedIn))
async def show_me(request: Request, who: Myself, sessions: AllSessions, settings: AppSettings) -> MyselfOut:
    """Who the login stands for, what that person may do, and until when."""
    token = console_token(request, settings)
    return await _myself(who, sessions, csrf_token=None if token is None else csrf_token_of(token))


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


@router.delete("/logins/current", status_code=204, responses=problems(NotLoggedIn, CsrfRefused))
async def log_out(who: Myself, db: Db, response: Response, settings: AppSettings, now: Now) -> None:
    """Log this device out; the token is refused from now on."""
    await revoke_staff_login(db, staff_id=who.id, login_id=who.login_id, now=now)
    clear_cookie(response, settings=settings)


async def _myself(who: StaffRef, sessions: AllSessions, *, csrf_token: str | None) -> MyselfOut:
    async with autocommitting(sessions) as db:
        own = await own_login(db, login_id=who.login_id)
    return MyselfOut(
        id=str(who.id),
        name=who.name,
        hospital_id=None if who.hospital_id is None else str(who.hospital_id),
        roles=sorted(who.roles),
        permissions=sorted(who.permissions),
        lacks_second_factor=who.lacks_second_factor,
        username=own.username,
        csrf_token=csrf_token,
        idle_ends_at=own.idle_ends_at,
        ends_at=own.ends_at,
    )
