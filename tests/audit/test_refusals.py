"""Who was refused what, and from where, is in the trail; a flood fills no disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow, RefusalCount
from guahao.audit.queries.refusals import BURST, burst, logins_from_one_address
from guahao.audit.service import (
    MANY,
    STRANGER,
    Refusal,
    RefusalBook,
    RefusedAction,
    add_refusals,
    record_refusals,
)
from guahao.booking.queries.today import NeedKind, needs_of_hospital, needs_of_platform
from guahao.identity.models.account import LoginKind
from guahao.identity.policy.permission import Role
from guahao.identity.service.login import open_account_login
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from tests.factories.account import make_account
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.newcomer import PASSWORD, bearer, register, username
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio

ADDRESS = "203.0.113.7"
STAFF = "/api/v1/staff"


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address, within one minute."""
    now = utc_now()
    app.state.clock = lambda: now
    transport = httpx.ASGITransport(app, client=(ADDRESS, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as http:
        yield http


async def counted(app: FastAPI, db: AsyncSession) -> list[dict[str, Any]]:
    """What was counted, once it is written."""
    await app.state.refusals.written()
    await db.rollback()
    rows = await db.scalars(select(RefusalCount).order_by(RefusalCount.code))
    names = ("hospital_id", "action", "code", "actor", "subject", "address", "count")
    return [{name: getattr(row, name) for name in names} for row in rows]


Try = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def post(path: str, **body: object) -> Try:
    return lambda client: client.post(path, json=body)


DOORS: list[tuple[Try, RefusedAction, str]] = [
    (
        post("/api/v1/logins", kind="password", username="nobody-at-all", password="guess"),
        RefusedAction.LOGIN,
        "login-refused",
    ),
    (
        post("/api/v1/logins", kind="sms", phone="13800138000", sms_code="123456"),
        RefusedAction.LOGIN,
        "sms-code-wrong",
    ),
    (
        post("/api/v1/password-resets", phone="13800138000", sms_code="123456", new_password=PASSWORD),
        RefusedAction.LOGIN,
        "sms-code-wrong",
    ),
    (
        post(
            "/api/v1/accounts",
            phone="13800138000",
            sms_code="123456",
            username="newcomer",
            password=PASSWORD,
        ),
        RefusedAction.LOGIN,
        "sms-code-wrong",
    ),
    (
        post("/api/v1/staff/logins", username="nobody-at-all", password="guess"),
        RefusedAction.LOGIN,
        "staff-login-refused",
    ),
    (
        post("/api/v1/staff/console/logins", username="nobody-at-all", password="guess"),
        RefusedAction.LOGIN,
        "staff-login-refused",
    ),
    (
        post("/api/v1/staff/invitations", username="nobody-at-all", code="abcd", password=PASSWORD),
        RefusedAction.LOGIN,
        "invitation-refused",
    ),
    (post("/callbacks/wechat-pay", a=1), RefusedAction.SIGNATURE, "notification-not-believed"),
    (post("/callbacks/wechat-refund", a=1), RefusedAction.SIGNATURE, "notification-not-believed"),
    (post("/callbacks/alipay", a=1), RefusedAction.SIGNATURE, "notification-not-believed"),
]


@pytest.mark.parametrize("case", DOORS)
async def test_every_door_counts_its_refusals_with_their_address(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, case: tuple[Try, RefusedAction, str]
) -> None:
    door, action, code = case
    refused = [await door(client) for _ in range(3)]

    (row,) = await counted(app, db)
    assert {answer.json()["code"] for answer in refused} == {code}
    assert (row["action"], row["code"], row["actor"]) == (action.value, code, STRANGER)
    assert (row["address"], row["count"], row["hospital_id"]) == (ADDRESS, 3, 0)


async def test_a_refused_login_names_whose_it_was_and_never_what_was_typed(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    nurse = await make_staff(db, Role.NURSE, hospital_id=await make_hospital(db))
    await db.commit()
    typed = username()
    for name in (made.username, typed):
        await post("/api/v1/logins", kind="password", username=name, password="guess")(client)
    await post("/api/v1/staff/logins", username=nurse.username, password="guess")(client)

    rows = await counted(app, db)

    subjects = {row["subject"] for row in rows}
    assert {f"account:{made.account_id}", f"staff:{nurse.id}"} < subjects
    assert len(subjects) == 3
    assert not any(name in str(rows) for name in (typed, made.username, nurse.username))
    assert {row["hospital_id"] for row in rows} == {0, nurse.hospital_id}


async def test_a_lock_out_is_counted_too(app: FastAPI, client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await register(client)
    for _ in range(7):
        await post("/api/v1/logins", kind="password", username=made.username, password="guess")(client)

    counts = {row["code"]: row["count"] for row in await counted(app, db)}

    assert counts == {"login-refused": 5, "login-paused": 2}


async def test_staff_who_reach_for_what_is_not_theirs_are_named(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    own, foreign = await make_hospital(db), await make_hospital(db)
    headers = await staff_headers(db, hospital_id=own, role="nurse")
    await db.commit()
    who = (await client.get("/api/v1/staff/me", headers=headers)).json()["id"]
    for _ in range(4):
        await client.get(f"/api/v1/staff/hospitals/{foreign}/today", headers=headers)
    await client.get("/api/v1/staff/audit", headers=headers)

    missing, forbidden = await counted(app, db)

    assert (missing["code"], missing["count"]) == ("not-found", 4)
    assert missing["subject"] == "GET /api/v1/staff/hospitals/{id}/today"
    assert (forbidden["code"], forbidden["count"]) == ("permission-missing", 1)
    assert {row["actor"] for row in (missing, forbidden)} == {f"staff:{who}"}
    assert {row["hospital_id"] for row in (missing, forbidden)} == {own}


async def test_staff_who_try_to_get_around_a_control_are_named(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db)
    admin = await make_staff(db, Role.HOSPITAL_ADMIN, hospital_id=hospital_id)
    headers = await staff_header(db, admin.id)
    clerk = await make_staff(db, Role.DESK, hospital_id=hospital_id)
    desk = await staff_header(db, clerk.id)
    await db.commit()
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 1})
    body = {"username": username(), "name": "新人", "roles": ["finance"]}
    asked = await client.post(f"{STAFF}/members", json=body, headers=headers)
    assert asked.status_code == 202, asked.text

    own = await client.post(
        f"{STAFF}/control-requests/{asked.json()['request_id']}/approval", headers=headers
    )
    self_reset = await client.delete(f"{STAFF}/members/{admin.id}/totp", headers=headers)
    look_up = {"hospital_id": hospital_id, "text": "13800138000", "reason": "核对来人身份"}
    looked = [await client.post(f"{STAFF}/desk/people", json=look_up, headers=desk) for _ in range(3)]

    assert (own.status_code, self_reset.status_code) == (409, 409)
    assert [answer.status_code for answer in looked] == [200, 429, 429]
    rows = await counted(app, db)
    assert {(row["code"], row["actor"], row["count"]) for row in rows} == {
        ("same-person", f"staff:{admin.id}", 1),
        ("own-access-unchangeable", f"staff:{admin.id}", 1),
        ("person-quota-spent", f"staff:{clerk.id}", 2),
    }
    assert {(row["action"], row["hospital_id"]) for row in rows} == {("request.refused", hospital_id)}


async def test_a_password_guessed_on_a_phone_that_was_found_names_the_account(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    proof = {"proof": {"kind": "password", "password": "guess"}}
    change = {"old_password": "guess", "new_password": "another quiet secret"}
    await client.post("/api/v1/me/export", json=proof, headers=bearer(made.token))
    await client.post("/api/v1/me/password", json=change, headers=bearer(made.token))

    rows = await counted(app, db)

    assert [row["code"] for row in rows] == ["holder-not-proven", "old-password-wrong"]
    assert {(row["action"], row["subject"]) for row in rows} == {
        ("login.refused", f"account:{made.account_id}")
    }


async def test_what_is_no_attack_is_not_counted(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    made = await register(client)
    await client.get("/api/v1/me")
    await client.get("/api/v1/nothing")
    await client.get(f"/api/v1/patients/{UUID(int=1)}", headers=bearer(made.token))

    assert await counted(app, db) == []


def refusal(number: int, **overrides: Any) -> Refusal:
    values: dict[str, Any] = {
        "action": RefusedAction.LOGIN,
        "code": "login-refused",
        "subject": f"name:{number}",
        "address": ADDRESS,
    }
    return Refusal(**values | overrides)


async def test_a_flood_of_different_names_makes_few_rows_and_loses_no_count(
    sessions: Sessions, db: AsyncSession
) -> None:
    book, now = RefusalBook(sessions), utc_now()
    for number in range(5000):
        book.note(refusal(number), now=now)
    await book.written()

    total, rows = (
        await db.execute(select(func.sum(RefusalCount.count), func.count()).select_from(RefusalCount))
    ).one()
    rest = await db.scalar(select(RefusalCount.count).where(RefusalCount.subject == MANY))
    assert (total, rows, rest) == (5000, 21, 4980)


async def test_a_flood_at_one_hospital_hides_no_burst_of_another_and_is_told_at_its_own(
    sessions: Sessions, db: AsyncSession
) -> None:
    book, now = RefusalBook(sessions), utc_now()
    for hospital_id, count in ((0, 500), (3, 60), (4, 30)):
        for number in range(count):
            action = RefusedAction.LOGIN if hospital_id == 3 else RefusedAction.REQUEST
            book.note(refusal(number, action=action, hospital_id=hospital_id), now=now)
    await book.written()

    kinds = {NeedKind.LOGIN_BURST, NeedKind.REQUEST_BURST}
    told = {
        hospital_id: [
            (need.kind, need.count)
            for need in await needs_of_hospital(db, hospital_id=hospital_id, kinds=kinds)
        ]
        for hospital_id in (3, 4, 5)
    }
    assert told == {3: [(NeedKind.LOGIN_BURST, 60)], 4: [(NeedKind.REQUEST_BURST, 30)], 5: []}
    platform = await needs_of_platform(db, kinds=kinds)
    assert [(need.kind, need.count) for need in platform] == [(NeedKind.REQUEST_BURST, 500)]


async def test_processes_add_up_and_the_trail_has_one_entry_a_minute(
    sessions: Sessions, db: AsyncSession
) -> None:
    over = utc_now() - timedelta(minutes=5)
    for _ in range(2):
        book = RefusalBook(sessions)
        for moment in (over, utc_now()):
            book.note(refusal(1, hospital_id=7), now=moment)
            book.note(refusal(1, hospital_id=7), now=moment)
        await book.written()

    recorded = [await record_refusals(db), await record_refusals(db)]
    await db.commit()

    (entry,) = await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "login.refused"))
    assert recorded == [1, 0]
    assert (entry.hospital_id, entry.actor, entry.subject) == (7, STRANGER, "name:1")
    minute = over.replace(second=0, microsecond=0)
    assert datetime.fromisoformat(entry.data["minute"]) == minute
    assert {**entry.data, "minute": None} == {
        "code": "login-refused",
        "address": ADDRESS,
        "count": 4,
        "minute": None,
    }


async def test_counts_are_forgotten_a_day_after_the_trail_has_them(
    sessions: Sessions, db: AsyncSession
) -> None:
    book = RefusalBook(sessions)
    for age in (timedelta(hours=25), timedelta(hours=23)):
        book.note(refusal(1), now=utc_now() - age)
    await book.written()

    await record_refusals(db)

    assert await db.scalar(select(func.count()).select_from(RefusalCount)) == 1
    assert await db.scalar(select(func.count()).select_from(AuditEntryRow)) == 2


@pytest.mark.parametrize("action", list(RefusedAction))
@pytest.mark.parametrize(("missing", "age_min", "is_told"), [(0, 5, True), (1, 5, False), (0, 61, False)])
async def test_a_burst_of_the_last_hour_is_told(
    db: AsyncSession, action: RefusedAction, missing: int, age_min: int, is_told: bool
) -> None:
    minute = (utc_now() - timedelta(minutes=age_min)).replace(second=0, microsecond=0)
    count = BURST[action] - missing
    await add_refusals(db, {(minute, refusal(1, action=action, hospital_id=3)): count})

    here = (await db.execute(burst(action, 3))).one()
    elsewhere = (await db.execute(burst(action, 4))).one()

    assert tuple(here) == ((count, minute) if is_told else (0, None))
    assert tuple(elsewhere) == (0, None)


async def test_bursts_are_needs_of_the_day_of_hospital_and_platform(db: AsyncSession) -> None:
    minute = utc_now().replace(second=0, microsecond=0)
    for hospital_id in (0, 3):
        for action in RefusedAction:
            await add_refusals(db, {(minute, refusal(1, action=action, hospital_id=hospital_id)): 99})
    bursts = {NeedKind.LOGIN_BURST, NeedKind.REQUEST_BURST, NeedKind.SIGNATURE_BURST}

    hospital = await needs_of_hospital(db, hospital_id=3, kinds=bursts)
    platform = await needs_of_platform(db, kinds=bursts)

    assert {need.kind for need in hospital} == bursts - {NeedKind.SIGNATURE_BURST}
    assert {need.kind for need in platform} == bursts
    assert {need.count for need in (*hospital, *platform)} == {99}


@pytest.mark.parametrize(("addresses", "people", "told"), [(1, 20, 20), (1, 19, 0), (2, 40, 0)])
async def test_a_city_behind_one_address_is_told(
    db: AsyncSession, addresses: int, people: int, told: int
) -> None:
    for number in range(people):
        account = await make_account(db)
        await open_account_login(
            db,
            account_id=account.id,
            kind=LoginKind.WECHAT,
            device="test",
            address=f"203.0.113.{number % addresses}",
            now=utc_now(),
        )

    count, _ = (await db.execute(logins_from_one_address())).one()

    assert count == told
