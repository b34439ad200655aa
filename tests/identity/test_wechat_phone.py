from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.account import Account
from tests.factories.account import phone
from tests.factories.newcomer import code_for

pytestmark = pytest.mark.anyio


async def as_user(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    body = {"kind": "wechat", "js_code": f"{name}--{phone()}"}
    token = (await client.post("/api/v1/logins", json=body)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


async def link(client: httpx.AsyncClient, user: dict[str, str], code: str) -> httpx.Response:
    return await client.post("/api/v1/me/phone", json={"code": code}, headers=user)


async def test_a_wechat_account_takes_the_phone_that_wechat_shows(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    number = phone()
    user = await as_user(client, "li")

    linked = await link(client, user, f"{number}--1")
    me = await client.get("/api/v1/me", headers=user)

    assert linked.status_code == 200
    assert linked.json()["phone"] == f"{number[:3]}****{number[-4:]}"
    assert me.json() == linked.json()
    account = (await db.scalars(select(Account))).one()
    assert number.encode() not in (account.phone_sealed or b"")


async def test_afterwards_a_text_message_logs_into_the_same_account(client: httpx.AsyncClient) -> None:
    number = phone()
    user = await as_user(client, "li")
    await link(client, user, f"{number}--1")
    code = await code_for(client, number, "login")

    body = {"kind": "sms", "phone": number, "sms_code": code}
    again = await client.post("/api/v1/logins", json=body)

    me = (await client.get("/api/v1/me", headers=user)).json()
    assert again.json()["account"]["id"] == me["id"]


async def test_the_same_phone_once_more_changes_nothing(client: httpx.AsyncClient, db: AsyncSession) -> None:
    number = phone()
    user = await as_user(client, "li")

    answers = [await link(client, user, f"{number}--{turn}") for turn in (1, 2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    deeds = select(func.count()).where(AuditEntryRow.action == "account.link_phone")
    assert await db.scalar(deeds) == 1
    told = (await client.get("/api/v1/me/security-events", headers=user)).json()["items"]
    assert [(event["kind"], event["address"]) for event in told] == [("phone_linked", "127.0.0.1")]


async def test_another_phone_does_not_replace_the_first(client: httpx.AsyncClient) -> None:
    first, second = phone(), phone()
    user = await as_user(client, "li")
    linked = await link(client, user, f"{first}--1")

    refused = await link(client, user, f"{second}--1")

    assert (refused.status_code, refused.json()["code"]) == (409, "phone-already-linked")
    assert (await client.get("/api/v1/me", headers=user)).json() == linked.json()


async def test_a_phone_belongs_to_one_account_even_at_once(client: httpx.AsyncClient) -> None:
    number = phone()
    users = [await as_user(client, name) for name in ("li", "wang", "zhao")]

    answers = await asyncio.gather(*(link(client, user, f"{number}--{n}") for n, user in enumerate(users)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "phone-taken"}
    phones = [(await client.get("/api/v1/me", headers=user)).json()["phone"] for user in users]
    assert phones.count(None) == 2


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        ("sandbox-invalid", 422, "wechat-phone-refused"),
        ("sandbox-foreign--13800138000", 422, "wechat-phone-refused"),
        ("li--1", 422, "wechat-phone-refused"),
        ("sandbox-busy", 503, "wechat-unavailable"),
        ("", 422, "invalid-request"),
    ],
)
async def test_row_40_a_code_that_shows_no_phone_links_none(
    client: httpx.AsyncClient, code: str, status: int, problem: str
) -> None:
    user = await as_user(client, "li")

    refused = await link(client, user, code)

    assert (refused.status_code, refused.json()["code"]) == (status, problem)
    assert (await client.get("/api/v1/me", headers=user)).json()["phone"] is None


async def test_row_40_a_press_counts_once(client: httpx.AsyncClient) -> None:
    number = phone()
    first, second = await as_user(client, "li"), await as_user(client, "wang")

    await link(client, first, f"{number}--1")
    replayed = await link(client, second, f"{number}--1")

    assert replayed.json()["code"] == "wechat-phone-refused"


async def test_nobody_links_a_phone_without_a_login_or_all_day(client: httpx.AsyncClient) -> None:
    stranger = await link(client, {}, "13800138000--1")
    user = await as_user(client, "li")
    answers = [await link(client, user, "sandbox-invalid") for _ in range(6)]

    assert (stranger.status_code, stranger.json()["code"]) == (401, "not-logged-in")
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
