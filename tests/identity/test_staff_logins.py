from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Login
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import Role
from guahao.identity.service.password import hash_password
from guahao.identity.service.staff import MemberChange, change_staff
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from guahao.kernel.settings import Environment
from tests.factories.account import make_account, make_login
from tests.factories.newcomer import PASSWORD, bearer

pytestmark = pytest.mark.anyio
TOTP = "/api/v1/staff/me/totp"


@pytest.fixture
async def strict(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    app.state.settings = app.state.settings.model_copy(update={"environment": Environment.PRODUCTION})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as http:
        yield http


async def make_nurse(db: AsyncSession) -> Staff:
    nurse = Staff(
        id=new_id(),
        hospital_id=1,
        username=f"nurse_{secrets.token_hex(4)}",
        password_hash=await hash_password(PASSWORD),
        name="王护士",
        roles=[Role.NURSE],
    )
    db.add(nurse)
    await db.commit()
    return nurse


async def enrol(client: httpx.AsyncClient, token: str) -> pyotp.TOTP:
    begun = await client.post(TOTP, json={"password": PASSWORD}, headers=bearer(token))
    assert begun.status_code == 201, begun.text
    totp = pyotp.TOTP(begun.json()["secret"])
    code = totp.at(utc_now() - timedelta(seconds=30))
    done = await client.post(f"{TOTP}/confirmation", json={"code": code}, headers=bearer(token))
    assert done.status_code == 200, done.text
    return totp


async def log_in(
    client: httpx.AsyncClient, nurse: Staff, *, code: str | None = None, password: str = PASSWORD
) -> httpx.Response:
    body = {"username": nurse.username, "password": password, "totp_code": code}
    return await client.post("/api/v1/staff/logins", json=body)


async def token_of(client: httpx.AsyncClient, nurse: Staff) -> str:
    answer = await log_in(client, nurse)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def status_of(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/api/v1/staff/me", headers=bearer(token))).status_code


async def test_staff_log_in_and_see_what_they_may_do(client: httpx.AsyncClient, db: AsyncSession) -> None:
    nurse = await make_nurse(db)

    token = await token_of(client, nurse)

    me = (await client.get("/api/v1/staff/me", headers=bearer(token))).json()
    login = (await db.scalars(select(Login))).one()
    assert me == {
        "id": str(nurse.id),
        "name": "王护士",
        "hospital_id": "1",
        "roles": ["nurse"],
        "permissions": ["own_login", "view_appointments", "view_catalog", "view_schedule"],
        "lacks_second_factor": False,
        "username": nurse.username,
        "has_second_factor": False,
        "recovery_codes_left": 0,
        "csrf_token": None,
        "idle_ends_at": login.idle_expires_at.isoformat().replace("+00:00", "Z"),
        "ends_at": login.expires_at.isoformat().replace("+00:00", "Z"),
    }
    assert login.idle_expires_at - login.created_at == timedelta(minutes=30)
    assert login.expires_at - login.created_at == timedelta(hours=12)


async def test_row_41_a_stolen_token_is_refused_at_once_after_staff_are_disabled(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    stolen = await token_of(client, nurse)
    assert await status_of(client, stolen) == 200

    await change_staff(
        db,
        changer_id=new_id(),
        scope=1,
        staff_id=nurse.id,
        change=MemberChange(version=1, is_disabled=True),
        now=utc_now(),
    )
    await db.commit()

    assert await status_of(client, stolen) == 401
    refused = await log_in(client, nurse)
    assert (refused.status_code, refused.json()["code"]) == (401, "staff-login-refused")


async def test_a_logged_out_staff_token_is_refused(client: httpx.AsyncClient, db: AsyncSession) -> None:
    nurse = await make_nurse(db)
    token, other = await token_of(client, nurse), await token_of(client, nurse)

    out = await client.delete("/api/v1/staff/logins/current", headers=bearer(token))

    assert out.status_code == 204
    assert (await status_of(client, token), await status_of(client, other)) == (401, 200)


async def test_tokens_of_patients_and_staff_open_only_their_own_routes(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    staff_token = await token_of(client, await make_nurse(db))
    account_token = await make_login(db, await make_account(db))
    await db.commit()

    assert (await client.get("/api/v1/me", headers=bearer(staff_token))).status_code == 401
    assert await status_of(client, account_token) == 401


async def test_a_second_factor_once_set_up_is_asked_for(client: httpx.AsyncClient, db: AsyncSession) -> None:
    nurse = await make_nurse(db)
    totp = await enrol(client, await token_of(client, nurse))

    without = await log_in(client, nurse)
    right = totp.at(utc_now())
    wrong = await log_in(client, nurse, code=f"{(int(right) + 1) % 1_000_000:06d}")
    wrong_password = await log_in(client, nurse, code=right, password="not the password")
    good = await log_in(client, nurse, code=right)

    assert (without.status_code, without.json()["code"]) == (401, "second-factor-required")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second-factor-wrong")
    assert (wrong_password.status_code, wrong_password.json()["code"]) == (401, "staff-login-refused")
    assert good.status_code == 201


async def test_a_one_time_password_opens_one_login_even_twice_at_once(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    totp = await enrol(client, await token_of(client, nurse))
    code = totp.at(utc_now())
    statuses: list[int] = []

    async def one() -> None:
        statuses.append((await log_in(client, nurse, code=code)).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(one)

    opened, *refused = sorted(statuses)
    assert (opened, len(refused)) == (201, 3)
    assert set(refused) <= {401, 429}, "used, or told to wait while the first one is judged"


async def test_outside_the_demo_nothing_is_open_before_the_second_factor(
    strict: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    token = await token_of(strict, nurse)

    me = (await strict.get("/api/v1/staff/me", headers=bearer(token))).json()
    refused = await strict.get("/api/v1/staff/members", headers=bearer(token))
    totp = await enrol(strict, token)
    later = await log_in(strict, nurse, code=totp.at(utc_now()))

    assert (me["permissions"], me["lacks_second_factor"]) == (["own_login"], True)
    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-missing")
    assert later.status_code == 201
    whole = (await strict.get("/api/v1/staff/me", headers=bearer(later.json()["token"]))).json()
    assert (len(whole["permissions"]), whole["lacks_second_factor"]) == (4, False)


async def test_setting_up_the_second_factor_ends_the_logins_without_it(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    token, other = await token_of(client, nurse), await token_of(client, nurse)

    await enrol(client, token)

    assert [await status_of(client, each) for each in (token, other)] == [401, 401]


@pytest.mark.parametrize(("after", "status"), [(1799, 200), (1800, 401)])
async def test_a_staff_login_ends_after_thirty_idle_minutes(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, after: int, status: int
) -> None:
    token = await token_of(client, await make_nurse(db))
    began = await db.scalar(select(Login.created_at))
    assert began is not None

    app.state.clock = lambda: began + timedelta(seconds=after)

    assert await status_of(client, token) == status


async def test_staff_change_their_password_and_log_in_anew(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    token = await token_of(client, nurse)
    body = {"old_password": PASSWORD, "new_password": "another fine secret"}

    wrong = await client.post(
        "/api/v1/staff/me/password",
        json=body | {"old_password": "not the password"},
        headers=bearer(token),
    )
    done = await client.post("/api/v1/staff/me/password", json=body, headers=bearer(token))

    assert (wrong.status_code, wrong.json()["code"]) == (409, "staff-password-wrong")
    assert done.status_code == 204
    assert await status_of(client, token) == 401
    assert (await log_in(client, nurse)).status_code == 401
    assert (await log_in(client, nurse, password="another fine secret")).status_code == 201


async def test_five_wrong_passwords_pause_a_staff_name_but_no_patient_of_that_name(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    await make_account(db, username=nurse.username, password_hash=nurse.password_hash)
    await db.commit()

    statuses = [(await log_in(client, nurse, password="not the password")).status_code for _ in range(6)]
    patient = await client.post(
        "/api/v1/logins", json={"kind": "password", "username": nurse.username, "password": PASSWORD}
    )

    assert statuses == [401] * 5 + [429]
    assert patient.status_code == 201


async def test_a_disabled_flag_alone_keeps_staff_out(client: httpx.AsyncClient, db: AsyncSession) -> None:
    nurse = await make_nurse(db)
    token = await token_of(client, nurse)
    await db.execute(update(Staff).values(disabled_at=func.now()))
    await db.commit()

    assert await status_of(client, token) == 401
