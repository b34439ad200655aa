"""Route by which the holder of an account changes its phone."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.caller import Caller, prove_phone
from guahao.identity.api_patient.holder import PROOF_PROBLEMS, HolderIn, prove_holder
from guahao.identity.api_patient.logins import WeChat
from guahao.identity.api_patient.schemas import AccountOut, SmsRequestId
from guahao.identity.models.account import CodePurpose
from guahao.identity.service.account import PhoneTaken
from guahao.identity.service.consents import AccountClosed
from guahao.identity.service.phone_change import PhoneUnchanged, change_phone
from guahao.identity.service.sms_code import TypedCode, spend_code
from guahao.kernel.db import transaction
from guahao.kernel.http import problems
from guahao.kernel.value.fields import Mobile, OneTimeCode

router = APIRouter(prefix="/api/v1/me/phone-changes", tags=["account"])


class PhoneChangeIn(HolderIn):
    """The new number with its code of purpose `change_phone`, and a proof that the holder asks."""

    phone: Mobile
    sms_code: OneTimeCode
    sms_request_id: SmsRequestId = None


@router.post(
    "",
    responses=problems(NotLoggedIn, PhoneTaken, PhoneUnchanged, AccountClosed, *PROOF_PROBLEMS),
    dependencies=[Depends(per_account("change phone", a_minute=10))],
)
async def change(body: PhoneChangeIn, account: CurrentAccount, caller: Caller, wechat: WeChat) -> AccountOut:
    """Change the account's phone; every other device is logged out, and the old number is free again.

    Patients who had the old number get the new one. Whoever can prove nothing, for the old number is lost and
    there is neither password nor WeChat, goes to a hospital's desk with their document; the desk writes the
    new number down, a new account is registered with it, and `POST /patients/claims` takes the person over.
    """
    proof = await prove_holder(body.proof, account=account, caller=caller, wechat=wechat)
    typed = TypedCode(
        phone=body.phone,
        purpose=CodePurpose.CHANGE_PHONE,
        code=body.sms_code,
        request_id=body.sms_request_id,
    )
    code_id = await prove_phone(caller, typed)
    async with transaction(caller.sessions) as db:
        await spend_code(db, code_id=code_id, now=caller.now)
        changed = await change_phone(
            db,
            account_id=account.id,
            proof=proof,
            phone=body.phone,
            keep_login=account.login_id,
            source=caller.source,
            key_ring=caller.keys,
            now=caller.now,
        )
    return AccountOut.of(changed, caller.keys)
