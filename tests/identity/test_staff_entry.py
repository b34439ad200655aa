from __future__ import annotations

import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.staff import Staff, StaffInvitation
from guahao.identity.policy.permission import Role
from guahao.identity.service.setup import offer_setup, setup_file
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from tests.factories.newcomer import PASSWORD, bearer
from tests.factories.office import hire, refusal

pytestmark = pytest.mark.anyio
SETUP = "/api/v1/staff/setup"
JOIN = "/api/v1/staff/invitations"
MEMBERS = "/api/v1/staff/members"


@pytest.fixture
def folder(app: FastAPI, tmp_path: Path) -> Path:
    app.state.settings = app.state.settings.model_copy(update={"data_dir": tmp_path})
    return tmp_path


def first_admin(code: str, **overrides: str) -> dict[str, str]:
    body = {"setup_code": code, "name": "陈平台", "username": "chen_admin", "password": PASSWORD}
    return body | overrides


async def log_in(client: httpx.AsyncClient, username: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/v1/staff/logins", json={"username": username, "password": password})


async def test_whoever_reads_the_setup_code_makes_the_first_administrator_once(
    client: httpx.AsyncClient, folder: Path, db: AsyncSession
) -> None:
    file = setup_file(folder)
    code = offer_setup(file)
    assert offer_setup(file) == code
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await client.get(SETUP)).json() == {"needs_first_admin": True}

    made = await client.post(SETUP, json=first_admin(code.upper().replace("-", "")))
    again = await client.post(SETUP, json=first_admin(code, username="second_admin"))

    assert (made.status_code, refusal(again)) == (204, (409, "setup-done"))
    assert not file.exists()
    assert (await client.get(SETUP)).json() == {"needs_first_admin": False}
    token = (await log_in(client, "chen_admin")).json()["token"]
    me = (await client.get("/api/v1/staff/me", headers=bearer(token))).json()
    assert (me["roles"], me["hospital_id"]) == (["platform_admin"], None)
    deed = (await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "staff.create"))).one()
    assert deed.actor == "system"


@pytest.mark.parametrize("is_offered", [True, False])
async def test_without_the_code_nobody_sets_up(
    client: httpx.AsyncClient, folder: Path, db: AsyncSession, *, is_offered: bool
) -> None:
    if is_offered:
        offer_setup(setup_file(folder))

    answers = [await client.post(SETUP, json=first_admin(code)) for code in ("bbbb-cccc-dddd-ffff", "---")]

    assert [refusal(answer) for answer in answers] == [(409, "setup-code-wrong")] * 2
    assert await db.scalar(select(func.count()).select_from(Staff)) == 0


async def test_of_many_who_set_up_at_once_one_is_the_first(
    client: httpx.AsyncClient, folder: Path, db: AsyncSession
) -> None:
    code = offer_setup(setup_file(folder))
    bodies = [first_admin(code, username=f"admin_{number}") for number in range(4)]

    answers = await asyncio.gather(*(client.post(SETUP, json=body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
    assert await db.scalar(select(func.count()).select_from(Staff)) == 1


async def test_a_foreign_page_neither_sets_up_nor_joins(
    client: httpx.AsyncClient, folder: Path, db: AsyncSession
) -> None:
    code = offer_setup(setup_file(folder))
    evil = {"Origin": "https://evil.com"}
    invited = {"username": "li_desk", "code": "bbbb", "password": PASSWORD}

    refused = [
        await client.post(SETUP, json=first_admin(code), headers=evil),
        await client.post(JOIN, json=invited, headers=evil),
    ]

    assert [refusal(answer) for answer in refused] == [(403, "csrf-refused")] * 2
    assert await db.scalar(select(func.count()).select_from(Staff)) == 0


async def test_an_invited_member_chooses_a_password_once(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    made = (await admin.post("/members", username="li_desk", name="李窗口", roles=["desk"])).json()
    code = made["invitation"]["code"]
    assert (made["has_password"], made["has_second_factor"]) == (False, False)
    assert refusal(await log_in(client, "li_desk", "")) == (422, "invalid-request")
    assert refusal(await log_in(client, "li_desk")) == (401, "staff-login-refused")

    body = {"username": "LI_desk", "code": code.replace("-", " "), "password": PASSWORD}
    joined = await client.post(JOIN, json=body)
    again = await client.post(JOIN, json=body | {"password": "another fine secret"})

    assert (joined.status_code, refusal(again)) == (204, (409, "invitation-refused"))
    assert (await log_in(client, "li_desk")).status_code == 201
    assert await db.scalar(select(func.count()).select_from(StaffInvitation)) == 0
    deeds = await db.scalars(
        select(AuditEntryRow.action)
        .where(AuditEntryRow.hospital_id == 7, AuditEntryRow.subject == f"staff:{made['id']}")
        .order_by(AuditEntryRow.id)
    )
    assert list(deeds) == ["staff.create", "staff.invite", "staff.join"]


@pytest.mark.parametrize(("after_s", "status"), [(72 * 3600 - 60, 204), (72 * 3600, 409)])
async def test_an_invitation_opens_for_72_hours(
    *, app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, after_s: int, status: int
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    made = (await admin.post("/members", username="li_desk", name="李窗口", roles=["desk"])).json()
    body = {"username": "li_desk", "code": made["invitation"]["code"], "password": PASSWORD}
    app.state.clock = lambda: utc_now() + timedelta(seconds=after_s)

    assert (await client.post(JOIN, json=body)).status_code == status


async def test_an_invitation_is_not_kept_readable_and_comes_again_under_its_key(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    body = {"username": "li_desk", "name": "李窗口", "roles": ["desk"]}

    first = await admin.post("/members", key="once", **body)
    second = await admin.post("/members", key="once", **body)

    assert second.json() == first.json()
    code = first.json()["invitation"]["code"]
    kept = str((await db.execute(text("SELECT string_agg(k::text, '') FROM idempotency_key k"))).scalar_one())
    assert code not in kept


async def test_every_wrong_invitation_is_refused_alike(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    made = (await admin.post("/members", username="li_desk", name="李窗口", roles=["desk"])).json()
    replaced = made["invitation"]["code"]
    newer = (await admin.post(f"/members/{made['id']}/invitation")).json()["code"]
    off = {"username": "off_desk", "name": "王窗口", "roles": ["desk"]}
    disabled = (await admin.post("/members", **off)).json()
    path = f"{MEMBERS}/{disabled['id']}"
    await client.patch(path, json={"disabled": True, "version": 1}, headers=admin.header)

    async def join(username: str, code: str) -> httpx.Response:
        return await client.post(JOIN, json={"username": username, "code": code, "password": PASSWORD})

    answers = [
        await join("li_desk", replaced),
        await join("nobody_here", newer),
        await join("off_desk", newer),
        await join("off_desk", disabled["invitation"]["code"]),
    ]
    app.state.clock = lambda: utc_now() + timedelta(hours=72)
    answers.append(await join("li_desk", newer))

    assert [answer.json() for answer in answers] == [answers[0].json()] * 5
    assert refusal(answers[0]) == (409, "invitation-refused")


async def test_row_41_a_reset_password_ends_every_login_and_opens_none(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    body = {"username": "li_desk", "name": "李窗口", "roles": ["desk"]}
    made = (await admin.post("/members", **body)).json()
    code = made["invitation"]["code"]
    await client.post(JOIN, json={"username": "li_desk", "code": code, "password": PASSWORD})
    stolen = bearer((await log_in(client, "li_desk")).json()["token"])
    assert (await client.get("/api/v1/staff/me", headers=stolen)).status_code == 200

    invited = await admin.post(f"/members/{made['id']}/invitation")

    assert invited.status_code == 201
    assert (await client.get("/api/v1/staff/me", headers=stolen)).status_code == 401
    assert refusal(await log_in(client, "li_desk")) == (401, "staff-login-refused")


async def test_nobody_resets_their_own_password_or_that_of_another_hospital(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    foreign = await hire(client, sessions, Role.DESK, hospital_id=8)

    own = await admin.post(f"/members/{admin.id}/invitation")
    theirs = await admin.post(f"/members/{foreign.id}/invitation")

    assert [refusal(own), refusal(theirs)] == [(409, "own-access-unchangeable"), (404, "not-found")]
    assert (await foreign.get("/me")).status_code == 200
