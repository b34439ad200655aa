from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.account import Account, Login
from guahao.identity.models.consent import Consent
from guahao.identity.models.person import Patient
from guahao.kernel.clock import utc_now
from tests.factories.account import make_account, phone
from tests.factories.newcomer import (
    PASSWORD,
    Newcomer,
    bearer,
    code_for,
    forget_waits,
    log_in,
    register,
    wrong,
)
from tests.factories.person import patient_body

pytestmark = pytest.mark.anyio
PATH = "/api/v1/me/closure"
BY_PASSWORD = {"kind": "password", "password": PASSWORD}


async def close(client: httpx.AsyncClient, token: str, proof: dict[str, str]) -> httpx.Response:
    return await client.post(PATH, json={"proof": proof}, headers=bearer(token))


async def own_code(client: httpx.AsyncClient, who: Newcomer) -> dict[str, str]:
    sent = await client.post("/api/v1/me/sms-codes", headers=bearer(who.token))
    assert sent.status_code == 202, sent.text
    message = await client.get("/sandbox/sms", params={"phone": who.phone})
    return {
        "kind": "sms",
        "sms_code": message.json()["code"],
        "sms_request_id": sent.json()["sms_request_id"],
    }


async def with_patient(client: httpx.AsyncClient) -> Newcomer:
    who = await register(client)
    added = await client.post("/api/v1/patients", json=patient_body(), headers=bearer(who.token))
    assert added.status_code == 201, added.text
    return who


async def test_a_closed_account_holds_nothing_by_which_somebody_is_known(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await with_patient(client)
    other_device = await log_in(client, who.username)

    closed = await close(client, who.token, BY_PASSWORD)

    assert (closed.status_code, closed.content) == (204, b"")
    account = (await db.scalars(select(Account))).one()
    held = (
        account.username,
        account.phone_sealed,
        account.phone_index,
        account.password_hash,
        account.openid,
    )
    assert held == (None,) * 5
    assert account.closed_at == account.disabled_at is not None
    patient = (await db.scalars(select(Patient))).one()
    assert (patient.phone_sealed, patient.phone_index) == (None, None)
    assert patient.deleted_at == account.closed_at
    assert set(await db.scalars(select(Consent.ended_at))) == {account.closed_at}
    assert set(await db.scalars(select(Login.revoked_at))) == {account.closed_at}
    for token in (who.token, other_device):
        assert (await client.get("/api/v1/me", headers=bearer(token))).status_code == 401
    deeds = await db.scalars(select(AuditEntryRow.action).order_by(AuditEntryRow.at, AuditEntryRow.id))
    assert deeds.all()[-2:] == ["patient.delete", "account.close"]


async def test_afterwards_the_phone_and_the_name_open_a_new_account(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await with_patient(client)
    await close(client, who.token, BY_PASSWORD)
    old = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": who.username, "password": PASSWORD}
    )
    await forget_waits(db)

    made = await client.post(
        "/api/v1/accounts",
        json={
            "phone": who.phone,
            "sms_code": await code_for(client, who.phone, "register"),
            "username": who.username,
            "password": PASSWORD,
        },
    )

    assert (old.status_code, old.json()["code"]) == (401, "login-refused")
    assert made.status_code == 201
    assert made.json()["account"]["id"] != who.account_id
    listed = await client.get("/api/v1/patients", headers=bearer(made.json()["token"]))
    assert listed.json()["items"] == []


async def test_a_code_to_the_own_phone_closes_once(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await register(client)
    await forget_waits(db)
    proof = await own_code(client, who)

    refused = await close(client, who.token, proof | {"sms_code": wrong(proof["sms_code"])})
    still = await client.get("/api/v1/me", headers=bearer(who.token))
    closed = await close(client, who.token, proof)
    again = await close(client, who.token, proof)

    assert (refused.status_code, refused.json()["code"]) == (422, "sms-code-wrong")
    assert (still.status_code, closed.status_code) == (200, 204)
    assert (again.status_code, again.json()["code"]) == (401, "not-logged-in")


async def test_a_code_for_logging_in_closes_nothing(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await register(client)
    await forget_waits(db)
    code = await code_for(client, who.phone, "login")

    refused = await close(client, who.token, {"kind": "sms", "sms_code": code})

    assert (refused.status_code, refused.json()["code"]) == (422, "sms-code-wrong")
    assert await db.scalar(select(Account.closed_at)) is None


async def test_a_code_for_a_deed_is_sent_to_nobody_elses_phone(client: httpx.AsyncClient) -> None:
    asked = await client.post("/api/v1/sms-codes", json={"phone": phone(), "purpose": "confirm"})

    assert (asked.status_code, asked.json()["code"]) == (422, "invalid-request")


async def test_a_wechat_user_closes_by_a_new_code_of_their_own(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    body = {"kind": "wechat", "js_code": f"li--{phone()}"}
    token = (await client.post("/api/v1/logins", json=body)).json()["token"]

    no_phone = await client.post("/api/v1/me/sms-codes", headers=bearer(token))
    stranger = await close(client, token, {"kind": "wechat", "js_code": f"wang--{phone()}"})
    no_password = await close(client, token, BY_PASSWORD)
    closed = await close(client, token, {"kind": "wechat", "js_code": f"li--{phone()}"})
    anew = await client.post("/api/v1/logins", json=body | {"js_code": f"li--{phone()}"})

    assert (no_phone.status_code, no_phone.json()["code"]) == (409, "account-has-no-phone")
    for refused in (stranger, no_password):
        assert (refused.status_code, refused.json()["code"]) == (409, "holder-not-proven")
    assert (closed.status_code, anew.status_code) == (204, 201)
    assert await db.scalar(select(func.count()).select_from(Account)) == 2


async def test_who_found_the_phone_cannot_guess_the_password(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await register(client)

    answers = [
        await close(client, who.token, {"kind": "password", "password": f"guess {turn}"}) for turn in range(7)
    ]

    assert answers[0].json()["code"] == "holder-not-proven"
    assert answers[-1].json()["code"] == "login-paused"
    assert await db.scalar(select(Account.closed_at)) is None


async def test_closing_twice_at_once_closes_once(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await with_patient(client)

    answers = await asyncio.gather(*(close(client, who.token, BY_PASSWORD) for _ in range(2)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 204
    assert codes[1] in {401, 409, 429}  # told to wait when its clock was read a moment earlier
    closings = select(func.count()).where(AuditEntryRow.action == "account.close")
    assert await db.scalar(closings) == 1


async def test_a_login_or_a_patient_beside_the_closing_leaves_nothing_in_it(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await register(client)
    login = {"kind": "password", "username": who.username, "password": PASSWORD}

    closed, *_ = await asyncio.gather(
        close(client, who.token, BY_PASSWORD),
        client.post("/api/v1/logins", json=login),
        client.post("/api/v1/patients", json=patient_body(), headers=bearer(who.token)),
    )

    assert closed.status_code == 204
    assert await db.scalar(select(func.count()).where(Login.revoked_at.is_(None))) == 0
    assert await db.scalar(select(func.count()).where(Patient.deleted_at.is_(None))) == 0


async def test_the_database_keeps_nothing_of_a_closed_account(db: AsyncSession) -> None:
    account = await make_account(db)
    closing = update(Account).where(Account.id == account.id)

    with pytest.raises(IntegrityError, match="account_closed_is_empty"):
        await db.execute(closing.values(closed_at=utc_now(), disabled_at=utc_now() - timedelta(days=1)))
