from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Login
from guahao.identity.models.staff import Staff
from tests.factories.newcomer import PASSWORD, bearer
from tests.identity.test_staff_logins import make_nurse

pytestmark = pytest.mark.anyio
LOGINS = "/api/v1/staff/console/logins"
ME = "/api/v1/staff/me"
CURRENT = "/api/v1/staff/logins/current"


@pytest.fixture
async def nurse(db: AsyncSession) -> Staff:
    return await make_nurse(db)


@pytest.fixture
async def https(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    app.state.settings = app.state.settings.model_copy(update={"public_url": "https://guahao.test"})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://guahao.test") as http:
        yield http


async def log_in(client: httpx.AsyncClient, nurse: Staff, **headers: str) -> httpx.Response:
    body = {"username": nurse.username, "password": PASSWORD}
    return await client.post(LOGINS, json=body, headers=headers)


async def test_a_browser_is_logged_in_by_a_cookie_that_no_script_reads(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    answer = await log_in(client, nurse)

    login, device = answer.headers.get_list("set-cookie")
    name, _, rest = login.partition("=")
    assert (answer.status_code, name) == (201, "guahao_staff")
    assert rest.partition("; ")[2] == "HttpOnly; Path=/; SameSite=strict"
    assert device.partition("=")[0] == "guahao_device"
    assert device.partition("; ")[2] == "HttpOnly; Max-Age=15552000; Path=/; SameSite=strict"
    me = (await client.get(ME)).json()
    assert me == answer.json()
    assert (me["username"], len(me["csrf_token"])) == (nurse.username, 64)
    assert "token" not in {key for key in me if key != "csrf_token"}
    assert me["csrf_token"] not in rest


async def test_over_https_the_cookie_is_secure_and_bound_to_its_host(
    https: httpx.AsyncClient, nurse: Staff
) -> None:
    answer = await log_in(https, nurse, Origin="https://guahao.test")

    login, device = answer.headers.get_list("set-cookie")
    name, _, rest = login.partition("=")
    assert name == "__Host-guahao_staff"
    assert rest.partition("; ")[2] == "HttpOnly; Path=/; SameSite=strict; Secure"
    assert device.startswith("__Host-guahao_device=")
    assert device.endswith("; Path=/; SameSite=strict; Secure")
    assert (await https.get(ME)).status_code == 200
    plain = {"Cookie": f"guahao_staff={rest.partition(';')[0]}"}
    https.cookies.clear()
    assert (await https.get(ME, headers=plain)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "right", "Origin": "https://evil.com"},
        {"X-CSRF-Token": "right", "Origin": "null"},
        {"X-CSRF-Token": "right", "Origin": "http://["},
        {"X-CSRF-Token": "right", "Origin": "http://guahao.test.evil.com"},
    ],
)
async def test_row_47_a_change_by_cookie_that_no_page_of_ours_makes_is_refused(
    client: httpx.AsyncClient, nurse: Staff, headers: dict[str, str]
) -> None:
    csrf = (await log_in(client, nurse)).json()["csrf_token"]
    sent = {name: csrf if value == "right" else value for name, value in headers.items()}

    refused = await client.delete(CURRENT, headers=sent)

    assert (refused.status_code, refused.json()["code"]) == (403, "csrf-refused")
    assert (await client.get(ME)).status_code == 200


@pytest.mark.parametrize("origin", ["http://guahao.test", "http://127.0.0.1:8000"])
async def test_a_change_by_cookie_from_a_page_of_ours_is_done_and_logging_out_ends_the_cookie(
    client: httpx.AsyncClient, nurse: Staff, origin: str
) -> None:
    answer = await log_in(client, nurse, Origin=origin)
    stolen = client.cookies["guahao_staff"]

    out = await client.delete(
        CURRENT, headers={"X-CSRF-Token": answer.json()["csrf_token"], "Origin": origin}
    )

    assert out.status_code == 204
    assert 'guahao_staff=""' in out.headers["set-cookie"]
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert set(client.cookies) == {"guahao_device"}  # which opens nothing
    assert (await client.get(ME, headers={"Cookie": f"guahao_staff={stolen}"})).status_code == 401


async def test_the_csrf_token_of_one_login_is_none_of_another(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    first = (await log_in(client, nurse)).json()["csrf_token"]
    second = (await log_in(client, nurse)).json()["csrf_token"]

    refused = await client.delete(CURRENT, headers={"X-CSRF-Token": first})

    assert first != second
    assert refused.json()["code"] == "csrf-refused"


async def test_a_foreign_page_logs_nobody_in(
    client: httpx.AsyncClient, nurse: Staff, db: AsyncSession
) -> None:
    refused = await log_in(client, nurse, Origin="https://evil.com")

    assert (refused.status_code, refused.json()["code"]) == (403, "csrf-refused")
    assert await db.scalar(select(func.count()).select_from(Login)) == 0


async def test_a_bearer_token_needs_no_csrf_token_and_goes_before_the_cookie(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    await log_in(client, nurse)
    body = {"username": nurse.username, "password": PASSWORD}
    token = (await client.post("/api/v1/staff/logins", json=body)).json()["token"]

    me = (await client.get(ME, headers=bearer(token))).json()
    wrong = await client.get(ME, headers=bearer("unknown"))
    out = await client.delete(CURRENT, headers=bearer(token))

    assert me["csrf_token"] is None
    assert (wrong.status_code, out.status_code) == (401, 204)
