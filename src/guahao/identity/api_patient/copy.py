"""The route by which a holder takes a copy of all that is held."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.caller import Caller
from guahao.identity.api_patient.holder import PROOF_PROBLEMS, HolderIn, prove_holder
from guahao.identity.api_patient.logins import WeChat
from guahao.identity.ports.copy import AccountCopy
from guahao.identity.service.consents import AccountClosed
from guahao.identity.service.copy import take_copy
from guahao.kernel.db import transaction
from guahao.kernel.http import download, problems


class TableOut(BaseModel):
    """The rows of one table, by the names of its columns; `title` says in Chinese what they are."""

    title: str
    rows: list[dict[str, object]]


class CopyOut(BaseModel):
    """All that is held, by table. Times are UTC, amounts fen."""

    about: str
    made_at: datetime
    tables: dict[str, TableOut]


router = APIRouter(prefix="/api/v1/me/export", tags=["account"])


def _account_copy(request: Request) -> AccountCopy:
    others: AccountCopy = request.app.state.account_copy
    return others


@router.post(
    "",
    response_model=CopyOut,
    responses=problems(NotLoggedIn, AccountClosed, *PROOF_PROBLEMS),
    dependencies=[Depends(per_account("own copy", a_minute=3))],
)
async def take(
    body: HolderIn,
    account: CurrentAccount,
    caller: Caller,
    wechat: WeChat,
    others: Annotated[AccountCopy, Depends(_account_copy)],
) -> Response:
    """A copy of everything that is held about the account and its patients, as a JSON file.

    Names and numbers are in full, as nowhere else: so the holder proves anew who they are, and it is a POST,
    which no browser repeats or keeps. Taking it is an entry of the trail.
    """
    proof = await prove_holder(body.proof, account=account, caller=caller, wechat=wechat)
    async with transaction(caller.sessions) as db:
        file = await take_copy(
            db, account_id=account.id, proof=proof, others=others, key_ring=caller.keys, now=caller.now
        )
    return download(file)
