"""The phone of an account that WeChat made: shown by WeChat's own button, without a text message."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.caller import Caller
from guahao.identity.api_patient.logins import WeChat
from guahao.identity.api_patient.schemas import AccountOut, JsCode
from guahao.identity.ports.wechat import PhoneCodeRefused, WeChatUnreachable
from guahao.identity.service import account as accounts
from guahao.kernel.db import transaction
from guahao.kernel.errors import TooManyRequests
from guahao.kernel.http import Body, problems

router = APIRouter(prefix="/api/v1/me/phone", tags=["account"])


class PhoneIn(Body):
    """The code of the button `open-type="getPhoneNumber"`."""

    code: JsCode


@router.post(
    "",
    responses=problems(
        NotLoggedIn,
        accounts.WeChatPhoneRefused,
        accounts.PhoneTaken,
        accounts.PhoneAlreadyLinked,
        accounts.WeChatUnavailable,
        TooManyRequests,
    ),
    dependencies=[Depends(per_account("link phone", a_minute=5))],  # each press costs money at WeChat
)
async def link_phone(body: PhoneIn, account: CurrentAccount, caller: Caller, wechat: WeChat) -> AccountOut:
    """Give the account the phone that WeChat shows; from then on it can log in by SMS too."""
    try:
        phone = await wechat.phone_of(code=body.code)
    except PhoneCodeRefused as error:
        raise accounts.WeChatPhoneRefused from error
    except WeChatUnreachable as error:
        raise accounts.WeChatUnavailable from error
    async with transaction(caller.sessions) as db:
        linked = await accounts.link_phone(
            db,
            key_ring=caller.keys,
            account_id=account.id,
            phone=phone,
            source=caller.source,
            now=caller.now,
        )
    return AccountOut.of(linked, caller.keys)
