"""Whoever knows a document number guesses the name ten times, whichever door they take."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import LoginBudget
from guahao.identity.ports.verification import Verdict
from guahao.identity.service.throttle import IdentityTriesSpent, pay_identity_try
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from tests.factories.account import make_account, make_login
from tests.factories.newcomer import bearer
from tests.factories.person import patient_body, resident_id

pytestmark = pytest.mark.anyio
PATIENTS = "/api/v1/patients"


class Authority:
    """Says yes to everything, and how often it was asked."""

    asked = 0

    async def verify(self, **_asked: object) -> Verdict:
        self.asked += 1
        return Verdict.MATCH


async def account(sessions: Sessions) -> dict[str, str]:
    async with transaction(sessions) as db:
        return bearer(await make_login(db, await make_account(db)))


async def add(client: httpx.AsyncClient, who: dict[str, str], **overrides: object) -> httpx.Response:
    return await client.post(PATIENTS, json=patient_body(**overrides), headers=who)


async def test_an_account_guesses_ten_names_of_a_document_whichever_door_it_takes(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    number = resident_id()
    owner = await account(sessions)
    guesser = await account(sessions)
    assert (await add(client, owner, document_number=number)).status_code == 201
    person = {
        name: value for name, value in patient_body(document_number=number).items() if name != "relation"
    }

    guesses = [
        await add(client, guesser, document_number=number, name=f"李{sign}") for sign in "一二三四五六七八"
    ]
    claims = [
        await client.post(f"{PATIENTS}/claims", json=person | {"name": name}, headers=guesser)
        for name in ("李九", "李十")
    ]
    authority = app.state.identity_verifier = Authority()
    right = await add(client, guesser, document_number=number)
    claim = await client.post(f"{PATIENTS}/claims", json=person, headers=guesser)
    unknown = await add(client, guesser)

    assert {answer.json()["code"] for answer in (*guesses, *claims)} == {"identity-not-verified"}
    for answer in (right, claim, unknown):
        assert (answer.status_code, answer.json()["code"]) == (429, "identity-tries-spent")
        assert int(answer.headers["Retry-After"]) <= 2 * 3600
        assert answer.json()["hours"] == 2
    assert authority.asked == 0
    assert (await add(client, owner)).status_code == 201


async def test_what_is_refused_before_names_are_compared_and_the_same_request_again_cost_no_try(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    who = await account(sessions)
    body, once = patient_body(), {"Idempotency-Key": "the-same-request"}
    for _ in range(3):
        again = await client.post(PATIENTS, json=body, headers=who | once)
        assert again.status_code == 201, again.text
        assert (await client.post(PATIENTS, json=body, headers=who)).json()["code"] == "patient-already-added"

    budget = (await db.scalars(select(LoginBudget))).one()

    assert timedelta(hours=1) < budget.full_at - utc_now() <= timedelta(hours=2)


async def test_tries_of_one_moment_are_counted_whichever_read_its_clock_first(
    app: FastAPI, sessions: Sessions
) -> None:
    async with transaction(sessions) as db:
        account_id = (await make_account(db)).id
    now = utc_now()

    for number in range(10):
        async with transaction(sessions) as db:
            moment = now - timedelta(milliseconds=number)
            await pay_identity_try(db, account_id=account_id, keys=app.state.key_ring, now=moment)
    with pytest.raises(IdentityTriesSpent):
        async with transaction(sessions) as db:
            await pay_identity_try(db, account_id=account_id, keys=app.state.key_ring, now=now)
