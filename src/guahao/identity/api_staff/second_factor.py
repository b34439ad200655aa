"""Routes by which staff set up, use up and remove their own second factor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from guahao.identity.access import NotLoggedIn, Permission, StaffRef, console_token, staff
from guahao.identity.api_staff.cookie import clear_cookie, set_cookie
from guahao.identity.api_staff.proof import PASSWORD_REFUSALS, AtCounter
from guahao.identity.api_staff.schemas import GivenPassword
from guahao.identity.service.login import open_staff_login
from guahao.identity.service.second_factor import (
    RecoveryCodeWrong,
    SecondFactorWrong,
    TotpAlreadySet,
    TotpCodeWrong,
    begin_totp,
    confirm_totp,
    remove_own_totp,
)
from guahao.identity.service.staff_login import SecondFactorRequired, spend_proof
from guahao.kernel.db import transaction
from guahao.kernel.http import AppSettings, Body, problems
from guahao.kernel.qr import qr_image
from guahao.kernel.value.fields import GivenCode, OneTimeCode

router = APIRouter(prefix="/api/v1/staff/me/totp", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


class OwnPasswordIn(Body):
    """The present password: a borrowed screen is not enough to change how one logs in."""

    password: GivenPassword


class TotpOut(BaseModel):
    """The secret for an authenticator app, shown this once, also as an address and its QR code."""

    secret: str
    address: str
    qr_image: str = Field(description="PNG as a data: URI")


class TotpCodeIn(Body):
    """Six digits that the app shows now."""

    code: OneTimeCode


class RecoveryCodesOut(BaseModel):
    """Codes for the day the app is lost, shown this once; each opens one login."""

    recovery_codes: list[str]


class TotpRemovalIn(OwnPasswordIn):
    """The present password, and a code of the app or a recovery code."""

    totp_code: OneTimeCode | None = None
    recovery_code: GivenCode | None = None


@router.post("", status_code=201, responses=problems(NotLoggedIn, TotpAlreadySet, *PASSWORD_REFUSALS))
async def begin(body: OwnPasswordIn, who: Myself, counter: AtCounter) -> TotpOut:
    """Begin to set up the caller's second factor; it counts after the confirmation."""
    await counter.ask_password(who, body.password)
    async with transaction(counter.sessions) as db:
        begun = await begin_totp(db, staff_id=who.id, key_ring=counter.keys)
    return TotpOut(secret=begun.secret, address=begun.address, qr_image=qr_image(begun.address))


@router.post("/confirmation", responses=problems(NotLoggedIn, TotpAlreadySet, TotpCodeWrong))
async def confirm(
    body: TotpCodeIn,
    who: Myself,
    counter: AtCounter,
    request: Request,
    response: Response,
    settings: AppSettings,
) -> RecoveryCodesOut:
    """Show that the app is set up; every login ends, and a browser's goes on under a new cookie."""
    async with transaction(counter.sessions) as db:
        codes = await confirm_totp(
            db,
            staff_id=who.id,
            code=body.code,
            key_ring=counter.keys,
            source=counter.source,
            now=counter.now,
        )
        if console_token(request, settings) is not None:
            login = await open_staff_login(
                db, staff_id=who.id, device=counter.device, address=counter.address, now=counter.now
            )
            set_cookie(response, token=login.token, settings=settings)
    return RecoveryCodesOut(recovery_codes=codes)


@router.post(
    "/removal",
    status_code=204,
    responses=problems(
        NotLoggedIn, *PASSWORD_REFUSALS, SecondFactorRequired, SecondFactorWrong, RecoveryCodeWrong
    ),
)
async def remove(
    body: TotpRemovalIn, who: Myself, counter: AtCounter, response: Response, settings: AppSettings
) -> None:
    """Forget the caller's second factor, to set up that of another phone; every login ends."""
    credential = await counter.ask_password(who, body.password)
    attempt = await counter.pay_code_try(who)
    proof = counter.proof(credential, totp_code=body.totp_code, recovery_code=body.recovery_code)
    async with transaction(counter.sessions) as db:
        await spend_proof(
            db,
            staff_id=who.id,
            proof=proof,
            key_ring=counter.keys,
            source=counter.source,
            now=counter.now,
        )
        await remove_own_totp(db, staff_id=who.id, source=counter.source, now=counter.now)
    await counter.forgive(attempt)
    clear_cookie(response, settings=settings)
