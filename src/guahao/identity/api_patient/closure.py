"""Routes by which a holder closes the account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.caller import Caller
from guahao.identity.api_patient.holder import PROOF_PROBLEMS, HolderIn, prove_holder
from guahao.identity.api_patient.logins import WeChat
from guahao.identity.ports.closing import Hindrances
from guahao.identity.service.closure import ClosureHindered, close_account
from guahao.identity.service.consents import AccountClosed
from guahao.kernel.db import transaction
from guahao.kernel.http import Db, Page, problems

router = APIRouter(prefix="/api/v1/me/closure", tags=["account"])


def _hindrances(request: Request) -> Hindrances:
    hindrances: Hindrances = request.app.state.hindrances
    return hindrances


Hindering = Annotated[Hindrances, Depends(_hindrances)]


class HindranceOut(BaseModel):
    """One thing to settle before the account can be closed, and how."""

    kind: str
    text: str


@router.get("", responses=problems(NotLoggedIn))
async def show_hindrances(account: CurrentAccount, db: Db, hindrances: Hindering) -> Page[HindranceOut]:
    """What has to be settled before the account can be closed; nothing when it can."""
    found = await hindrances(db, account_id=account.id)
    return Page(items=[HindranceOut(kind=one.kind, text=one.text) for one in found])


@router.post(
    "",
    status_code=204,
    responses=problems(NotLoggedIn, ClosureHindered, AccountClosed, *PROOF_PROBLEMS),
    dependencies=[Depends(per_account("close account", a_minute=10))],
)
async def close(
    body: HolderIn, account: CurrentAccount, caller: Caller, wechat: WeChat, hindrances: Hindering
) -> None:
    """Close the account for good; the holder proves anew who they are.

    Every device is logged out, the patients are deleted, and the phone, the username and the WeChat user may
    open a new account at once. Appointments and payments of the past stay as long as the law has them kept.
    Repeating it needs no key: the token is refused from then on.
    """
    proof = await prove_holder(body.proof, account=account, caller=caller, wechat=wechat)
    async with transaction(caller.sessions) as db:
        await close_account(db, account_id=account.id, proof=proof, hindrances=hindrances, now=caller.now)
