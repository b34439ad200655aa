from __future__ import annotations

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff
from tests.factories.newcomer import PASSWORD
from tests.identity.test_console_logins import LOGINS, ME, https, log_in, nurse

pytestmark = pytest.mark.anyio
__all__ = ["https", "nurse"]
EVIL = {"Origin": "https://evil.com"}
NEVER = {"access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-headers"}


async def test_answers_of_the_api_are_kept_by_nobody_and_framed_by_nobody(client: httpx.AsyncClient) -> None:
    answer = await client.get(ME)

    assert {name: answer.headers[name] for name in ("cache-control", "referrer-policy")} == {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'; frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_over_https_browsers_are_told_never_to_leave_it(https: httpx.AsyncClient) -> None:
    for path in (ME, "/livez", "/console/", "/nowhere"):
        answer = await https.get(path)
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_row_47_a_page_of_another_site_may_neither_ask_nor_read(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    await log_in(client, nurse)
    wanted = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-csrf-token"}

    asked = await client.options("/api/v1/staff/logins/current", headers=EVIL | wanted)
    read = await client.get(ME, headers=EVIL)

    assert asked.status_code == 405
    assert NEVER.isdisjoint(asked.headers)
    assert NEVER.isdisjoint(read.headers)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_row_47_what_a_foreign_form_can_send_is_no_request_of_ours(
    client: httpx.AsyncClient, nurse: Staff, db: AsyncSession, kind: str
) -> None:
    await log_in(client, nurse)
    content = b'{"username": "evil_one", "name": "x", "roles": ["desk"]}'

    sent = [
        await client.post(path, content=content, headers={"Content-Type": kind})
        for path in (LOGINS, "/api/v1/staff/members")
    ]

    assert [answer.status_code for answer in sent] == [415, 415]
    assert await db.scalar(select(func.count()).select_from(Staff)) == 1


async def test_row_41_a_stolen_cookie_is_refused_at_once_after_logout_and_a_new_password(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    for path, body in (
        (
            "/api/v1/staff/me/password",
            {"old_password": "a quiet long secret", "new_password": "another one, long"},
        ),
        ("/api/v1/staff/logins/current", None),
    ):
        password = PASSWORD if body else "another one, long"
        me = await client.post(LOGINS, json={"username": nurse.username, "password": password})
        stolen = {"Cookie": f"guahao_staff={client.cookies['guahao_staff']}"}
        assert (await client.get(ME)).status_code == 200
        csrf = {"X-CSRF-Token": me.json()["csrf_token"]}
        ended = await client.request("POST" if body else "DELETE", path, json=body, headers=csrf)
        client.cookies.clear()

        assert ended.status_code == 204
        assert (await client.get(ME, headers=stolen)).status_code == 401


async def test_somebody_sees_and_ends_their_own_devices_alone(
    client: httpx.AsyncClient, nurse: Staff
) -> None:
    other = (await log_in(client, nurse)).json()
    stolen = {"Cookie": f"guahao_staff={client.cookies['guahao_staff']}"}
    client.cookies.clear()
    csrf = {"X-CSRF-Token": (await log_in(client, nurse)).json()["csrf_token"]}
    devices = (await client.get(f"{ME}/logins")).json()["items"]
    (theirs,) = [device["id"] for device in devices if not device["current"]]

    gone = await client.delete(f"{ME}/logins/{theirs}", headers=csrf)
    again = await client.delete(f"{ME}/logins/{theirs}", headers=csrf)

    assert other["id"] == str(nurse.id)
    assert [gone.status_code, again.status_code] == [204, 404]
    assert len((await client.get(f"{ME}/logins")).json()["items"]) == 1
    client.cookies.clear()
    assert (await client.get(ME, headers=stolen)).status_code == 401
