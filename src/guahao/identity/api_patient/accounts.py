"""Routes of accounts: SMS codes, registering, the account itself, passwords."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from guahao.identity.access import (
    CurrentAccount,
    NotLoggedIn,
    per_account,
    per_address,
    public,
)
from guahao.identity.api_patient.caller import Caller, prove_phone
from guahao.identity.api_patient.schemas import (
    AccountIn,
    AccountOut,
    LoggedInOut,
    PasswordChangeIn,
    PasswordResetIn,
    SmsCodeIn,
    SmsCodeOut,
    typed_code,
)
from guahao.identity.models.account import CodePurpose, LoginKind
from guahao.identity.policy.login import CODE_TTL, CODES_PER_ADDRESS_HOUR
from guahao.identity.ports.sms import SmsNotSent, SmsSender
from guahao.identity.queries.login import account_by_id
from guahao.identity.service import account as accounts
from guahao.identity.service import sms_code as sms_codes
from guahao.identity.service.login import open_account_login
from guahao.identity.service.password import hash_password, is_password
from guahao.identity.service.sms_code import Asker
from guahao.identity.service.throttle import Attempt, LoginPaused, Realm
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import AppSettings, Db, Keys, problems
from guahao.kernel.log import logger

router = APIRouter(prefix="/api/v1", tags=["account"])


def _sms_sender(request: Request) -> SmsSender:
    sender: SmsSender = request.app.state.sms_sender
    return sender


Sms = Annotated[SmsSender, Depends(_sms_sender)]


@router.post(
    "/sms-codes",
    status_code=202,
    responses=problems(sms_codes.SmsLimitReached, sms_codes.SmsBudgetSpent, sms_codes.SmsUnavailable),
    dependencies=[Depends(public)],
)
async def send_sms_code(body: SmsCodeIn, caller: Caller, sms: Sms, settings: AppSettings) -> SmsCodeOut:
    """Send a code of six digits; it works once, for five minutes, for this purpose and this request only.

    The answer is the same whether the phone is known or not. A new code voids the one that the same
    device or address had before; what others ask for this phone voids none.
    """
    async with transaction(caller.sessions) as db:
        credential = await accounts.find_by_phone(db, key_ring=caller.keys, phone=body.phone)
        asker = Asker(address=caller.address, device=caller.known_device(credential.owner))
        issued = await sms_codes.issue_code(
            db,
            key_ring=caller.keys,
            phone=body.phone,
            purpose=body.purpose,
            asker=asker,
            per_address_hour=CODES_PER_ADDRESS_HOUR * settings.address_factor,
            daily_budget=settings.sms_daily_budget,
            now=caller.now,
        )
    minutes = int(CODE_TTL.total_seconds()) // 60
    try:
        await sms.send_code(phone=body.phone, code=issued.code, valid_min=minutes)
    except SmsNotSent as error:
        logger().warning("sms-not-sent", code=str(error))
        raise sms_codes.SmsUnavailable from error
    async with transaction(caller.sessions) as db:
        await sms_codes.note_sent(db, code_id=issued.id, now=caller.now)
    return SmsCodeOut(expires_in_s=minutes * 60, sms_request_id=issued.id)


@router.post(
    "/accounts",
    status_code=201,
    responses=problems(
        sms_codes.SmsCodeWrong,
        accounts.UsernameTaken,
        accounts.PhoneTaken,
        accounts.PasswordWeak,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(public), Depends(per_address("register", a_minute=20))],
)
async def register(body: AccountIn, caller: Caller) -> LoggedInOut:
    """Make an account for a phone proven by a code, and log in."""
    accounts.check_password_strength(body.password, username=body.username, phone=body.phone)
    code_id = await prove_phone(caller, typed_code(body, CodePurpose.REGISTER))
    password_hash = await hash_password(body.password)
    async with transaction(caller.sessions) as db:
        await sms_codes.spend_code(db, code_id=code_id, now=caller.now)
        account = await accounts.register(
            db,
            key_ring=caller.keys,
            phone=body.phone,
            username=body.username,
            password_hash=password_hash,
            now=caller.now,
        )
        login = await open_account_login(
            db,
            account_id=account.id,
            kind=LoginKind.SMS,
            device=caller.device,
            address=caller.address,
            now=caller.now,
        )
    return LoggedInOut(
        token=login.token,
        device_token=caller.device_token(account.id),
        account=AccountOut.of(account, caller.keys),
    )


@router.get("/me", responses=problems(NotLoggedIn))
async def show_me(account: CurrentAccount, db: Db, keys: Keys) -> AccountOut:
    """The account of the token."""
    return AccountOut.of(await account_by_id(db, account_id=account.id), keys)


@router.post(
    "/me/password",
    status_code=204,
    responses=problems(
        NotLoggedIn,
        accounts.OldPasswordWrong,
        accounts.PasswordWeak,
        LoginPaused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(per_account("change password", a_minute=10))],
)
async def change_password(body: PasswordChangeIn, account: CurrentAccount, caller: Caller) -> None:
    """Set a new password; every other device is logged out at once."""
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_of(db, account_id=account.id)
    # counted for this login alone: what strangers try of the name keeps nobody from changing the password
    attempt = Attempt(
        realm=Realm.ACCOUNT, name=str(account.id), address=caller.address, device=str(account.login_id)
    )
    await caller.pay(attempt)
    accounts.check_password_strength(body.new_password, username=credential.username or "")
    old_hash = credential.password_hash
    if not await is_password(body.old_password, password_hash=old_hash) or old_hash is None:
        raise accounts.OldPasswordWrong
    new_hash = await hash_password(body.new_password)
    async with transaction(caller.sessions) as db:
        await accounts.change_password(
            db,
            account_id=account.id,
            old_hash=old_hash,
            new_hash=new_hash,
            keep_login=account.login_id,
            now=caller.now,
        )
    await caller.forgive(attempt)


@router.post(
    "/password-resets",
    status_code=204,
    responses=problems(
        sms_codes.SmsCodeWrong, accounts.PhoneUnknown, accounts.PasswordWeak, TooManyRequests, Unavailable
    ),
    dependencies=[Depends(public), Depends(per_address("reset", a_minute=20))],
)
async def reset_password(body: PasswordResetIn, caller: Caller) -> None:
    """Set a new password for the account of a phone proven by a code; all devices are logged out."""
    code_id = await prove_phone(caller, typed_code(body, CodePurpose.RESET))
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_by_phone(db, key_ring=caller.keys, phone=body.phone)
    accounts.check_password_strength(body.new_password, username=credential.username or "", phone=body.phone)
    new_hash = await hash_password(body.new_password)
    async with transaction(caller.sessions) as db:
        await sms_codes.spend_code(db, code_id=code_id, now=caller.now)
        await accounts.reset_password(db, credential=credential, new_hash=new_hash, now=caller.now)
    if credential.username is not None:
        await caller.forgive(caller.attempt(credential.username, account_id=credential.owner))
