from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account, Login, LoginThrottle
from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from tests.factories.account import make_account, make_login
from tests.factories.newcomer import PASSWORD, bearer, code_for, forget_waits, log_in, register, username

pytestmark = pytest.mark.anyio


async def status_of(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/api/v1/me", headers=bearer(token))).status_code


async def try_password(client: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    body = {"kind": "password", "username": name, "password": password}
    return await client.post("/api/v1/logins", json=body)


async def by_wechat(client: httpx.AsyncClient, js_code: str) -> httpx.Response:
    return await client.post("/api/v1/logins", json={"kind": "wechat", "js_code": js_code})


async def test_row_39_a_js_code_works_once(client: httpx.AsyncClient, db: AsyncSession) -> None:
    first, replay = await by_wechat(client, "row39--a"), await by_wechat(client, "row39--a")

    assert first.status_code == 201
    assert (replay.status_code, replay.json()["code"]) == (401, "wechat-login-refused")
    assert await db.scalar(select(func.count()).select_from(Login)) == 1


async def test_row_39_a_forged_openid_in_the_body_is_refused(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    victim = await make_account(db, openid="victim")
    await db.commit()

    for body in ({"openid": victim.openid}, {"js_code": "abc", "openid": victim.openid}):
        forged = await client.post("/api/v1/logins", json={"kind": "wechat", **body})

        assert (forged.status_code, forged.json()["code"]) == (422, "invalid-request")
    assert await db.scalar(select(func.count()).select_from(Login)) == 0


async def test_row_40_no_route_takes_a_phone_that_only_a_client_vouches_for(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    body = {"kind": "wechat", "js_code": "row40", "phone_code": "code-of-another-user"}

    refused = await client.post("/api/v1/logins", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    assert await db.scalar(select(func.count()).select_from(Account)) == 0


async def test_row_41_a_stolen_token_is_refused_at_once_after_logout(client: httpx.AsyncClient) -> None:
    made = await register(client)
    assert await status_of(client, made.token) == 200

    out = await client.delete("/api/v1/logins/current", headers=bearer(made.token))

    assert out.status_code == 204
    refused = await client.get("/api/v1/me", headers=bearer(made.token))
    assert (refused.status_code, refused.json()["code"]) == (401, "not-logged-in")


async def test_row_41_a_stolen_token_is_refused_at_once_after_a_password_change(
    client: httpx.AsyncClient,
) -> None:
    made = await register(client)
    stolen = await log_in(client, made.username)
    assert await status_of(client, stolen) == 200

    body = {"old_password": PASSWORD, "new_password": "another fine secret"}
    await client.post("/api/v1/me/password", json=body, headers=bearer(made.token))

    assert await status_of(client, stolen) == 401


async def test_row_41_requests_during_a_logout_leave_nothing_behind(client: httpx.AsyncClient) -> None:
    made = await register(client)

    async def read() -> None:
        await status_of(client, made.token)

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(read)
        await client.delete("/api/v1/logins/current", headers=bearer(made.token))

    assert await status_of(client, made.token) == 401


async def test_row_42_a_wrong_password_answers_the_same_for_known_and_unknown_names(
    client: httpx.AsyncClient,
) -> None:
    made = await register(client)
    stranger = username()

    for turn in range(7):
        known = await try_password(client, made.username, "not the password")
        unknown = await try_password(client, stranger, "not the password")

        expected = (401, "login-refused") if turn < 5 else (429, "login-paused")
        assert (known.status_code, known.json()["code"]) == expected
        assert without_wait(known.json()) == without_wait(unknown.json())


def without_wait(refusal: dict[str, Any]) -> dict[str, Any]:
    """A refusal without the seconds left, of which one may pass between two requests."""
    title = re.sub(r"[0-9]+ 秒", "几秒", refusal["title"])
    return {**refusal, "retry_after_s": 0, "title": title}


async def test_row_42_a_wrong_password_takes_as_long_for_known_as_for_unknown_names(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that takes long is the hash: the same one is computed once for each."""
    made = await register(client)
    computed: list[Parameters] = []
    verify = PasswordHasher.verify

    def noted(self: PasswordHasher, password_hash: str, password: str) -> bool:
        computed.append(extract_parameters(password_hash))
        return verify(self, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    work = []
    for name in (made.username, username()):
        assert (await try_password(client, name, "not the password")).status_code == 401
        work.append(computed.copy())
        computed.clear()

    known, unknown = work
    assert known == unknown
    assert len(known) == 1


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer x", "Bearer " + "a" * 43, "Basic YTpi"])
async def test_without_a_valid_token_nothing_is_shown(client: httpx.AsyncClient, authorization: str) -> None:
    for path in ("/api/v1/me", "/api/v1/logins"):
        refused = await client.get(path, headers={"Authorization": authorization})

        assert (refused.status_code, refused.json()["code"]) == (401, "not-logged-in")


async def test_a_wechat_user_has_one_account_however_often_they_log_in(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    first, second = await by_wechat(client, "wang--1"), await by_wechat(client, "wang--2")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["account"] == second.json()["account"]
    assert first.json()["account"]["phone"] is None
    assert await db.scalar(select(func.count()).select_from(Account)) == 1


async def test_two_first_wechat_logins_at_once_make_one_account(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    ids: list[str] = []

    async def one(turn: int) -> None:
        ids.append((await by_wechat(client, f"zhao--{turn}")).json()["account"]["id"])

    async with anyio.create_task_group() as tasks:
        for turn in range(6):
            tasks.start_soon(one, turn)

    assert len(set(ids)) == 1
    assert await db.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.parametrize(
    ("js_code", "status", "code"),
    [
        ("sandbox-invalid", 401, "wechat-login-refused"),
        ("sandbox-blocked", 403, "wechat-account-blocked"),
        ("sandbox-busy", 503, "wechat-unavailable"),
        ("a b", 422, "invalid-request"),
        ("x" * 129, 422, "invalid-request"),
    ],
)
async def test_wechats_refusals_reach_the_client(
    client: httpx.AsyncClient, db: AsyncSession, js_code: str, status: int, code: str
) -> None:
    refused = await by_wechat(client, js_code)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await db.scalar(select(func.count()).select_from(Account)) == 0


async def test_devices_are_listed_and_can_be_logged_out_one_by_one(client: httpx.AsyncClient) -> None:
    made = await register(client)
    phone_login = await client.post(
        "/api/v1/logins",
        json={"kind": "password", "username": made.username, "password": PASSWORD},
        headers={"User-Agent": "Android " + "x" * 200 + " MicroMessenger/8.0\t" + "x" * 300},
    )
    other = phone_login.json()["token"]

    listed = (await client.get("/api/v1/logins", headers=bearer(made.token))).json()

    assert [item["current"] for item in listed["items"]] == [False, True]
    assert [item["kind"] for item in listed["items"]] == ["password", "sms"]
    assert " MicroMessenger/8.0x" in listed["items"][0]["device"]
    assert len(listed["items"][0]["device"]) == 300
    assert listed["next_cursor"] is None
    theirs = listed["items"][0]["id"]
    out = await client.delete(f"/api/v1/logins/{theirs}", headers=bearer(made.token))
    assert out.status_code == 204
    assert await status_of(client, other) == 401
    assert await status_of(client, made.token) == 200
    again = await client.delete(f"/api/v1/logins/{theirs}", headers=bearer(made.token))
    assert (again.status_code, again.json()["code"]) == (404, "not-found")


async def test_a_device_of_another_account_does_not_exist(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    mine = await make_login(db, await make_account(db))
    theirs = await make_login(db, await make_account(db))
    await db.commit()
    their_id = (await client.get("/api/v1/logins", headers=bearer(theirs))).json()["items"][0]["id"]

    for login_id in (their_id, "0", "not-an-id"):
        refused = await client.delete(f"/api/v1/logins/{login_id}", headers=bearer(mine))

        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    assert await status_of(client, theirs) == 200


@pytest.mark.parametrize(
    ("seen_after_d", "after_s", "status"),
    [
        ([], 30 * 86400 - 1, 200),
        ([], 30 * 86400, 401),
        ([20], 50 * 86400 - 1, 200),
        ([20], 50 * 86400, 401),
        ([25, 50, 75], 90 * 86400 - 1, 200),
        ([25, 50, 75], 90 * 86400, 401),
    ],
)
async def test_a_login_ends_after_thirty_idle_days_and_after_ninety_at_the_latest(
    *,
    app: FastAPI,
    client: httpx.AsyncClient,
    db: AsyncSession,
    seen_after_d: list[int],
    after_s: int,
    status: int,
) -> None:
    token = await make_login(db, await make_account(db))
    began = await db.scalar(select(Login.created_at))
    await db.commit()
    assert began is not None
    for day in seen_after_d:
        app.state.clock = lambda day=day: began + timedelta(days=day)
        assert await status_of(client, token) == 200

    app.state.clock = lambda: began + timedelta(seconds=after_s)

    assert await status_of(client, token) == status


async def test_a_pause_ends_and_a_right_password_starts_the_count_anew(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    for _ in range(5):
        await try_password(client, made.username, "not the password")
    paused = await try_password(client, made.username, PASSWORD)
    await db.execute(update(LoginThrottle).values(blocked_until=func.now()))
    await db.commit()

    right = await try_password(client, made.username, PASSWORD)

    assert (paused.status_code, paused.json()["code"]) == (429, "login-paused")
    assert 0 < int(paused.headers["Retry-After"]) <= 15
    assert right.status_code == 201
    assert await db.scalar(select(func.count()).select_from(LoginThrottle)) == 0


async def test_parallel_guesses_at_a_password_get_five_tries(client: httpx.AsyncClient) -> None:
    made = await register(client)
    statuses: list[int] = []

    async def guess() -> None:
        statuses.append((await try_password(client, made.username, "not the password")).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(guess)

    assert sorted(statuses) == [401] * 5 + [429] * 15


async def test_a_paused_name_can_still_log_in_by_sms(client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await register(client)
    for _ in range(6):
        await try_password(client, made.username, "not the password")
    await forget_waits(db)
    code = await code_for(client, made.phone, "login")

    by_sms = await client.post("/api/v1/logins", json={"kind": "sms", "phone": made.phone, "sms_code": code})

    assert by_sms.status_code == 201


async def test_an_address_is_slowed_down_before_it_hashes(settings: Settings, sessions: Sessions) -> None:
    app = create_app(settings.model_copy(update={"address_limit_factor": 1}), sessions=sessions)
    transport = httpx.ASGITransport(app, client=("2001:db8::1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        answers = [await by_wechat(client, "sandbox-invalid") for _ in range(62)]

    assert [answer.status_code for answer in answers[:60]] == [401] * 60
    assert {answer.json()["code"] for answer in answers[60:]} == {"too-many-requests"}
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "magic"},
        {"kind": "password", "username": "a"},
        {"kind": "password", "username": ["a"], "password": "b"},
        {"kind": "password", "username": "a", "password": "b", "admin": True},
        {"kind": "sms", "phone": "13800138000", "sms_code": 123456},
        [],
    ],
)
async def test_a_malformed_login_is_refused(client: httpx.AsyncClient, body: object) -> None:
    refused = await client.post("/api/v1/logins", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
