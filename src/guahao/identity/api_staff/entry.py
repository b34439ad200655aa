"""Routes open to everybody by which staff get in for the first time: setup, joining by invitation."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from guahao.identity.access import CsrfRefused, own_pages_only, per_address, public
from guahao.identity.api_patient.guessing import GuessedHere
from guahao.identity.api_staff.schemas import NewPassword
from guahao.identity.service import setup
from guahao.identity.service.account import PasswordWeak, check_password_strength
from guahao.identity.service.invitations import InvitationRefused, join
from guahao.identity.service.password import hash_password
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, AppSettings, Body, Db, Keys, Now, problems
from guahao.kernel.value.fields import GivenCode, GivenUsername, StaffName, Username

router = APIRouter(prefix="/api/v1/staff", tags=["staff login"])


class SetupOut(BaseModel):
    """Whether this installation still waits for its first administrator."""

    needs_first_admin: bool


class SetupIn(Body):
    """The code that the server printed, and who will be the first administrator."""

    setup_code: GivenCode
    name: StaffName
    username: Username
    password: NewPassword


class JoinIn(Body):
    """The code of an invitation, and the password chosen."""

    username: GivenUsername
    code: GivenCode
    password: NewPassword


@router.get("/setup", dependencies=[Depends(public)])
async def show_setup(db: Db) -> SetupOut:
    """Whether the first administrator is still missing."""
    return SetupOut(needs_first_admin=await setup.needs_first_admin(db))


@router.post(
    "/setup",
    status_code=204,
    responses=problems(
        setup.SetupDone, setup.SetupCodeWrong, PasswordWeak, TooManyRequests, Unavailable, CsrfRefused
    ),
    dependencies=[Depends(public), Depends(own_pages_only), Depends(per_address("setup", a_minute=5))],
)
async def set_up(body: SetupIn, sessions: AllSessions, settings: AppSettings, guessed: GuessedHere) -> None:
    """Make the first administrator of the platform, who then logs in."""
    check_password_strength(body.password, username=body.username, guessed=guessed)
    password_hash = await hash_password(body.password)
    file = setup.setup_file(settings.data_dir)
    expected = await asyncio.to_thread(setup.setup_code, file)
    async with transaction(sessions) as db:
        await setup.make_first_admin(
            db,
            expected=expected,
            code=body.setup_code,
            username=body.username,
            password_hash=password_hash,
            name=body.name,
        )
    await asyncio.to_thread(setup.end_setup, file)


@router.post(
    "/invitations",
    status_code=204,
    responses=problems(InvitationRefused, PasswordWeak, TooManyRequests, Unavailable, CsrfRefused),
    dependencies=[Depends(public), Depends(own_pages_only), Depends(per_address("join", a_minute=10))],
)
async def accept_invitation(
    body: JoinIn, sessions: AllSessions, keys: Keys, guessed: GuessedHere, now: Now
) -> None:
    """Choose a password by the code of an invitation, then log in with it."""
    check_password_strength(body.password, username=body.username, guessed=guessed)
    password_hash = await hash_password(body.password)
    async with transaction(sessions) as db:
        await join(
            db,
            username=body.username,
            code=body.code,
            password_hash=password_hash,
            key_ring=keys,
            now=now,
        )
