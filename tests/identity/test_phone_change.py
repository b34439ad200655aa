from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.account import Account, SmsCode
from guahao.kernel.db import Sessions
from tests.factories.account import phone
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
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
BY_PASSWORD: Json = {"kind": "password", "password": PASSWORD}


async def ask(client: httpx.AsyncClient, who: Newcomer, number: str, proof: Json) -> httpx.Response:
    code = await code_for(client, number, "change_phone")
    return await client.post(
        "/api/v1/me/phone-changes",
        json={"phone": number, "sms_code": code, "proof": proof},
        headers=bearer(who.token),
    )


async def old_code(client: httpx.AsyncClient, db: AsyncSession, who: Newcomer) -> str:
    await forget_waits(db)
    asked = await client.post("/api/v1/me/sms-codes", headers=bearer(who.token))
    assert asked.status_code == 202, asked.text
    message = await client.get("/sandbox/sms", params={"phone": who.phone})
    code: str = message.json()["code"]
    return code


async def by_sms(client: httpx.AsyncClient, number: str) -> tuple[int, str | None]:
    code = await code_for(client, number, "login")
    answer = await client.post("/api/v1/logins", json={"kind": "sms", "phone": number, "sms_code": code})
    return answer.status_code, answer.json().get("code")


async def shown(client: httpx.AsyncClient, who: Newcomer) -> str:
    me = await client.get("/api/v1/me", headers=bearer(who.token))
    number: str = me.json()["phone"]
    return number


def masked(number: str) -> str:
    return f"{number[:3]}****{number[-4:]}"


async def test_a_phone_is_changed_by_its_code_and_the_password(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who, new = await register(client), phone()
    other = await log_in(client, who.username)

    changed = await ask(client, who, new, BY_PASSWORD)

    assert (changed.status_code, changed.json()["phone"]) == (200, masked(new))
    assert (await client.get("/api/v1/me", headers=bearer(who.token))).status_code == 200
    assert (await client.get("/api/v1/me", headers=bearer(other))).status_code == 401
    await forget_waits(db)
    assert await by_sms(client, new) == (201, None)
    assert await by_sms(client, who.phone) == (404, "phone-unknown")
    trail = select(AuditEntryRow.action).where(AuditEntryRow.action == "account.change_phone")
    assert (await db.scalars(trail)).all() == ["account.change_phone"]


async def test_a_phone_is_changed_by_codes_to_both_numbers(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who, new = await register(client), phone()
    proof = {"kind": "sms", "sms_code": await old_code(client, db, who)}

    changed = await ask(client, who, new, proof)

    assert (changed.status_code, changed.json()["phone"]) == (200, masked(new))
    again = await ask(client, who, phone(), proof)
    assert (again.status_code, again.json()["code"]) == (422, "sms-code-wrong")


async def test_the_old_number_is_free_for_a_new_account(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await register(client)
    await ask(client, who, phone(), BY_PASSWORD)
    await forget_waits(db)
    code = await code_for(client, who.phone, "register")

    made = await client.post(
        "/api/v1/accounts",
        json={"phone": who.phone, "sms_code": code, "username": "somebody_else", "password": PASSWORD},
    )

    assert made.status_code == 201


@pytest.mark.parametrize(
    ("proof", "refusal"),
    [
        ({"kind": "password", "password": "not the password"}, (409, "holder-not-proven")),
        ({"kind": "sms", "sms_code": "000000"}, (422, "sms-code-wrong")),
        ({"kind": "nothing"}, (422, "invalid-request")),
    ],
)
async def test_without_proof_of_the_holder_nothing_changes(
    client: httpx.AsyncClient, proof: Json, refusal: tuple[int, str]
) -> None:
    who = await register(client)
    other = await log_in(client, who.username)

    refused = await ask(client, who, phone(), proof)

    assert (refused.status_code, refused.json()["code"]) == refusal
    assert await shown(client, who) == masked(who.phone)
    assert (await client.get("/api/v1/me", headers=bearer(other))).status_code == 200


async def test_the_new_number_is_proven_by_its_own_code(client: httpx.AsyncClient) -> None:
    who, new = await register(client), phone()
    code = await code_for(client, new, "change_phone")
    login_code = await code_for(client, phone(), "login")

    answers = [
        await client.post(
            "/api/v1/me/phone-changes",
            json={"phone": new, "sms_code": each, "proof": BY_PASSWORD},
            headers=bearer(who.token),
        )
        for each in (wrong(code), wrong(login_code) if login_code == code else login_code)
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(422, "sms-code-wrong")}
    assert await shown(client, who) == masked(who.phone)


async def test_a_number_of_another_account_is_told_and_leaves_both_as_they_are(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who, other = await register(client), await register(client)
    await forget_waits(db)

    refused = await ask(client, who, other.phone, BY_PASSWORD)

    assert (refused.status_code, refused.json()["code"]) == (409, "phone-taken")
    assert await shown(client, who) == masked(who.phone)
    assert await shown(client, other) == masked(other.phone)


async def test_the_own_number_once_more_changes_nothing(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await register(client)
    other = await log_in(client, who.username)
    await forget_waits(db)

    refused = await ask(client, who, who.phone, BY_PASSWORD)

    assert (refused.status_code, refused.json()["code"]) == (409, "phone-unchanged")
    assert (await client.get("/api/v1/me", headers=bearer(other))).status_code == 200


async def test_of_two_accounts_that_want_one_number_one_gets_it(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    people, new = [await register(client), await register(client)], phone()
    codes = []
    for _ in people:
        asked = await client.post("/api/v1/sms-codes", json={"phone": new, "purpose": "change_phone"})
        await forget_waits(db)
        message = await client.get("/sandbox/sms", params={"phone": new})
        codes.append((message.json()["code"], asked.json()["sms_request_id"]))
    await db.execute(update(SmsCode).values(expires_at=SmsCode.created_at + timedelta(days=10)))
    await db.commit()
    told: list[tuple[int, str | None]] = []

    async def one(who: Newcomer, code: tuple[str, str]) -> None:
        body = {"phone": new, "sms_code": code[0], "sms_request_id": code[1], "proof": BY_PASSWORD}
        answer = await client.post("/api/v1/me/phone-changes", json=body, headers=bearer(who.token))
        told.append((answer.status_code, answer.json().get("code")))

    async with anyio.create_task_group() as tasks:
        for who, code in zip(people, codes, strict=True):
            tasks.start_soon(one, who, code)

    assert sorted(told, key=str) == [(200, None), (409, "phone-taken")]
    assert sorted([await shown(client, who) for who in people]).count(masked(new)) == 1


async def test_two_changes_of_one_account_at_once_leave_one_number(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who, numbers = await register(client), [phone(), phone()]
    codes = [await code_for(client, number, "change_phone") for number in numbers]
    told: list[int] = []

    async def one(number: str, code: str) -> None:
        body = {"phone": number, "sms_code": code, "proof": BY_PASSWORD}
        answer = await client.post("/api/v1/me/phone-changes", json=body, headers=bearer(who.token))
        told.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for number, code in zip(numbers, codes, strict=True):
            tasks.start_soon(one, number, code)

    assert told == [200, 200]
    assert await shown(client, who) in {masked(number) for number in numbers}
    free = {who.phone, *numbers} - {
        number for number in numbers if masked(number) == await shown(client, who)
    }
    await forget_waits(db)
    assert [await by_sms(client, number) for number in free] == [(404, "phone-unknown")] * 2


async def giving_up_the_old_number(
    sessions: Sessions, doing: Coroutine[Any, Any, httpx.Response]
) -> httpx.Response:
    """The answer to what somebody begins while the owner's change of phone is not committed yet."""
    async with sessions() as owner:
        await owner.execute(update(Account).values(phone_index=secrets.token_bytes(16)))
        begun = asyncio.create_task(doing)
        await until_somebody_waits(sessions)
        await owner.commit()
        return await begun


async def test_who_has_the_old_number_resets_no_password_beside_the_change(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    who = await register(client)
    await forget_waits(db)
    code = await code_for(client, who.phone, "reset")
    body = {"phone": who.phone, "sms_code": code, "new_password": "another long password"}

    answer = await giving_up_the_old_number(sessions, client.post("/api/v1/password-resets", json=body))

    assert (answer.status_code, answer.json()["code"]) == (404, "phone-unknown")
    assert await log_in(client, who.username)


async def test_a_code_to_the_old_number_closes_nothing_beside_the_change(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    who = await register(client)
    proof = {"kind": "sms", "sms_code": await old_code(client, db, who)}
    await db.commit()

    closing = client.post("/api/v1/me/closure", json={"proof": proof}, headers=bearer(who.token))
    answer = await giving_up_the_old_number(sessions, closing)

    assert (answer.status_code, answer.json()["code"]) == (422, "sms-code-wrong")
    assert await log_in(client, who.username)


async def test_an_account_of_wechat_alone_gets_its_first_phone_by_its_code(client: httpx.AsyncClient) -> None:
    new = phone()
    opened = await client.post("/api/v1/logins", json={"kind": "wechat", "js_code": f"li--{phone()}"})
    code = await code_for(client, new, "change_phone")
    told = []

    for name in ("wang", "li"):
        answer = await client.post(
            "/api/v1/me/phone-changes",
            json={
                "phone": new,
                "sms_code": code,
                "proof": {"kind": "wechat", "js_code": f"{name}--{phone()}"},
            },
            headers=bearer(opened.json()["token"]),
        )
        told.append((answer.status_code, answer.json().get("code"), answer.json().get("phone")))

    assert told == [(409, "holder-not-proven", None), (200, None, masked(new))]


async def test_patients_with_the_old_number_are_reached_at_the_new_one(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who, new, elsewhere = await register(client), phone(), phone()
    for number, name, document, relation in (
        (who.phone, "张三", "11010519491231002X", "self"),
        (elsewhere, "李四", "110105194912310038", "parent"),
    ):
        added = await client.post(
            "/api/v1/patients",
            json={
                "name": name,
                "document_type": "resident_id",
                "document_number": document,
                "phone": number,
                "relation": relation,
            },
            headers=bearer(who.token) | {"Idempotency-Key": f"patient-{relation}-0001"},
        )
        assert added.status_code == 201, added.text

    await ask(client, who, new, BY_PASSWORD)

    listed = await client.get("/api/v1/patients", headers=bearer(who.token))
    assert [one["phone"] for one in listed.json()["items"]] == [masked(new), masked(elsewhere)]
