"""Routes of accounts: registering, the account itself, passwords."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from guahao.identity.access import (
    CurrentAccount,
    NotLoggedIn,
    per_account,
    per_address,
    public,
)
from guahao.identity.api_patient.caller import Caller, prove_phone
from guahao.identity.api_patient.guessing import GuessedHere
from guahao.identity.api_patient.schemas import (
    AccountIn,
    AccountOut,
    LoggedInOut,
    PasswordChangeIn,
    PasswordResetIn,
    typed_code,
)
from guahao.identity.models.account import CodePurpose, LoginKind
from guahao.identity.queries.login import account_by_id
from guahao.identity.service import account as accounts
from guahao.identity.service import sms_code as sms_codes
from guahao.identity.service.login import open_account_login
from guahao.identity.service.password import hash_password, is_password
from guahao.identity.service.throttle import Attempt, LoginPaused, Realm
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import Db, Keys, problems

router = APIRouter(prefix="/api/v1", tags=["account"])


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
async def register(body: AccountIn, caller: Caller, guessed: GuessedHere) -> LoggedInOut:
    """Make an account for a phone proven by a code, and log in."""
    accounts.check_password_strength(body.password, username=body.username, phone=body.phone, guessed=guessed)
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
async def change_password(
    body: PasswordChangeIn, account: CurrentAccount, caller: Caller, guessed: GuessedHere
) -> None:
    """Set a new password; every other device is logged out at once."""
    caller.concerns(account)
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_of(db, account_id=account.id)
        phone = await accounts.phone_of(db, account_id=account.id, key_ring=caller.keys)
    accounts.check_password_strength(
        body.new_password, username=credential.username or "", phone=phone, guessed=guessed
    )
    # counted for this login alone: what strangers try of the name keeps nobody from changing the password
    attempt = Attempt(
        realm=Realm.ACCOUNT, name=str(account.id), address=caller.address, device=str(account.login_id)
    )
    await caller.pay(attempt)
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
            source=caller.source,
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
async def reset_password(body: PasswordResetIn, caller: Caller, guessed: GuessedHere) -> None:
    """Set a new password for the account of a phone proven by a code; all devices are logged out."""
    code_id = await prove_phone(caller, typed_code(body, CodePurpose.RESET))
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_by_phone(db, key_ring=caller.keys, phone=body.phone)
    accounts.check_password_strength(
        body.new_password, username=credential.username or "", phone=body.phone, guessed=guessed
    )
    new_hash = await hash_password(body.new_password)
    async with transaction(caller.sessions) as db:
        await sms_codes.spend_code(db, code_id=code_id, now=caller.now)
        await accounts.reset_password(
            db,
            credential=credential,
            phone=body.phone,
            new_hash=new_hash,
            source=caller.source,
            key_ring=caller.keys,
            now=caller.now,
        )
    if credential.username is not None:
        await caller.forgive(caller.attempt(credential.username, account_id=credential.owner))
