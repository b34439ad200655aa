"""A sealed value that was tampered with is shown as unreadable; whatever stands beside it stays."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking.models import Appointment
from guahao.identity.access import Role
from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient, Person
from guahao.kernel.db import Sessions, transaction
from tests.factories.booking import book, make_booker, name_everybody
from tests.factories.catalog import staff_headers
from tests.factories.newcomer import PASSWORD, bearer, register
from tests.factories.office import hire
from tests.factories.person import patient_body, resident_id
from tests.factories.scheduling import make_clinic, make_slot

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
UNREADABLE = "（无法读取）"


async def two_bookings(app: FastAPI, db: AsyncSession) -> tuple[Appointment, Appointment, dict[str, str]]:
    clinic = await make_clinic(db)
    first, broken = [
        await book(db, await make_booker(db), (await make_slot(db, clinic=clinic, fee_fen=0, days=days)).id)
        for days in (1, 2)
    ]
    headers = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    await name_everybody(db, app.state.key_ring)
    foreign = select(Person.name_sealed).where(Person.id == first.person_id).scalar_subquery()
    await db.execute(update(Person).where(Person.id == broken.person_id).values(name_sealed=foreign))
    await db.commit()
    return first, broken, headers


async def told(db: AsyncSession) -> list[str]:
    subjects = select(AuditEntryRow.subject).where(AuditEntryRow.action == "seal.broken")
    return list((await db.scalars(subjects.order_by(AuditEntryRow.subject))).all())


async def test_one_name_that_cannot_be_opened_costs_no_list_and_no_file_the_rest(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    first, broken, headers = await two_bookings(app, db)
    wanted: dict[str, Any] = {"hospital_id": first.hospital_id, "sort": "starts_at"}

    listed = await client.get(f"{STAFF}/appointments", params=wanted, headers=headers)
    file = await client.get(f"{STAFF}/appointments.csv", params=wanted, headers=headers)

    assert (listed.status_code, file.status_code) == (200, 200)
    names = [item["patient"]["name"] for item in listed.json()["items"]]
    lines = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[1:]
    assert names == [line[3] for line in lines] == ["王*明", UNREADABLE]
    assert await told(db) == [f"person.name_sealed:{broken.person_id}"]


async def test_what_cannot_be_opened_is_never_revealed(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    _, broken, headers = await two_bookings(app, db)

    body = {"field": "name", "reason": "核对来人身份"}
    path = f"{STAFF}/appointments/{broken.id}/reveal"
    answer = await client.post(path, json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert await told(db) == [f"person.name_sealed:{broken.person_id}"]


async def test_an_account_with_tampered_values_still_sees_takes_and_is_released(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    who, owner = await register(client), await register(client)
    body = patient_body(document_number=resident_id(), relation="other")
    added = await client.post("/api/v1/patients", json=body, headers=bearer(who.token))
    assert added.status_code == 201, added.text
    desk = await hire(client, sessions, Role.DESK)
    person = {name: value for name, value in body.items() if name != "relation"}
    enrolled = (await desk.post("/patients", **person | {"phone": owner.phone})).json()["id"]
    person_id = await db.scalar(select(Patient.person_id).where(Patient.id == UUID(added.json()["id"])))
    async with transaction(sessions) as changing:
        await changing.execute(update(Person).values(document_sealed=b"cut", name_sealed=b"cut"))
        await changing.execute(update(Account).values(phone_sealed=b"cut"))
        await changing.execute(update(Patient).values(phone_sealed=b"cut"))

    me = await client.get("/api/v1/me", headers=bearer(who.token))
    mine = await client.get("/api/v1/patients", headers=bearer(who.token))
    copy = await client.post(
        "/api/v1/me/export",
        json={"proof": {"kind": "password", "password": PASSWORD}},
        headers=bearer(who.token),
    )
    found = await desk.post("/desk/people", hospital_id=1, text=str(body["document_number"]))
    listings = await desk.get(f"/patients/{enrolled}/listings")

    assert me.json()["phone"] == UNREADABLE
    (shown,) = mine.json()["items"]
    assert [shown[name] for name in ("name", "document_number", "phone")] == [UNREADABLE] * 3
    assert [row["name"] for row in copy.json()["tables"]["person"]["rows"]] == [UNREADABLE]
    (seen,) = found.json()["items"]
    assert [seen[name] for name in ("name", "document_number", "phone")] == [UNREADABLE] * 3
    assert [one["phone"] for one in listings.json()["items"]] == [UNREADABLE]
    assert f"person.name_sealed:{person_id}" in await told(db)
