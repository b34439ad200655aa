"""Routes of staff logins: logging in with a second factor, who I am, my devices, logging out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

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
from guahao.identity.api_patient.guessing import GuessedHere
from guahao.identity.api_staff.cookie import clear_cookie, set_cookie, set_device_cookie
from guahao.identity.api_staff.proof import LOGIN_REFUSALS, PASSWORD_REFUSALS, AtCounter
from guahao.identity.api_staff.schemas import MyselfOut, StaffLoggedInOut, StaffLoginIn, StaffPasswordIn
from guahao.identity.policy.browser import csrf_token_of
from guahao.identity.queries.staff import logins_of_staff, own_login
from guahao.identity.service.account import PasswordWeak, check_password_strength
from guahao.identity.service.login import revoke_staff_login
from guahao.identity.service.password import hash_password
from guahao.identity.service.staff_login import change_staff_password
from guahao.kernel.db import Sessions, autocommitting, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AllSessions, AppSettings, Db, Now, Page, problems
from guahao.kernel.ids import parse_id

router = APIRouter(prefix="/api/v1/staff", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


class StaffDeviceOut(BaseModel):
    """One device on which the caller is logged in."""

    id: str
    device: str
    created_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    current: bool


@router.post(
    "/logins",
    status_code=201,
    responses=problems(*LOGIN_REFUSALS),
    dependencies=[Depends(public), Depends(per_address("staff login", a_minute=120))],
)
async def log_in(body: StaffLoginIn, counter: AtCounter) -> StaffLoggedInOut:
    """Log in; the login ends after 30 minutes without use and after 12 hours at the latest."""
    member, login = await counter.log_in(body)
    return StaffLoggedInOut(
        token=login.token, staff_id=str(member.id), device_token=counter.device_token(member.id)
    )


@router.post(
    "/console/logins",
    status_code=201,
    responses=problems(*LOGIN_REFUSALS, CsrfRefused),
    dependencies=[
        Depends(public),
        Depends(own_pages_only),
        Depends(per_address("staff login", a_minute=120)),
    ],
)
async def log_in_by_cookie(
    body: StaffLoginIn, counter: AtCounter, request: Request, response: Response, settings: AppSettings
) -> MyselfOut:
    """Log a browser in: the token comes as a cookie that no script reads, and ends as above."""
    member, login = await counter.log_in(body)
    set_cookie(response, token=login.token, settings=settings)
    set_device_cookie(response, tokens=counter.device_token(member.id), settings=settings)
    who = await staff_of(login.token, request, settings, counter.now)
    return await _myself(who, counter.sessions, csrf_token=csrf_token_of(login.token))


@router.get("/me", responses=problems(NotLoggedIn))
async def show_me(request: Request, who: Myself, sessions: AllSessions, settings: AppSettings) -> MyselfOut:
    """Who the login stands for, what that person may do, and until when."""
    token = console_token(request, settings)
    return await _myself(who, sessions, csrf_token=None if token is None else csrf_token_of(token))


@router.post(
    "/me/password", status_code=204, responses=problems(NotLoggedIn, PasswordWeak, *PASSWORD_REFUSALS)
)
async def change_password(
    body: StaffPasswordIn,
    who: Myself,
    counter: AtCounter,
    guessed: GuessedHere,
    response: Response,
    settings: AppSettings,
) -> None:
    """Set a new password; every login of this person ends, this one too."""
    credential = await counter.ask_password(who, body.old_password)
    check_password_strength(body.new_password, username=credential.username, guessed=guessed)
    new_hash = await hash_password(body.new_password)
    async with transaction(counter.sessions) as db:
        await change_staff_password(
            db, credential=credential, new_hash=new_hash, source=counter.source, now=counter.now
        )
    clear_cookie(response, settings=settings)


@router.get("/me/logins", responses=problems(NotLoggedIn))
async def list_own_logins(who: Myself, db: Db, now: Now) -> Page[StaffDeviceOut]:
    """The devices on which the caller is logged in, the one used last first."""
    found = await logins_of_staff(db, staff_id=who.id, now=now)
    return Page(
        items=[
            StaffDeviceOut(
                id=str(login.id),
                device=login.device,
                created_at=login.created_at,
                last_seen_at=login.last_seen_at,
                ends_at=min(login.idle_expires_at, login.expires_at),
                current=login.id == who.login_id,
            )
            for login in found
        ]
    )


@router.delete("/me/logins/{login_id}", status_code=204, responses=problems(NotLoggedIn, NotFound))
async def log_own_device_out(
    login_id: str, who: Myself, db: Db, response: Response, settings: AppSettings, now: Now
) -> None:
    """Log one of the caller's devices out; its token is refused from now on."""
    wanted = parse_id(login_id)
    await revoke_staff_login(db, staff_id=who.id, login_id=wanted, now=now)
    if wanted == who.login_id:
        clear_cookie(response, settings=settings)


@router.delete("/logins/current", status_code=204, responses=problems(NotLoggedIn))
async def log_out(who: Myself, db: Db, response: Response, settings: AppSettings, now: Now) -> None:
    """Log this device out; the token is refused from now on."""
    await revoke_staff_login(db, staff_id=who.id, login_id=who.login_id, now=now)
    clear_cookie(response, settings=settings)


async def _myself(who: StaffRef, sessions: Sessions, *, csrf_token: str | None) -> MyselfOut:
    async with autocommitting(sessions) as db:
        own = await own_login(db, staff_id=who.id, login_id=who.login_id)
    return MyselfOut(
        id=str(who.id),
        name=who.name,
        hospital_id=None if who.hospital_id is None else str(who.hospital_id),
        roles=sorted(who.roles),
        permissions=sorted(who.permissions),
        lacks_second_factor=who.lacks_second_factor,
        username=own.username,
        has_second_factor=own.has_second_factor,
        recovery_codes_left=own.recovery_codes_left,
        csrf_token=csrf_token,
        idle_ends_at=own.idle_ends_at,
        ends_at=own.ends_at,
    )
