from __future__ import annotations

from datetime import timedelta

import anyio
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Login, SmsBudget, SmsCode
from guahao.identity.ports.sms import SmsNotSent
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from tests.factories.account import phone
from tests.factories.newcomer import ask_code, code_for, forget_waits, register, wrong

pytestmark = pytest.mark.anyio


class CountingSms:
    """A provider that takes everything and counts."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        assert valid_min == 5
        self.sent.append((phone, code))


class SilentSms:
    """A provider that is down."""

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        _ = phone, code, valid_min
        raise SmsNotSent


def client_from(app: FastAPI, address: str = "203.0.113.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 50000))
    return httpx.AsyncClient(transport=transport, base_url="http://guahao.test")


async def use(client: httpx.AsyncClient, number: str, code: str) -> httpx.Response:
    return await client.post("/api/v1/logins", json={"kind": "sms", "phone": number, "sms_code": code})


async def test_a_code_is_six_digits_for_five_minutes_and_stored_as_a_hash(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    number = phone()

    asked = await ask_code(client, number, "login")
    message = (await client.get("/sandbox/sms", params={"phone": number})).json()

    assert (asked.status_code, asked.json()) == (
        202,
        {"expires_in_s": 300, "sms_request_id": str(await db.scalar(select(SmsCode.id)))},
    )
    assert message["phone"] == number
    assert len(message["code"]) == 6
    assert message["code"].isdecimal()
    assert message["code"] in message["text"]
    row = (await db.scalars(select(SmsCode))).one()
    assert message["code"].encode() not in row.code_hash
    assert number.encode() not in row.phone_index
    assert row.expires_at - row.created_at == timedelta(minutes=5)
    assert row.sent_at is not None


async def test_row_36_the_fifth_wrong_try_voids_a_code(client: httpx.AsyncClient) -> None:
    number = phone()
    code = await code_for(client, number, "login")

    answers = [await use(client, number, wrong(code)) for _ in range(5)]
    right = await use(client, number, code)

    assert [answer.json()["code"] for answer in answers] == ["sms-code-wrong"] * 5
    assert (right.status_code, right.json()["code"]) == (422, "sms-code-wrong")


async def test_row_36_the_fifth_try_may_still_be_right(client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, "login")

    for _ in range(4):
        await use(client, made.phone, wrong(code))
    right = await use(client, made.phone, code)

    assert right.status_code == 201


async def test_row_36_parallel_guesses_get_five_tries_and_no_more(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    number = phone()
    code = await code_for(client, number, "login")
    answers: list[int] = []

    async def guess(step: int) -> None:
        guessed = await use(client, number, f"{(int(code) + step) % 1_000_000:06d}")
        answers.append(guessed.status_code)

    async with anyio.create_task_group() as tasks:
        for step in range(1, 31):
            tasks.start_soon(guess, step)

    assert answers == [422] * 30
    assert await db.scalar(select(SmsCode.tries)) == 5


async def test_row_36_one_address_gets_twenty_codes_an_hour(
    settings: Settings, sessions: Sessions, db: AsyncSession
) -> None:
    app = create_app(settings.model_copy(update={"address_limit_factor": 1}), sessions=sessions)
    app.state.sms_sender = sms = CountingSms()

    async with client_from(app) as client:
        asked = [await ask_code(client, phone(), "register") for _ in range(23)]
    async with client_from(app, "203.0.113.8") as neighbour:
        other = await ask_code(neighbour, phone(), "register")

    assert [answer.status_code for answer in asked] == [202] * 20 + [429] * 3
    assert asked[-1].json()["code"] == "sms-limit-reached"
    assert 3500 < int(asked[-1].headers["Retry-After"]) <= 3600
    assert other.status_code == 202
    assert len(sms.sent) == 21
    assert await db.scalar(select(func.count()).select_from(SmsCode)) == 21


@pytest.mark.parametrize("purpose", ["register", "reset"])
async def test_row_36_a_code_of_another_purpose_opens_nothing(
    client: httpx.AsyncClient, db: AsyncSession, purpose: str
) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, purpose)

    refused = await use(client, made.phone, code)

    assert (refused.status_code, refused.json()["code"]) == (422, "sms-code-wrong")


async def test_row_36_a_code_of_another_phone_opens_nothing(client: httpx.AsyncClient) -> None:
    mine, theirs = phone(), phone()
    code = await code_for(client, mine, "login")
    await code_for(client, theirs, "login")

    refused = await use(client, theirs, code)

    assert (refused.status_code, refused.json()["code"]) == (422, "sms-code-wrong")


async def test_row_36_a_code_is_used_once(client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, "login")

    first, second = await use(client, made.phone, code), await use(client, made.phone, code)

    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (422, "sms-code-wrong")


async def test_row_37_the_same_code_twice_at_once_is_one_login(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await forget_waits(db)
    code = await code_for(client, made.phone, "login")
    before = await db.scalar(select(func.count()).select_from(Login))
    statuses: list[int] = []

    async def one() -> None:
        statuses.append((await use(client, made.phone, code)).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)

    assert sorted(statuses) == [201, 422, 422, 422, 422]
    assert await db.scalar(select(func.count()).select_from(Login)) == (before or 0) + 1


async def test_row_38_the_daily_budget_bounds_the_bill_whatever_comes_at_once(
    settings: Settings, sessions: Sessions, db: AsyncSession
) -> None:
    app = create_app(settings.model_copy(update={"sms_daily_budget": 7}), sessions=sessions)
    app.state.sms_sender = sms = CountingSms()
    codes: list[str] = []

    async with client_from(app) as client:

        async def pump() -> None:
            asked = await ask_code(client, phone(), "register")
            codes.append(str(asked.status_code) if asked.is_success else asked.json()["code"])

        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(pump)

    assert sorted(codes) == ["202"] * 7 + ["sms-budget-spent"] * 53
    assert len(sms.sent) == 7
    assert await db.scalar(select(SmsBudget.messages)) == 7


async def test_row_38_one_phone_costs_one_message_however_many_ask_at_once(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.sms_sender = sms = CountingSms()
    number = phone()
    statuses: list[int] = []

    async def pump(purpose: str) -> None:
        statuses.append((await ask_code(client, number, purpose)).status_code)

    async with anyio.create_task_group() as tasks:
        for turn in range(30):
            tasks.start_soon(pump, ("register", "login", "reset")[turn % 3])

    assert sorted(statuses) == [202] + [429] * 29
    assert len(sms.sent) == 1


@pytest.mark.parametrize(
    ("ages_s", "allowed"),
    [
        ([59], False),
        ([60], True),
        ([61, 122, 183, 244], True),
        ([61, 122, 183, 244, 3599], False),
        ([61, 122, 183, 244, 3600], True),
        ([3600 * hour for hour in range(1, 10)], True),
        ([3600 * hour for hour in range(1, 10)] + [24 * 3600 - 1], False),
        ([3600 * hour for hour in range(1, 10)] + [24 * 3600], True),
    ],
)
async def test_a_phone_gets_one_code_a_minute_five_an_hour_and_ten_a_day(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, ages_s: list[int], allowed: bool
) -> None:
    number, now = phone(), utc_now()
    for age in ages_s:
        app.state.clock = lambda: now
        assert (await ask_code(client, number, "login")).status_code == 202
        await db.execute(update(SmsCode).where(SmsCode.created_at == now).values(created_at=now - aged(age)))
        await db.commit()

    asked = await ask_code(client, number, "login")

    assert asked.status_code == (202 if allowed else 429)


def aged(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(("age_s", "status"), [(299, 201), (300, 422), (301, 422)])
async def test_a_code_lives_for_five_minutes(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, age_s: int, status: int
) -> None:
    made = await register(client)
    await forget_waits(db)
    now = utc_now()
    app.state.clock = lambda: now
    code = await code_for(client, made.phone, "login")
    app.state.clock = lambda: now + aged(age_s)

    used = await use(client, made.phone, code)

    assert used.status_code == status


async def test_a_new_code_voids_the_one_before(client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await register(client)
    await forget_waits(db)
    first = await code_for(client, made.phone, "login")
    await forget_waits(db, by=timedelta(seconds=61))
    second = await code_for(client, made.phone, "login")

    old = await use(client, made.phone, first)
    new = await use(client, made.phone, second)

    assert first == second or old.status_code == 422
    assert new.status_code == 201


async def test_a_provider_that_is_down_is_told_with_when_to_come_back(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    app.state.sms_sender = SilentSms()

    refused = await ask_code(client, phone(), "login")

    assert (refused.status_code, refused.json()["code"]) == (503, "sms-unavailable")
    assert int(refused.headers["Retry-After"]) == 60
    assert await db.scalar(select(SmsCode.sent_at)) is None


async def test_row_42_asking_for_a_code_answers_the_same_for_known_and_unknown_phones(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await forget_waits(db)

    for purpose in ("register", "login", "reset"):
        known = await ask_code(client, made.phone, purpose)
        unknown = await ask_code(client, phone(), purpose)
        await forget_waits(db)

        assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
        assert known.json()["expires_in_s"] == unknown.json()["expires_in_s"]
        assert known.status_code == 202


async def test_row_42_a_guessed_code_answers_the_same_for_known_and_unknown_phones(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await forget_waits(db)
    answers = []
    for number in (made.phone, phone()):
        code = await code_for(client, number, "login")
        answers.append(await use(client, number, wrong(code)))
    answers.append(await use(client, phone(), "123456"))

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert answers[0].json() == answers[1].json() == answers[2].json()


@pytest.mark.parametrize("number", ["12345678901", "110", "+85291234567", "", "138001380０"])
async def test_what_is_no_mainland_mobile_gets_no_code(
    client: httpx.AsyncClient, db: AsyncSession, number: str
) -> None:
    refused = await ask_code(client, number, "login")

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    assert await db.scalar(select(func.count()).select_from(SmsCode)) == 0


async def test_the_sandbox_has_no_message_for_a_strange_phone(client: httpx.AsyncClient) -> None:
    for number in (phone(), "../../keys/blind", "..", ""):
        answer = await client.get("/sandbox/sms", params={"phone": number})

        assert answer.status_code == 404
