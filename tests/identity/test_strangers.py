"""What strangers try slows strangers down; whom they try to keep out gets in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import LoginBudget, LoginThrottle, SmsCode
from guahao.identity.models.staff import Staff
from guahao.identity.policy.login import NAME_BUDGET
from guahao.identity.policy.permission import Role
from guahao.identity.service.password import hash_password
from guahao.identity.service.throttle import Attempt, Realm, pay_try
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.ids import new_id
from tests.factories.account import phone
from tests.factories.newcomer import (
    PASSWORD,
    ask_code,
    bearer,
    code_for,
    forget_waits,
    register,
    username,
    wrong,
)

pytestmark = pytest.mark.anyio

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
At = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def at(app: FastAPI) -> At:
    """A client at an address, in an installation that counts addresses as production does."""
    app.state.settings = app.state.settings.model_copy(update={"address_limit_factor": 1})

    @asynccontextmanager
    async def client_at(address: str) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app, client=(address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as http:
            yield http

    return client_at


async def by_password(
    client: httpx.AsyncClient, name: str, password: str, device: str = ""
) -> httpx.Response:
    body = {"kind": "password", "username": name, "password": password}
    headers = {"X-Device-Token": device} if device else {}
    return await client.post("/api/v1/logins", json=body, headers=headers)


async def staff_login(
    client: httpx.AsyncClient,
    name: str,
    password: str,
    device: str = "",
    path: str = "logins",
    **proof: str,
) -> httpx.Response:
    headers = {"X-Device-Token": device} if device else {}
    body = {"username": name, "password": password, **proof}
    return await client.post(f"/api/v1/staff/{path}", json=body, headers=headers)


async def make_nurse(db: AsyncSession) -> Staff:
    nurse = Staff(
        id=new_id(),
        hospital_id=1,
        username=username(),
        password_hash=await hash_password(PASSWORD),
        name="王护士",
        roles=[Role.NURSE],
    )
    db.add(nurse)
    await db.commit()
    return nurse


async def with_app_code(db: AsyncSession, nurse: Staff, keys: KeyRing) -> str:
    secret = pyotp.random_base32()
    nurse.totp_sealed = keys.seal(secret, field="staff.totp_sealed", row=nurse.id)
    nurse.totp_confirmed_at = utc_now()
    await db.commit()
    return secret


async def use_up_the_name(db: AsyncSession) -> None:
    """Let strangers all over the world have tried what they may of every name that was tried."""
    full = timedelta(seconds=NAME_BUDGET.refill_s) * NAME_BUDGET.tries
    await db.execute(update(LoginBudget).values(full_at=utc_now() + full))
    await db.execute(update(LoginThrottle).values(blocked_until=utc_now()))
    await db.commit()


async def test_an_owners_right_password_opens_while_a_stranger_hammers(at: At) -> None:
    async with at(HOME) as home, at(ELSEWHERE) as elsewhere:
        made = await register(home)
        owner, stranger = [], []
        for _ in range(10):
            stranger += [(await by_password(elsewhere, made.username, "guess")).status_code for _ in range(3)]
            owner.append((await by_password(home, made.username, PASSWORD)).status_code)

    assert owner == [201] * 10
    assert stranger == [401] * 5 + [429] * 25


async def test_a_member_of_staff_gets_in_while_a_stranger_hammers(at: At, db: AsyncSession) -> None:
    nurse = await make_nurse(db)
    async with at(HOME) as home, at(ELSEWHERE) as elsewhere:
        owner, stranger = [], []
        for _ in range(10):
            stranger += [
                (await staff_login(elsewhere, nurse.username, "guess")).status_code for _ in range(3)
            ]
            owner.append((await staff_login(home, nurse.username, PASSWORD)).status_code)

    assert owner == [201] * 10
    assert stranger == [401] * 5 + [429] * 25


@pytest.mark.parametrize("prefix", ["", "staff:", "staff|", "STAFF:"])
async def test_the_patients_route_touches_no_name_of_staff(at: At, db: AsyncSession, prefix: str) -> None:
    nurse = await make_nurse(db)
    async with at(HOME) as home:
        for _ in range(7):
            await by_password(home, f"{prefix}{nurse.username}"[:32], "guess")

        assert (await staff_login(home, nurse.username, PASSWORD)).status_code == 201


async def test_a_known_device_gets_in_from_the_very_address_of_the_stranger(at: At) -> None:
    async with at(HOME) as shared:
        made = await register(shared)
        device = (await by_password(shared, made.username, PASSWORD)).json()["device_token"]
        for _ in range(8):
            await by_password(shared, made.username, "guess")

        unknown = await by_password(shared, made.username, PASSWORD)
        known = [await by_password(shared, made.username, PASSWORD, device) for _ in range(3)]

    assert (unknown.status_code, unknown.json()["code"]) == (429, "login-paused")
    assert [answer.status_code for answer in known] == [201] * 3


@pytest.mark.parametrize("path", ["logins", "console/logins"])
async def test_a_browser_of_the_ward_gets_in_from_the_very_address_of_the_stranger(
    at: At, db: AsyncSession, path: str
) -> None:
    nurse, doctor = await make_nurse(db), await make_nurse(db)
    async with at(HOME) as browser, at(HOME) as stranger:
        for member in (nurse, doctor):
            assert (
                await staff_login(browser, member.username, PASSWORD, path="console/logins")
            ).status_code == 201
        for member in (nurse, doctor):
            for _ in range(8):
                await staff_login(stranger, member.username, "guess")

        refused = await staff_login(stranger, nurse.username, PASSWORD)
        opened = [
            (await staff_login(browser, member.username, PASSWORD, path=path)).status_code
            for member in (nurse, doctor, nurse)
        ]

    assert (refused.status_code, refused.json()["code"]) == (429, "staff-login-paused")
    assert opened == [201] * 3


async def test_a_known_device_is_no_door_for_guesses_either(at: At) -> None:
    async with at(HOME) as home, at(ELSEWHERE) as thief:
        made = await register(home)
        device = (await by_password(home, made.username, PASSWORD)).json()["device_token"]

        guesses = [(await by_password(thief, made.username, "guess", device)).status_code for _ in range(8)]

    assert guesses == [401] * 5 + [429] * 3


async def test_a_device_of_somebody_else_or_made_up_is_a_stranger(at: At) -> None:
    async with at(HOME) as home:
        victim, attacker = await register(home), await register(home)
        theirs = (await by_password(home, attacker.username, PASSWORD)).json()["device_token"]
        forged = theirs[:-1] + ("A" if theirs[-1] != "A" else "B")
        for _ in range(6):
            await by_password(home, victim.username, "guess")

        answers = [
            (await by_password(home, victim.username, PASSWORD, device)).status_code
            for device in (theirs, forged, "x", f"{theirs}~{forged}")
        ]

    assert answers == [429] * 4


async def test_all_strangers_together_are_bounded_and_the_owner_is_not(at: At, db: AsyncSession) -> None:
    async with at(HOME) as home:
        made = await register(home)
        device = (await by_password(home, made.username, PASSWORD)).json()["device_token"]
    statuses = []
    for number in range(NAME_BUDGET.tries // 5 + 2):
        async with at(f"198.51.100.{number}") as one_of_many:
            statuses += [
                (await by_password(one_of_many, made.username, "guess")).status_code for _ in range(5)
            ]

    async with at("192.0.2.1") as new_place:
        unknown = await by_password(new_place, made.username, PASSWORD)
        known = await by_password(new_place, made.username, PASSWORD, device)
        await forget_waits(db)
        code = await code_for(new_place, made.phone, "login")
        by_sms = await new_place.post(
            "/api/v1/logins", json={"kind": "sms", "phone": made.phone, "sms_code": code}
        )

    assert statuses == [401] * NAME_BUDGET.tries + [429] * 10
    assert (unknown.status_code, unknown.json()["code"]) == (429, "login-paused")
    assert 0 < int(unknown.headers["Retry-After"]) <= NAME_BUDGET.refill_s
    assert (known.status_code, by_sms.status_code) == (201, 201)


async def test_a_right_code_of_the_app_goes_before_what_strangers_tried(
    at: At, db: AsyncSession, app: FastAPI
) -> None:
    nurse = await make_nurse(db)
    secret = await with_app_code(db, nurse, app.state.key_ring)
    now = utc_now()
    app.state.clock = lambda: now
    async with at(ELSEWHERE) as stranger:
        await staff_login(stranger, nurse.username, "guess")
        await use_up_the_name(db)
        await staff_login(stranger, nurse.username, PASSWORD)

    async with at(HOME) as new_place:
        without = await staff_login(new_place, nurse.username, PASSWORD)
        wrong_code = await staff_login(
            new_place, nurse.username, PASSWORD, totp_code=wrong(pyotp.TOTP(secret).at(now))
        )
        right = await staff_login(new_place, nurse.username, PASSWORD, totp_code=pyotp.TOTP(secret).at(now))

    assert [without.json()["code"], wrong_code.json()["code"]] == ["staff-login-paused"] * 2
    assert right.status_code == 201


async def test_an_address_may_try_so_many_names_and_slows_down_no_other(at: At, db: AsyncSession) -> None:
    async with at(HOME) as home:
        made = await register(home)
    async with at(ELSEWHERE) as sprayer:
        await by_password(sprayer, username(), "guess")
        await use_up_the_name(db)
        refused = await by_password(sprayer, username(), "guess")
    async with at(HOME) as home:
        opened = await by_password(home, made.username, PASSWORD)

    assert (refused.status_code, refused.json()["code"]) == (429, "login-paused")
    assert opened.status_code == 201


async def test_a_right_password_gives_its_try_back_and_forgives_strangers_nothing(
    at: At, db: AsyncSession
) -> None:
    async with at(HOME) as home, at(ELSEWHERE) as stranger:
        made = await register(home)
        await by_password(stranger, made.username, "guess")
        before = sorted(await db.scalars(select(LoginBudget.full_at)))
        await by_password(home, made.username, PASSWORD)
        await db.rollback()
        after = sorted(await db.scalars(select(LoginBudget.full_at)))

    assert len(before) == 2
    assert after[-1] - before[-1] < timedelta(seconds=5)


async def test_a_victim_who_is_logged_in_changes_the_password(at: At, db: AsyncSession) -> None:
    nurse = await make_nurse(db)
    async with at(HOME) as home:
        made = await register(home)
        token = (await staff_login(home, nurse.username, PASSWORD)).json()["token"]
        for _ in range(8):
            await by_password(home, made.username, "guess")
            await staff_login(home, nurse.username, "guess")
        body = {"old_password": PASSWORD, "new_password": "another fine secret"}

        mine = await home.post("/api/v1/me/password", json=body, headers=bearer(made.token))
        theirs = await home.post("/api/v1/staff/me/password", json=body, headers=bearer(token))

    assert (mine.status_code, theirs.status_code) == (204, 204)


async def own_code(client: httpx.AsyncClient, number: str, purpose: str) -> dict[str, str]:
    """What the owner of a phone types: the code of the message, with the id of the request."""
    asked = await ask_code(client, number, purpose)
    assert asked.status_code == 202, asked.text
    message = await client.get("/sandbox/sms", params={"phone": number})
    return {
        "phone": number,
        "sms_code": message.json()["code"],
        "sms_request_id": asked.json()["sms_request_id"],
    }


async def registered(client: httpx.AsyncClient, typed: dict[str, str]) -> int:
    body = {**typed, "username": username(), "password": PASSWORD}
    return (await client.post("/api/v1/accounts", json=body)).status_code


async def test_ten_strangers_keep_nobody_from_a_code(at: At) -> None:
    number = phone()
    asked = []
    for stranger in range(10):
        async with at(f"198.51.100.{stranger}") as client:
            asked.append((await ask_code(client, number, "register")).status_code)

    async with at(HOME) as home:
        status = await registered(home, await own_code(home, number, "register"))

    assert asked == [202] * 10
    assert status == 201


async def test_one_stranger_who_asks_again_and_again_gets_no_more_than_anybody(
    at: At, db: AsyncSession
) -> None:
    number = phone()
    async with at(ELSEWHERE) as stranger:
        asked = []
        for _ in range(12):
            asked.append((await ask_code(stranger, number, "register")).status_code)
            await forget_waits(db, by=timedelta(minutes=61))
    async with at(HOME) as home:
        mine = await ask_code(home, number, "register")

    assert asked == [202] * 10 + [429] * 2
    assert mine.status_code == 202


async def test_many_strangers_are_bounded_and_the_owners_device_is_not(at: At, db: AsyncSession) -> None:
    async with at(HOME) as home:
        made = await register(home)
        device = (await by_password(home, made.username, PASSWORD)).json()["device_token"]
    await forget_waits(db)
    asked = []
    for stranger in range(35):
        async with at(f"198.51.100.{stranger}") as client:
            asked.append((await ask_code(client, made.phone, "login")).status_code)
        if stranger % 4 == 3:
            await forget_waits(db, by=timedelta(minutes=61))

    async with at(HOME) as home:
        body = {"phone": made.phone, "purpose": "login"}
        unknown = await home.post("/api/v1/sms-codes", json=body)
        known = await home.post("/api/v1/sms-codes", json=body, headers={"X-Device-Token": device})

    assert asked == [202] * 30 + [429] * 5
    assert (unknown.status_code, known.status_code) == (429, 202)


@pytest.mark.parametrize("purpose", ["register", "login", "reset"])
@pytest.mark.parametrize("knows_an_id", [False, True])
async def test_five_wrong_guesses_of_a_stranger_burn_his_own_code_only(
    at: At, db: AsyncSession, purpose: str, knows_an_id: bool
) -> None:
    async with at(HOME) as home, at(ELSEWHERE) as stranger:
        number = phone() if purpose == "register" else (await register(home)).phone
        await forget_waits(db)
        typed = await own_code(home, number, purpose)
        foreign = (await ask_code(stranger, number, purpose)).json()["sms_request_id"]
        guess = {
            "phone": number,
            "sms_code": wrong(typed["sms_code"]),
            **({"sms_request_id": foreign} if knows_an_id else {}),
        }
        guesses = [(await redeem(stranger, guess, purpose)) for _ in range(6)]

        mine = await redeem(home, typed, purpose)
        again = await redeem(home, typed, purpose)

    assert guesses == [422] * 6
    assert mine in (201, 204)
    assert again == 422
    assert max(await db.scalars(select(SmsCode.tries).where(SmsCode.purpose == purpose))) == 5


async def redeem(client: httpx.AsyncClient, typed: dict[str, str], purpose: str) -> int:
    if purpose == "register":
        return await registered(client, typed)
    if purpose == "login":
        return (await client.post("/api/v1/logins", json={"kind": "sms", **typed})).status_code
    body = {**typed, "new_password": "another fine secret"}
    return (await client.post("/api/v1/password-resets", json=body)).status_code


async def test_a_code_without_its_request_opens_nothing_elsewhere(at: At) -> None:
    async with at(HOME) as home, at(ELSEWHERE) as stranger:
        typed = await own_code(home, phone(), "register")
        without = {name: value for name, value in typed.items() if name != "sms_request_id"}

        assert await registered(stranger, without) == 422
        assert await registered(stranger, typed | {"sms_request_id": str(uuid4())}) == 422
        assert await registered(home, typed) == 201


async def test_a_client_from_before_redeems_its_code_from_where_it_asked(at: At) -> None:
    number = phone()
    async with at(HOME) as home:
        typed = await own_code(home, number, "register")
        del typed["sms_request_id"]

        assert await registered(home, typed) == 201


@pytest.mark.parametrize("request_id", ["", "1", "x" * 500, 7, ["a"]])
async def test_what_is_no_request_id_is_refused_in_words(at: At, request_id: object) -> None:
    async with at(HOME) as home:
        typed = {"phone": phone(), "sms_code": "123456", "sms_request_id": request_id}
        refused = await home.post("/api/v1/logins", json={"kind": "sms", **typed})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")


async def test_people_behind_a_trusted_proxy_are_counted_each_by_their_own_address(
    app: FastAPI, at: At
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})

    async with at("10.0.0.2") as proxy:
        codes, logins = [], []
        for person in range(1, 67):
            proxy.headers["X-Forwarded-For"] = f"203.0.113.{person}"
            if person <= 26:
                codes.append((await ask_code(proxy, phone(), "register")).status_code)
            tried = {"kind": "wechat", "js_code": "sandbox-invalid"}
            logins.append((await proxy.post("/api/v1/logins", json=tried)).status_code)

    assert (codes, logins) == ([202] * 26, [401] * 66)


async def test_a_try_that_read_its_clock_a_moment_before_another_waits_for_nothing(
    app: FastAPI, db: AsyncSession
) -> None:
    attempt = Attempt(realm=Realm.ACCOUNT, name=username(), address=HOME)
    moment = utc_now()

    for earlier in range(5):
        when = moment - timedelta(milliseconds=earlier)
        await pay_try(db, attempt=attempt, keys=app.state.key_ring, now=when)
