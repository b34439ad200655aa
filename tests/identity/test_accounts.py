from __future__ import annotations

import json

import anyio
import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login
from tests.factories.account import phone
from tests.factories.newcomer import (
    PASSWORD,
    bearer,
    code_for,
    forget_waits,
    log_in,
    register,
    username,
    wrong,
)

pytestmark = pytest.mark.anyio


async def test_a_newcomer_registers_with_a_code_and_is_logged_in(client: httpx.AsyncClient) -> None:
    number, name = phone(), username()
    code = await code_for(client, number, "register")

    made = await client.post(
        "/api/v1/accounts",
        json={"phone": number, "sms_code": code, "username": name, "password": PASSWORD},
    )

    assert made.status_code == 201
    assert made.json()["account"]["username"] == name
    assert made.json()["account"]["phone"] == f"{number[:3]}****{number[-4:]}"
    me = await client.get("/api/v1/me", headers=bearer(made.json()["token"]))
    assert me.status_code == 200
    assert me.json() == made.json()["account"]


async def test_phone_and_token_are_nowhere_in_the_database_in_clear(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)

    account = (await db.scalars(select(Account))).one()
    login = (await db.scalars(select(Login))).one()

    assert account.phone_sealed is not None
    assert made.phone.encode() not in account.phone_sealed
    assert made.token.encode() not in login.token_hash
    assert account.password_hash is not None
    assert account.password_hash.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


@pytest.mark.parametrize("kind", ["same", "upper"])
async def test_a_username_is_taken_once_whatever_its_case(client: httpx.AsyncClient, kind: str) -> None:
    made = await register(client)
    number = phone()
    code = await code_for(client, number, "register")
    name = made.username.upper() if kind == "upper" else made.username

    refused = await client.post(
        "/api/v1/accounts",
        json={"phone": number, "sms_code": code, "username": name, "password": PASSWORD},
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "username-taken")
    retried = await client.post(
        "/api/v1/accounts",
        json={"phone": number, "sms_code": code, "username": username(), "password": PASSWORD},
    )
    assert retried.status_code == 201


async def test_a_phone_that_has_an_account_learns_so_only_after_its_code(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, "register")
    body = {"phone": made.phone, "username": username(), "password": PASSWORD}

    guessed = await client.post("/api/v1/accounts", json=body | {"sms_code": wrong(code)})
    proven = await client.post("/api/v1/accounts", json=body | {"sms_code": code})

    assert (guessed.status_code, guessed.json()["code"]) == (422, "sms-code-wrong")
    assert (proven.status_code, proven.json()["code"]) == (409, "phone-taken")
    assert await db.scalar(select(func.count()).select_from(Account)) == 1


async def test_two_registrations_of_one_username_at_once_make_one_account(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    name = username()
    numbers = [phone(), phone()]
    codes = [await code_for(client, number, "register") for number in numbers]
    statuses: list[int] = []

    async def one(number: str, code: str) -> None:
        answer = await client.post(
            "/api/v1/accounts",
            json={"phone": number, "sms_code": code, "username": name, "password": PASSWORD},
        )
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for number, code in zip(numbers, codes, strict=True):
            tasks.start_soon(one, number, code)

    assert sorted(statuses) == [201, 409]
    assert await db.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12345678901"),
        ("phone", "+8613800138000"),
        ("phone", "1380013800"),
        ("phone", "13800138000\n1"),
        ("phone", "１３８００１３８０００"),
        ("sms_code", "12345"),
        ("sms_code", "12345a"),
        ("username", "abc"),
        ("username", "1abcdef"),
        ("username", "a' OR 1=1 --"),
        ("username", "<script>alert(1)</script>"),
        ("username", "a" * 33),
        ("password", "short12"),
        ("password", "x" * 65),
        ("password", "\ud800abcdefgh"),
        ("role", "admin"),
    ],
)
async def test_a_wrong_field_is_refused_and_nothing_is_made(
    client: httpx.AsyncClient, db: AsyncSession, field: str, value: str
) -> None:
    body = {"phone": phone(), "sms_code": "123456", "username": username(), "password": PASSWORD}

    refused = await client.post(
        "/api/v1/accounts",
        content=json.dumps(body | {field: value}),
        headers={"Content-Type": "application/json"},
    )

    assert refused.status_code == 422
    assert await db.scalar(select(func.count()).select_from(Account)) == 0


@pytest.mark.parametrize(
    "password", ["12345678", "password1", "aaaaaaaa", "abcabcabc", "qwertyui", "woaini1314"]
)
async def test_a_password_that_is_guessed_first_is_refused(client: httpx.AsyncClient, password: str) -> None:
    number = phone()
    code = await code_for(client, number, "register")

    refused = await client.post(
        "/api/v1/accounts",
        json={"phone": number, "sms_code": code, "username": username(), "password": password},
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "password-weak")


async def test_the_spaces_of_a_password_count(client: httpx.AsyncClient) -> None:
    made = await register(client, password=f" {PASSWORD} ")

    trimmed = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": made.username, "password": PASSWORD}
    )
    whole = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": made.username, "password": f" {PASSWORD} "}
    )

    assert (trimmed.status_code, whole.status_code) == (401, 201)


async def test_login_by_password_ignores_the_case_of_the_name(client: httpx.AsyncClient) -> None:
    made = await register(client)

    answer = await client.post(
        "/api/v1/logins",
        json={"kind": "password", "username": made.username.upper(), "password": PASSWORD},
    )

    assert answer.status_code == 201
    assert answer.json()["account"]["id"] == made.account_id


async def test_a_hash_with_old_parameters_is_renewed_at_login(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    weak = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
    await db.execute(update(Account).values(password_hash=weak))
    await db.commit()

    assert await log_in(client, made.username)

    renewed = await db.scalar(select(Account.password_hash))
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert await log_in(client, made.username)


async def test_a_changed_password_logs_the_other_devices_out(client: httpx.AsyncClient) -> None:
    made = await register(client)
    other = await log_in(client, made.username)

    changed = await client.post(
        "/api/v1/me/password",
        json={"old_password": PASSWORD, "new_password": "another fine secret"},
        headers=bearer(made.token),
    )

    assert changed.status_code == 204
    assert (await client.get("/api/v1/me", headers=bearer(made.token))).status_code == 200
    assert (await client.get("/api/v1/me", headers=bearer(other))).status_code == 401
    old = {"kind": "password", "username": made.username, "password": PASSWORD}
    assert (await client.post("/api/v1/logins", json=old)).status_code == 401
    assert await log_in(client, made.username, "another fine secret")


async def test_a_password_is_changed_only_with_the_old_one(client: httpx.AsyncClient) -> None:
    made = await register(client)

    refused = await client.post(
        "/api/v1/me/password",
        json={"old_password": "not the old one", "new_password": "another fine secret"},
        headers=bearer(made.token),
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "old-password-wrong")
    assert await log_in(client, made.username)


async def test_a_forgotten_password_is_reset_by_sms_and_all_devices_are_logged_out(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, "reset")
    body = {"phone": made.phone, "sms_code": code, "new_password": "another fine secret"}

    done = await client.post("/api/v1/password-resets", json=body)

    assert done.status_code == 204
    assert (await client.get("/api/v1/me", headers=bearer(made.token))).status_code == 401
    assert await log_in(client, made.username, "another fine secret")
    again = await client.post("/api/v1/password-resets", json=body)
    assert (again.status_code, again.json()["code"]) == (422, "sms-code-wrong")


async def test_a_proven_phone_without_account_is_told_to_register(client: httpx.AsyncClient) -> None:
    number = phone()
    code = await code_for(client, number, "login")

    refused = await client.post("/api/v1/logins", json={"kind": "sms", "phone": number, "sms_code": code})

    assert (refused.status_code, refused.json()["code"]) == (404, "phone-unknown")


async def test_a_disabled_account_is_out_at_once_and_stays_out(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await db.execute(update(Account).values(disabled_at=func.now()))
    await db.commit()

    refused = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": made.username, "password": PASSWORD}
    )

    assert (refused.status_code, refused.json()["code"]) == (401, "login-refused")
    assert (await client.get("/api/v1/me", headers=bearer(made.token))).status_code == 401


async def test_guessing_the_old_password_is_paused_and_then_slowed_down(client: httpx.AsyncClient) -> None:
    made = await register(client)
    body = {"old_password": "not the old one", "new_password": "another fine secret"}

    answers = [
        await client.post("/api/v1/me/password", json=body, headers=bearer(made.token)) for _ in range(11)
    ]

    expected = ["old-password-wrong"] * 5 + ["login-paused"] * 5 + ["too-many-requests"]
    assert [answer.json()["code"] for answer in answers] == expected
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
