from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.staff import Staff, StaffRecoveryCode
from guahao.identity.policy.permission import Role
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from tests.factories.newcomer import PASSWORD, bearer, wrong
from tests.factories.office import hire
from tests.identity.test_console_logins import ME
from tests.identity.test_console_logins import log_in as log_browser_in
from tests.identity.test_staff_logins import TOTP, make_nurse, status_of, token_of

pytestmark = pytest.mark.anyio
LOGINS = "/api/v1/staff/logins"


async def enrolled(client: httpx.AsyncClient, nurse: Staff) -> tuple[pyotp.TOTP, list[str]]:
    token = await token_of(client, nurse)
    begun = (await client.post(TOTP, json={"password": PASSWORD}, headers=bearer(token))).json()
    totp = pyotp.TOTP(begun["secret"])
    code = totp.at(utc_now() - timedelta(seconds=30))
    done = await client.post(f"{TOTP}/confirmation", json={"code": code}, headers=bearer(token))
    assert done.status_code == 200, done.text
    return totp, done.json()["recovery_codes"]


async def log_in(client: httpx.AsyncClient, nurse: Staff, **proof: str) -> httpx.Response:
    return await client.post(LOGINS, json={"username": nurse.username, "password": PASSWORD, **proof})


async def deeds_of(db: AsyncSession, staff_id: UUID) -> list[str]:
    found = await db.scalars(
        select(AuditEntryRow.action)
        .where(AuditEntryRow.subject == f"staff:{staff_id}")
        .order_by(AuditEntryRow.id)
    )
    return list(found)


async def test_a_second_factor_counts_once_it_was_shown_to_work(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    who = bearer(await token_of(client, nurse))
    begun = (await client.post(TOTP, json={"password": PASSWORD}, headers=who)).json()
    code = pyotp.TOTP(begun["secret"]).now()

    refused = await client.post(f"{TOTP}/confirmation", json={"code": wrong(code)}, headers=who)
    before = (await client.get(ME, headers=who)).json()
    confirmed = await client.post(f"{TOTP}/confirmation", json={"code": code}, headers=who)

    assert (refused.status_code, refused.json()["code"]) == (422, "totp-code-wrong")
    assert before["has_second_factor"] is False
    assert begun["address"].startswith(f"otpauth://totp/Guahao:{nurse.username}?secret={begun['secret']}")
    assert begun["qr_image"].startswith("data:image/png;base64,")
    codes = confirmed.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[2-9b-z]{5}-[2-9b-z]{5}", each) for each in codes)
    sealed = await db.scalar(select(Staff.totp_sealed).where(Staff.id == nurse.id))
    assert sealed is not None
    assert begun["secret"].encode() not in sealed
    hashes = await db.scalars(select(StaffRecoveryCode.code_hash))
    assert not any(each.replace("-", "").encode() in stored for stored in hashes for each in codes)


async def test_a_borrowed_screen_sets_up_no_second_factor(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    who = bearer(await token_of(client, nurse))

    tries = [
        (await client.post(TOTP, json={"password": "not the password"}, headers=who)).json()["code"]
        for _ in range(6)
    ]

    assert tries == ["staff-password-wrong"] * 5 + ["staff-login-paused"]
    assert await db.scalar(select(Staff.totp_sealed).where(Staff.id == nurse.id)) is None


async def test_a_browser_goes_on_under_a_new_cookie_when_its_second_factor_is_set_up(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    other = await token_of(client, nurse)
    csrf = (await log_browser_in(client, nurse)).json()["csrf_token"]
    before = client.cookies["guahao_staff"]
    headers = {"X-CSRF-Token": csrf}
    begun = (await client.post(TOTP, json={"password": PASSWORD}, headers=headers)).json()

    code = pyotp.TOTP(begun["secret"]).now()
    done = await client.post(f"{TOTP}/confirmation", json={"code": code}, headers=headers)

    assert done.status_code == 200
    assert client.cookies["guahao_staff"] != before
    me = (await client.get(ME)).json()
    assert (me["has_second_factor"], me["recovery_codes_left"]) == (True, 10)
    assert me["csrf_token"] != csrf
    assert [await status_of(client, token) for token in (other, before)] == [401, 401]


async def test_a_recovery_code_opens_one_login_however_it_is_written(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    _, codes = await enrolled(client, nurse)

    first = await log_in(client, nurse, recovery_code=codes[0].upper().replace("-", " "))
    again = await log_in(client, nurse, recovery_code=codes[0])
    unknown = await log_in(client, nurse, recovery_code="aaaaa-aaaaa")

    assert first.status_code == 201
    assert [(each.status_code, each.json()["code"]) for each in (again, unknown)] == [
        (401, "recovery-code-wrong")
    ] * 2
    me = (await client.get(ME, headers=bearer(first.json()["token"]))).json()
    assert me["recovery_codes_left"] == 9
    assert (await deeds_of(db, nurse.id))[-1] == "staff.recovery_code_used"


async def test_a_recovery_code_opens_one_login_even_for_many_at_once(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    _, codes = await enrolled(client, nurse)

    answers = await asyncio.gather(*(log_in(client, nurse, recovery_code=codes[3]) for _ in range(4)))

    opened, *refused = sorted(answer.status_code for answer in answers)
    assert opened == 201
    assert set(refused) <= {401, 429}  # as many at once may be too many wrong ones


async def test_a_recovery_code_is_nobody_elses(client: httpx.AsyncClient, db: AsyncSession) -> None:
    mine, theirs = await make_nurse(db), await make_nurse(db)
    _, codes = await enrolled(client, mine)
    await enrolled(client, theirs)

    refused = await log_in(client, theirs, recovery_code=codes[0])

    assert (refused.status_code, refused.json()["code"]) == (401, "recovery-code-wrong")


async def test_wrong_codes_are_counted_like_wrong_passwords_and_the_time_left_is_told(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    totp, codes = await enrolled(client, nurse)
    now = utc_now()
    app.state.clock = lambda: now
    for number in range(5):
        guess = {"totp_code": wrong(totp.at(now))} if number % 2 else {"recovery_code": "zzzzz-zzzzz"}
        assert (await log_in(client, nurse, **guess)).status_code == 401

    paused = await log_in(client, nurse, recovery_code=codes[0])
    later: datetime = now + timedelta(seconds=4)
    app.state.clock = lambda: later
    still = await log_in(client, nurse, recovery_code=codes[0])
    later = now + timedelta(seconds=15)
    opened = await log_in(client, nurse, recovery_code=codes[0])

    assert (paused.status_code, paused.json()["code"]) == (429, "staff-login-paused")
    assert (paused.json()["retry_after_s"], paused.headers["retry-after"]) == (15, "15")
    assert (still.json()["retry_after_s"], "11 秒" in still.json()["title"]) == (11, True)
    assert opened.status_code == 201


async def test_who_knows_the_password_cannot_guess_the_second_factor_away(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    totp, codes = await enrolled(client, nurse)
    who = bearer((await log_in(client, nurse, recovery_code=codes[0])).json()["token"])
    guess = {"password": PASSWORD, "totp_code": wrong(totp.now())}

    guessed = [
        (await client.post(f"{TOTP}/removal", json=guess, headers=who)).json()["code"] for _ in range(5)
    ]
    await client.post(TOTP, json={"password": PASSWORD}, headers=who)
    proof = {"password": PASSWORD, "recovery_code": codes[1]}
    paused = await client.post(f"{TOTP}/removal", json=proof, headers=who)

    assert guessed == ["second-factor-wrong"] * 5
    assert (paused.status_code, paused.json()["code"]) == (429, "staff-login-paused")


@pytest.mark.parametrize("way", ["totp_code", "recovery_code"])
async def test_who_changes_the_phone_removes_the_second_factor_and_sets_up_another(
    client: httpx.AsyncClient, db: AsyncSession, way: str
) -> None:
    nurse = await make_nurse(db)
    totp, codes = await enrolled(client, nurse)
    token = (await log_in(client, nurse, recovery_code=codes[1])).json()["token"]
    who = bearer(token)
    proof = {"totp_code": totp.now()} if way == "totp_code" else {"recovery_code": codes[2]}

    blocked = await client.post(TOTP, json={"password": PASSWORD}, headers=who)
    without = await client.post(f"{TOTP}/removal", json={"password": PASSWORD}, headers=who)
    other = {"recovery_code": "bbbbb-bbbbb", "password": PASSWORD}
    guessed = await client.post(f"{TOTP}/removal", json=other, headers=who)
    assert await status_of(client, token) == 200
    removed = await client.post(f"{TOTP}/removal", json={"password": PASSWORD, **proof}, headers=who)

    assert blocked.json()["code"] == "totp-already-set"
    assert [without.json()["code"], guessed.json()["code"]] == [
        "second-factor-required",
        "recovery-code-wrong",
    ]
    assert removed.status_code == 204
    assert await status_of(client, token) == 401
    assert await db.scalar(select(func.count()).select_from(StaffRecoveryCode)) == 0
    await enrolled(client, nurse)


async def test_an_administrator_resets_the_second_factor_of_their_hospital_but_not_their_own(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    nurse = await make_nurse(db)
    _, codes = await enrolled(client, nurse)
    token = (await log_in(client, nurse, recovery_code=codes[0])).json()["token"]
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=1)
    foreign = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=2)
    path = "/api/v1/staff/members/{}/totp"

    astray = await client.delete(path.format(nurse.id), headers=foreign.header)
    own = await client.delete(path.format(admin.id), headers=admin.header)
    done = await client.delete(path.format(nurse.id), headers=admin.header)

    assert [astray.status_code, own.json()["code"], done.status_code] == [
        404,
        "own-access-unchangeable",
        204,
    ]
    assert await status_of(client, token) == 401
    assert (await log_in(client, nurse)).status_code == 201
