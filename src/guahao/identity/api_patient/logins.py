"""Routes of logins: opening one, the list of devices, logging out."""

from __future__ import annotations

from typing import Annotated, assert_never

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_address, public
from guahao.identity.api_patient.caller import Caller, CallerFacts, prove_phone
from guahao.identity.api_patient.schemas import (
    AccountOut,
    LoggedInOut,
    LoginIn,
    LoginOut,
    PasswordLoginIn,
    SmsLoginIn,
    WeChatLoginIn,
    typed_code,
)
from guahao.identity.models.account import Account, CodePurpose, LoginKind
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.ports.wechat import WeChatIdentity
from guahao.identity.queries.login import logins_of_account
from guahao.identity.service import account as accounts
from guahao.identity.service.login import OpenedLogin, open_account_login, revoke_account_login
from guahao.identity.service.openid import openid_by_code
from guahao.identity.service.password import hash_password, is_outdated, is_password
from guahao.identity.service.security_event import Owner, tell
from guahao.identity.service.sms_code import SmsCodeWrong, spend_code
from guahao.identity.service.throttle import LoginPaused
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound, TooManyRequests, Unavailable
from guahao.kernel.http import Db, Now, Page, problems
from guahao.kernel.ids import parse_id

router = APIRouter(prefix="/api/v1/logins", tags=["account"])


async def _wechat(request: Request) -> WeChatIdentity:
    wechat: WeChatIdentity = request.app.state.wechat
    return wechat


WeChat = Annotated[WeChatIdentity, Depends(_wechat)]


@router.post(
    "",
    status_code=201,
    responses=problems(
        accounts.LoginRefused,
        accounts.WeChatLoginRefused,
        accounts.WeChatAccountBlocked,
        accounts.WeChatUnavailable,
        accounts.PhoneUnknown,
        SmsCodeWrong,
        LoginPaused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(public), Depends(per_address("login", a_minute=60))],
)
async def log_in(body: LoginIn, caller: Caller, wechat: WeChat) -> LoggedInOut:
    """Log in by password, by SMS code or by WeChat; each login is a device of its own."""
    match body:
        case PasswordLoginIn():
            return await _by_password(body, caller)
        case SmsLoginIn():
            return await _by_sms(body, caller)
        case WeChatLoginIn():
            return await _by_wechat(body, caller, wechat)
        case _:
            assert_never(body)


@router.get("", responses=problems(NotLoggedIn))
async def list_logins(account: CurrentAccount, db: Db, now: Now) -> Page[LoginOut]:
    """The devices that are logged in, the one used last first."""
    found = await logins_of_account(db, account_id=account.id, now=now)
    return Page(
        items=[
            LoginOut(
                id=str(login.id),
                kind=login.kind,
                device=login.device,
                created_at=login.created_at,
                last_seen_at=login.last_seen_at,
                current=login.id == account.login_id,
            )
            for login in found
        ]
    )


@router.delete("/current", status_code=204, responses=problems(NotLoggedIn))
async def log_out(account: CurrentAccount, db: Db, now: Now) -> None:
    """Log this device out; the token is refused from now on."""
    await revoke_account_login(db, account_id=account.id, login_id=account.login_id, now=now)


@router.delete("/{login_id}", status_code=204, responses=problems(NotLoggedIn, NotFound))
async def log_device_out(login_id: str, account: CurrentAccount, db: Db, now: Now) -> None:
    """Log one of the account's devices out."""
    await revoke_account_login(db, account_id=account.id, login_id=parse_id(login_id), now=now)


async def _by_password(body: PasswordLoginIn, caller: CallerFacts) -> LoggedInOut:
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_by_username(db, username=body.username)
    attempt = caller.attempt(body.username, account_id=credential.owner)
    await caller.pay(attempt)
    old_hash = credential.password_hash
    right = await is_password(body.password, password_hash=old_hash)
    if not right or credential.owner is None or old_hash is None:
        raise accounts.LoginRefused
    new_hash = await hash_password(body.password) if is_outdated(old_hash) else None
    async with transaction(caller.sessions) as db:
        account = await accounts.verified_account(db, account_id=credential.owner, password_hash=old_hash)
        if new_hash is not None:
            await accounts.renew_hash(db, account=account, password_hash=new_hash)
        login = await _opened(db, account, LoginKind.PASSWORD, caller)
    await caller.forgive(attempt)
    return _logged_in(login, account, caller)


async def _by_sms(body: SmsLoginIn, caller: CallerFacts) -> LoggedInOut:
    code_id = await prove_phone(caller, typed_code(body, CodePurpose.LOGIN))
    async with transaction(caller.sessions) as db:
        await spend_code(db, code_id=code_id, now=caller.now)
        account = await accounts.account_by_phone(db, key_ring=caller.keys, phone=body.phone)
        login = await _opened(db, account, LoginKind.SMS, caller)
    return _logged_in(login, account, caller)


async def _by_wechat(body: WeChatLoginIn, caller: CallerFacts, wechat: WeChatIdentity) -> LoggedInOut:
    openid = await openid_by_code(wechat, js_code=body.js_code)
    async with transaction(caller.sessions) as db:
        account = await accounts.account_of_openid(db, openid=openid, now=caller.now)
        login = await _opened(db, account, LoginKind.WECHAT, caller)
    return _logged_in(login, account, caller)


async def _opened(db: AsyncSession, account: Account, kind: LoginKind, caller: CallerFacts) -> OpenedLogin:
    """Open a login, and tell the owner when it is the first one on this device."""
    is_new_account = account.created_at == caller.now
    if not is_new_account and caller.known_device(account.id) is None:
        await tell(
            db,
            owner=Owner(account_id=account.id),
            kind=SecurityEventKind.NEW_DEVICE,
            source=caller.source,
            now=caller.now,
        )
    return await open_account_login(
        db,
        account_id=account.id,
        kind=kind,
        device=caller.device,
        address=caller.address,
        now=caller.now,
    )


def _logged_in(login: OpenedLogin, account: Account, caller: CallerFacts) -> LoggedInOut:
    return LoggedInOut(
        token=login.token,
        device_token=caller.device_token(account.id),
        account=AccountOut.of(account, caller.keys),
    )
