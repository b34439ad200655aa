from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.person import Patient
from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions
from tests.factories.newcomer import bearer, register
from tests.factories.office import Member, hire, refusal
from tests.factories.person import patient_body, resident_id

pytestmark = pytest.mark.anyio
PATIENTS = "/api/v1/patients"
Header = dict[str, str]


async def newcomer(client: httpx.AsyncClient) -> tuple[str, Header]:
    somebody = await register(client)
    return somebody.phone, bearer(somebody.token)


async def strangers(client: httpx.AsyncClient, body: dict[str, Any]) -> list[Header]:
    """Three people who know name and number of somebody else."""
    headers = [(await newcomer(client))[1] for _ in range(3)]
    for header in headers:
        added = await client.post(PATIENTS, json=body, headers=header)
        assert added.status_code == 201, added.text
    return headers


async def listed(client: httpx.AsyncClient, header: Header) -> list[str]:
    return [patient["relation"] for patient in (await client.get(PATIENTS, headers=header)).json()["items"]]


async def enrolled(desk: Member, body: dict[str, Any], phone: str) -> str:
    person = {name: value for name, value in body.items() if name != "relation"}
    answer = await desk.post("/patients", **person | {"phone": phone})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_the_owner_takes_back_what_three_strangers_claimed(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    others = await strangers(client, body)
    phone, owner = await newcomer(client)
    claim = {name: value for name, value in body.items() if name != "relation"}
    desk = await hire(client, sessions, Role.DESK)

    kept_out = await client.post(PATIENTS, json=body | {"relation": "self"}, headers=owner)
    unproven = await client.post(f"{PATIENTS}/claims", json=claim, headers=owner)
    await enrolled(desk, body, phone)
    claimed = await client.post(f"{PATIENTS}/claims", json=claim, headers=owner)
    again = await client.post(f"{PATIENTS}/claims", json=claim, headers=owner)
    stranger = await client.post(f"{PATIENTS}/claims", json=claim, headers=others[0])

    assert refusal(kept_out) == (409, "person-in-too-many-accounts")
    assert [refusal(unproven), refusal(stranger)] == [(409, "claim-not-proven")] * 2
    assert (claimed.status_code, claimed.json()["relation"]) == (201, "self")
    assert again.json()["id"] == claimed.json()["id"]
    assert [await listed(client, header) for header in (*others, owner)] == [[], [], [], ["self"]]
    for header in others:
        (told,) = (await client.get(f"{PATIENTS}/releases", headers=header)).json()["items"]
        assert (told["released_by"], "*" in told["name"]) == ("owner", True)
    assert (await client.get(f"{PATIENTS}/releases", headers=owner)).json()["items"] == []
    back = await client.post(PATIENTS, json=body, headers=others[0])
    assert refusal(back) == (409, "patient-readd-too-soon")
    released = select(func.count()).where(AuditEntryRow.action == "patient.release")
    assert await db.scalar(released) == 3


async def test_the_desk_releases_a_person_for_a_reason_that_is_kept(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    others = await strangers(client, body)
    _, owner = await newcomer(client)
    desk = await hire(client, sessions, Role.DESK)
    foreign = await hire(client, sessions, Role.DESK, hospital_id=2)
    patient = await enrolled(desk, body, "13800001111")
    shown = (await desk.get(f"/patients/{patient}/listings")).json()["items"]
    chosen = [listing["id"] for listing in shown[:2]]
    path = f"/patients/{patient}/releases"

    refused = [
        await foreign.get(f"/patients/{patient}/listings"),
        await foreign.post(path, listing_ids=chosen, reason="本人持证到窗口要求"),
    ]
    without = await desk.post(path, listing_ids=chosen, reason="")
    done = await desk.post(path, listing_ids=chosen, reason="本人持证到窗口要求")
    twice = await desk.post(path, listing_ids=chosen, reason="本人持证到窗口要求")

    assert [refusal(answer) for answer in refused] == [(404, "not-found")] * 2
    assert all("****" in listing["phone"] for listing in shown)
    assert (without.status_code, done.json(), twice.json()) == (422, {"released": 2}, {"released": 0})
    assert [await listed(client, header) for header in others] == [[], [], ["other"]]
    (told,) = (await client.get(f"{PATIENTS}/releases", headers=others[0])).json()["items"]
    assert told["released_by"] == "hospital"
    added = await client.post(PATIENTS, json=body | {"relation": "self"}, headers=owner)
    assert added.status_code == 201
    released = select(AuditEntryRow).where(AuditEntryRow.action == "person.release")
    entry = (await db.scalars(released.order_by(AuditEntryRow.at))).first()
    assert entry is not None
    assert (entry.hospital_id, entry.actor) == (1, desk.actor)
    assert entry.data == {"reason": "本人持证到窗口要求", "accounts": 2}
    reasons = select(func.count()).where(Patient.release_reason == "本人持证到窗口要求")
    assert await db.scalar(reasons) == 2
