from __future__ import annotations

from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.access import Role
from guahao.identity.models.person import Person
from guahao.identity.models.security_event import SecurityEvent, SecurityEventKind
from guahao.identity.models.staff import Staff
from guahao.identity.service.password import hash_password
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from tests.factories.newcomer import PASSWORD, bearer, code_for, forget_waits, log_in, register
from tests.factories.office import hire
from tests.factories.person import patient_body, resident_id
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


async def told(client: httpx.AsyncClient, headers: dict[str, str], path: str = "/api/v1/me") -> list[Json]:
    answer = await client.get(f"{path}/security-events", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_who_registers_is_told_nothing(client: httpx.AsyncClient) -> None:
    who = await register(client)

    assert await told(client, bearer(who.token)) == []


async def test_a_login_on_a_new_device_is_told_and_one_on_a_known_device_is_not(
    client: httpx.AsyncClient,
) -> None:
    who = await register(client)
    body = {"kind": "password", "username": who.username, "password": PASSWORD}

    first = await client.post("/api/v1/logins", json=body, headers={"User-Agent": "Other\x01Phone"})
    known = {"X-Device-Token": first.json()["device_token"], "User-Agent": "OtherPhone"}
    await client.post("/api/v1/logins", json=body, headers=known)

    (event,) = await told(client, bearer(who.token))
    assert (event["kind"], event["device"], event["seen_at"]) == ("new_device", "OtherPhone", None)
    assert event["address"] == "127.0.0.1"


async def test_a_refused_login_is_no_event(client: httpx.AsyncClient) -> None:
    who = await register(client)
    body = {"kind": "password", "username": who.username, "password": "not the password"}

    refused = await client.post("/api/v1/logins", json=body)

    assert refused.status_code == 401
    assert await told(client, bearer(who.token)) == []


async def test_a_changed_and_a_reset_password_are_told(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who = await register(client)
    await client.post(
        "/api/v1/me/password",
        json={"old_password": PASSWORD, "new_password": "another fine secret"},
        headers=bearer(who.token),
    )
    await forget_waits(db)
    code = await code_for(client, who.phone, "reset")
    await client.post(
        "/api/v1/password-resets",
        json={"phone": who.phone, "sms_code": code, "new_password": "a third fine secret"},
    )

    token = await log_in(client, who.username, "a third fine secret")

    kinds = [event["kind"] for event in await told(client, bearer(token))]
    assert kinds == ["new_device", "password_changed", "password_changed"]


async def test_what_was_seen_stays_in_the_list_and_what_came_later_is_new(client: httpx.AsyncClient) -> None:
    who = await register(client)
    await log_in(client, who.username)
    (shown,) = await told(client, bearer(who.token))
    await log_in(client, who.username)

    for _ in range(2):
        seen = await client.post(
            "/api/v1/me/security-events/seen", json={"newest_id": shown["id"]}, headers=bearer(who.token)
        )
        assert seen.status_code == 204

    newer, older = await told(client, bearer(who.token))
    assert (newer["seen_at"], older["id"]) == (None, shown["id"])
    assert older["seen_at"] is not None


async def test_nobody_sees_or_marks_the_events_of_others(client: httpx.AsyncClient) -> None:
    who, other = await register(client), await register(client)
    await log_in(client, who.username)
    (event,) = await told(client, bearer(who.token))

    await client.post(
        "/api/v1/me/security-events/seen", json={"newest_id": event["id"]}, headers=bearer(other.token)
    )

    assert await told(client, bearer(other.token)) == []
    assert (await told(client, bearer(who.token)))[0]["seen_at"] is None


async def test_an_event_has_one_owner(db: AsyncSession) -> None:
    db.add(SecurityEvent(id=new_id(), kind=SecurityEventKind.NEW_DEVICE, at=utc_now()))

    with pytest.raises(IntegrityError, match="security_event_has_one_owner"):
        await db.flush()


STAFF = "/api/v1/staff/me"


async def open_staff(client: httpx.AsyncClient, member: Staff, **more: str) -> Json:
    login = {"username": member.username, "password": PASSWORD} | more
    answer = await client.post("/api/v1/staff/logins", json=login)
    assert answer.status_code == 201, answer.text
    opened: Json = answer.json()
    return opened


async def set_up_factor(client: httpx.AsyncClient, token: str) -> list[str]:
    begun = await client.post(f"{STAFF}/totp", json={"password": PASSWORD}, headers=bearer(token))
    code = pyotp.TOTP(begun.json()["secret"]).now()
    done = await client.post(f"{STAFF}/totp/confirmation", json={"code": code}, headers=bearer(token))
    codes: list[str] = done.json()["recovery_codes"]
    return codes


async def make_clerk(db: AsyncSession) -> Staff:
    member = await make_staff(db, Role.DESK, hospital_id=3)
    member.password_hash = await hash_password(PASSWORD)
    await db.commit()
    return member


async def test_staff_are_told_of_devices_and_second_factors(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    member = await make_clerk(db)
    codes = await set_up_factor(client, (await open_staff(client, member))["token"])
    again = await open_staff(client, member, recovery_code=codes[0])
    removed = await client.post(
        f"{STAFF}/totp/removal",
        json={"password": PASSWORD, "recovery_code": codes[1]},
        headers=bearer(again["token"]),
    )
    assert removed.status_code == 204
    token = (await open_staff(client, member))["token"]

    events = await told(client, bearer(token), STAFF)
    body = {"newest_id": events[0]["id"]}
    seen = await client.post(f"{STAFF}/security-events/seen", json=body, headers=bearer(token))

    assert [event["kind"] for event in events] == [
        "new_device",
        "second_factor_removed",
        "recovery_code_used",
        "new_device",
        "recovery_code_used",
        "second_factor_set",
        "new_device",
    ]
    assert seen.status_code == 204
    assert {event["seen_at"] is None for event in await told(client, bearer(token), STAFF)} == {False}


async def test_staff_are_told_of_a_changed_password(client: httpx.AsyncClient, db: AsyncSession) -> None:
    member = await make_clerk(db)
    opened = await open_staff(client, member)
    changed = await client.post(
        f"{STAFF}/password",
        json={"old_password": PASSWORD, "new_password": "another fine secret"},
        headers=bearer(opened["token"]),
    )
    assert changed.status_code == 204
    known = await client.post(
        "/api/v1/staff/logins",
        json={"username": member.username, "password": "another fine secret"},
        headers={"X-Device-Token": opened["device_token"]},
    )

    events = await told(client, bearer(known.json()["token"]), STAFF)

    assert [event["kind"] for event in events] == ["password_changed", "new_device"]


async def test_who_was_reset_by_an_administrator_is_told(client: httpx.AsyncClient, db: AsyncSession) -> None:
    admin = await make_staff(db, Role.HOSPITAL_ADMIN, hospital_id=3)
    member = await make_staff(db, Role.DESK, hospital_id=3)
    headers = await staff_header(db, admin.id)
    await db.commit()

    reset = await client.post(f"/api/v1/staff/members/{member.id}/invitation", headers=headers)

    assert reset.status_code in {200, 201}, reset.text
    event = (await db.scalars(select(SecurityEvent))).one()
    assert (event.staff_id, event.kind, event.address) == (member.id, "access_reset", None)


async def test_who_listed_a_person_is_told_that_they_were_released_and_nobody_else_is(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    chosen, kept, owner = [await register(client) for _ in range(3)]
    for who in (chosen, kept):
        added = await client.post("/api/v1/patients", json=body, headers=bearer(who.token))
        assert added.status_code == 201, added.text
    desk = await hire(client, sessions, Role.DESK)
    person = {name: value for name, value in body.items() if name != "relation"}
    patient = (await desk.post("/patients", **person | {"phone": owner.phone})).json()["id"]
    listings = (await desk.get(f"/patients/{patient}/listings")).json()["items"]
    release = {"listing_ids": [listings[0]["id"]], "reason": "本人持证到窗口要求"}

    for _ in range(2):
        assert (await desk.post(f"/patients/{patient}/releases", **release)).status_code == 200

    (event,) = await told(client, bearer(chosen.token))
    assert (event["kind"], event["patient_name"], event["seen_at"]) == ("patient_released", "张*", None)
    assert (event["address"], event["device"]) == (None, None)
    assert [await told(client, bearer(who.token)) for who in (kept, owner)] == [[], []]


async def test_who_is_taken_back_by_their_owner_is_told_to_those_who_listed_them(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    stranger, owner = await register(client), await register(client)
    await client.post("/api/v1/patients", json=body, headers=bearer(stranger.token))
    desk = await hire(client, sessions, Role.DESK)
    person = {name: value for name, value in body.items() if name != "relation"}
    await desk.post("/patients", **person | {"phone": owner.phone})

    for _ in range(2):
        claimed = await client.post("/api/v1/patients/claims", json=person, headers=bearer(owner.token))
        assert claimed.status_code == 201, claimed.text

    assert [event["kind"] for event in await told(client, bearer(stranger.token))] == ["patient_released"]
    assert await told(client, bearer(owner.token)) == []


async def test_who_listed_a_document_under_a_wrong_name_is_told_that_a_proof_overruled_it(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    wrong, other = await register(client), await register(client)
    listed = await client.post("/api/v1/patients", json=body | {"name": "李四"}, headers=bearer(wrong.token))
    assert listed.status_code == 201, listed.text
    await client.post(
        "/api/v1/patients", json=body | {"document_number": resident_id()}, headers=bearer(other.token)
    )
    async with transaction(sessions) as changing:
        await changing.execute(update(Person).values(verified_at=None))  # as where no authority is asked
    desk = await hire(client, sessions, Role.DESK)
    person = {name: value for name, value in body.items() if name != "relation"}

    enrolled = await desk.post("/patients", **person | {"name": "王小明"})

    assert enrolled.status_code == 201, enrolled.text
    (event,) = await told(client, bearer(wrong.token))
    assert (event["kind"], event["patient_name"], event["address"]) == ("patient_overruled", None, None)
    assert (await client.get("/api/v1/patients", headers=bearer(wrong.token))).json()["items"] == []
    assert await told(client, bearer(other.token)) == []
    subjects = await db.scalars(
        select(AuditEntryRow.subject).where(AuditEntryRow.action == "patient.overrule")
    )
    assert subjects.all() == [f"patient:{listed.json()['id']}"]


RESETS = {"invitation": "post", "totp": "delete"}


@pytest.mark.parametrize("path", RESETS)
async def test_who_was_reset_by_two_administrators_is_told_once_both_agreed(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, path: str
) -> None:
    admin, other = [await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=3) for _ in range(2)]
    member, colleague = [await hire(client, sessions, Role.FINANCE, hospital_id=3) for _ in range(2)]
    method = RESETS[path]

    asked = [await getattr(admin, method)(f"/members/{member.id}/{path}")]
    deeds = f"/control-requests/{asked[0].json()['request_id']}"
    alone = await admin.post(f"{deeds}/approval")
    before = (await db.scalars(select(SecurityEvent))).all()
    rejected = await other.post(f"{deeds}/rejection")
    after_rejection = (await db.scalars(select(SecurityEvent))).all()
    asked.append(await getattr(admin, method)(f"/members/{member.id}/{path}"))
    approved = await other.post(f"/control-requests/{asked[1].json()['request_id']}/approval")

    assert [answer.status_code for answer in asked] == [202] * 2
    assert (alone.status_code, rejected.status_code, approved.status_code) == (409, 204, 200)
    assert (before, after_rejection) == ([], [])
    fresh = await staff_header(db, member.id)
    await db.commit()
    assert [event["kind"] for event in await told(client, fresh, STAFF)] == ["access_reset"]
    for somebody in (colleague, admin, other):
        assert await told(client, somebody.header, STAFF) == []
