"""How the holder of an account proves anew who they are, by any way in which they could log in."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

from pydantic import Discriminator

from guahao.identity.access import AccountRef
from guahao.identity.api_patient.caller import CallerFacts, prove_phone
from guahao.identity.api_patient.schemas import GivenPassword, JsCode, SmsRequestId
from guahao.identity.models.account import CodePurpose
from guahao.identity.ports.wechat import WeChatIdentity
from guahao.identity.service import account as accounts
from guahao.identity.service.holder import AccountHasNoPhone, HolderNotProven, Proof, own_phone
from guahao.identity.service.openid import openid_by_code
from guahao.identity.service.password import is_password
from guahao.identity.service.sms_code import SmsCodeWrong, TypedCode
from guahao.identity.service.throttle import Attempt, LoginPaused, Realm
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests, Unavailable
from guahao.kernel.http import Body
from guahao.kernel.value.fields import OneTimeCode

PROOF_PROBLEMS = (
    HolderNotProven,
    AccountHasNoPhone,
    SmsCodeWrong,
    LoginPaused,
    accounts.WeChatLoginRefused,
    accounts.WeChatAccountBlocked,
    accounts.WeChatUnavailable,
    TooManyRequests,
    Unavailable,
)


class PasswordProofIn(Body):
    """The account's password."""

    kind: Literal["password"]
    password: GivenPassword


class SmsProofIn(Body):
    """The code of POST /me/sms-codes."""

    kind: Literal["sms"]
    sms_code: OneTimeCode
    sms_request_id: SmsRequestId = None


class WeChatProofIn(Body):
    """A new code of wx.login, of the WeChat user whose account it is."""

    kind: Literal["wechat"]
    js_code: JsCode


ProofIn = Annotated[PasswordProofIn | SmsProofIn | WeChatProofIn, Discriminator("kind")]


class HolderIn(Body):
    """A deed that needs nothing but the holder."""

    proof: ProofIn


async def prove_holder(
    given: ProofIn, *, account: AccountRef, caller: CallerFacts, wechat: WeChatIdentity
) -> Proof:
    """Judge a proof outside of the deed's transaction; each try is counted. Raises `PROOF_PROBLEMS`."""
    caller.concerns(account)
    match given:
        case PasswordProofIn():
            return await _by_password(given, account, caller)
        case SmsProofIn():
            async with transaction(caller.sessions) as db:
                phone = await own_phone(db, account_id=account.id, key_ring=caller.keys)
            typed = TypedCode(
                phone=phone,
                purpose=CodePurpose.CONFIRM,
                code=given.sms_code,
                request_id=given.sms_request_id,
            )
            return Proof(code_id=await prove_phone(caller, typed))
        case WeChatProofIn():
            return Proof(openid=await openid_by_code(wechat, js_code=given.js_code))
        case _:
            assert_never(given)


async def _by_password(given: PasswordProofIn, account: AccountRef, caller: CallerFacts) -> Proof:
    # counted for this login alone, as for a change of the password
    attempt = Attempt(
        realm=Realm.ACCOUNT, name=str(account.id), address=caller.address, device=str(account.login_id)
    )
    await caller.pay(attempt)
    async with transaction(caller.sessions) as db:
        credential = await accounts.credential_of(db, account_id=account.id)
    if not await is_password(given.password, password_hash=credential.password_hash):
        raise HolderNotProven
    await caller.forgive(attempt)
    return Proof(password_hash=credential.password_hash)
