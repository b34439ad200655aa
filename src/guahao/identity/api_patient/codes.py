"""Routes by which codes are sent to phones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account, public
from guahao.identity.api_patient.caller import Caller, CallerFacts
from guahao.identity.api_patient.schemas import SmsCodeIn, SmsCodeOut
from guahao.identity.models.account import CodePurpose
from guahao.identity.policy.login import CODE_TTL, CODES_PER_ADDRESS_HOUR
from guahao.identity.ports.sms import SmsNotSent, SmsSender
from guahao.identity.service import account as accounts
from guahao.identity.service import sms_code as sms_codes
from guahao.identity.service.holder import AccountHasNoPhone, own_phone
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests
from guahao.kernel.http import AppSettings, problems
from guahao.kernel.log import logger

router = APIRouter(prefix="/api/v1", tags=["account"])


def _sms_sender(request: Request) -> SmsSender:
    sender: SmsSender = request.app.state.sms_sender
    return sender


Sms = Annotated[SmsSender, Depends(_sms_sender)]
_PROBLEMS = (sms_codes.SmsLimitReached, sms_codes.SmsBudgetSpent, sms_codes.SmsUnavailable)


@router.post("/sms-codes", status_code=202, responses=problems(*_PROBLEMS), dependencies=[Depends(public)])
async def send_sms_code(body: SmsCodeIn, caller: Caller, sms: Sms, settings: AppSettings) -> SmsCodeOut:
    """Send a code of six digits; it works once, for five minutes, for this purpose and this request only.

    The answer is the same whether the phone is known or not. A new code voids the one that the same
    device or address had before; what others ask for this phone voids none.
    """
    async with transaction(caller.sessions) as db:
        credential = await accounts.find_by_phone(db, key_ring=caller.keys, phone=body.phone)
    asker = sms_codes.Asker(address=caller.address, device=caller.known_device(credential.owner))
    return await _send(caller, sms, settings, phone=body.phone, purpose=body.purpose, asker=asker)


@router.post(
    "/me/sms-codes",
    status_code=202,
    responses=problems(NotLoggedIn, AccountHasNoPhone, TooManyRequests, *_PROBLEMS),
    dependencies=[Depends(per_account("own code", a_minute=5))],
)
async def send_own_sms_code(
    account: CurrentAccount, caller: Caller, sms: Sms, settings: AppSettings
) -> SmsCodeOut:
    """Send a code to the account's own phone, for a deed that only its holder may do (`kind: sms`)."""
    async with transaction(caller.sessions) as db:
        phone = await own_phone(db, account_id=account.id, key_ring=caller.keys)
    asker = sms_codes.Asker(address=caller.address, device=f"login:{account.login_id}")
    return await _send(caller, sms, settings, phone=phone, purpose=CodePurpose.CONFIRM, asker=asker)


async def _send(
    caller: CallerFacts,
    sms: SmsSender,
    settings: AppSettings,
    *,
    phone: str,
    purpose: CodePurpose,
    asker: sms_codes.Asker,
) -> SmsCodeOut:
    async with transaction(caller.sessions) as db:
        issued = await sms_codes.issue_code(
            db,
            key_ring=caller.keys,
            phone=phone,
            purpose=purpose,
            asker=asker,
            per_address_hour=CODES_PER_ADDRESS_HOUR * settings.address_factor,
            daily_budget=settings.sms_daily_budget,
            now=caller.now,
        )
    minutes = int(CODE_TTL.total_seconds()) // 60
    try:
        await sms.send_code(phone=phone, code=issued.code, valid_min=minutes)
    except SmsNotSent as error:
        logger().warning("sms-not-sent", code=str(error))
        raise sms_codes.SmsUnavailable from error
    async with transaction(caller.sessions) as db:
        await sms_codes.note_sent(db, code_id=issued.id, now=caller.now)
    return SmsCodeOut(expires_in_s=minutes * 60, sms_request_id=issued.id)
