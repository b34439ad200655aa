"""Whoever holds an account can take along everything that is held about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.audit.service import AuditEntry, record
from guahao.booking.models import BookingBlock
from guahao.booking.queries.copy import copy_of_bookings
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.notices import replan_notices
from guahao.identity.models.person import Patient
from guahao.identity.queries.copy import copy_of_account
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Base
from guahao.kernel.ids import new_id
from tests.factories.booking import Booker, book, make_booker
from tests.factories.newcomer import PASSWORD, Newcomer, bearer, register
from tests.factories.person import patient_body, resident_id
from tests.factories.scheduling import make_slot

pytestmark = pytest.mark.anyio
PATH = "/api/v1/me/export"

POINTS_AT_PEOPLE = {
    *("account_id", "patient_id", "person_id", "payer_account_id", "guardian_patient_id"),
    *("openid", "phone_index", "owner", "holder", "actor", "subject", "device"),
}
NOT_IN_THE_COPY = {
    "bill_run": "a provider's bill as a whole",
    "channel_message": "what a provider told, by order number; what came of it is in the payment",
    "control_request": "what two administrators decide about staff",
    "finance_case": "numbers of payments and refunds that are in the copy themselves",
    "idempotency_key": "first answers to requests, gone after 48 hours; what they did is copied",
    "person_duplicate": "that two persons have one document, for desks to look at",
    "person_duplicate_check": "that a desk looked, without a value",
    "person_quota": "how often staff looked people up",
    "refusal_count": "counts of refused requests by address, gone after a day",
    "sandbox_bill": "empty in production",
    "sandbox_delivery": "empty in production",
    "sandbox_refund": "empty in production",
    "sandbox_sms": "empty in production",
    "sandbox_trade": "empty in production",
    "sandbox_weixin_code": "empty in production",
    "sandbox_weixin_consent": "empty in production",
    "sandbox_weixin_message": "empty in production",
    "sandbox_weixin_token": "empty in production",
    "sms_code": "keyed hashes, gone after a day",
    "staff": "staff have no account of patients",
}


async def take(client: httpx.AsyncClient, who: Newcomer, password: str = PASSWORD) -> httpx.Response:
    proof = {"kind": "password", "password": password}
    return await client.post(PATH, json={"proof": proof}, headers=bearer(who.token))


async def add(client: httpx.AsyncClient, who: Newcomer, **values: object) -> Booker:
    added = await client.post("/api/v1/patients", json=patient_body(**values), headers=bearer(who.token))
    assert added.status_code == 201, added.text
    patient_id = UUID(added.json()["id"])
    return Booker(
        account_id=UUID(who.account_id), patient_id=patient_id, person_id=patient_id, token=who.token
    )


def rows(taken: httpx.Response, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = taken.json()["tables"][table]["rows"]
    return found


async def person_of(db: AsyncSession, booker: Booker) -> UUID:
    return (await db.get_one(Patient, booker.patient_id)).person_id


async def cancelled_visit(db: AsyncSession, booker: Booker) -> None:
    """A visit with money, messages, a pause and somebody's look at it: a row in every table."""
    appointment = await book(db, booker, (await make_slot(db, fee_fen=5000)).id)
    await replan_notices(db, appointment.id)
    hospital_id = appointment.hospital_id
    block = BookingBlock(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        person_id=await person_of(db, booker),
        reason="test",
        starts_at=utc_now(),
        ends_at=utc_now() + timedelta(days=1),
    )
    db.add(block)
    by = Canceller(actor=f"account:{booker.account_id}", account_id=booker.account_id)
    await cancel(db, appointment_id=appointment.id, by=by)
    subject = f"appointment:{appointment.id}"
    await record(
        db,
        AuditEntry(hospital_id=hospital_id, actor="staff:7", action="appointment.reveal", subject=subject),
    )
    await db.commit()


async def test_names_and_numbers_are_in_it_in_full(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who, number = await register(client), resident_id()
    await add(client, who, name="欧阳修", document_number=number, phone="13812348000")

    taken = await take(client, who)

    assert taken.status_code == 200
    name = f"my-data-{local_date(utc_now()):%Y%m%d}.json"
    assert taken.headers["content-disposition"] == f'attachment; filename="{name}"'
    (account,), (person,), (patient,) = (rows(taken, name) for name in ("account", "person", "patient"))
    assert (account["phone"], account["username"]) == (who.phone, who.username)
    assert (person["name"], person["document"], patient["phone"]) == ("欧阳修", number, "13812348000")
    assert [(row["kind"], row["version"]) for row in rows(taken, "consent")] == [
        ("sensitive_personal_information", 1)
    ]
    assert "argon2" not in taken.text


async def test_visits_money_and_who_looked_at_them_are_in_it(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await register(client)
    await cancelled_visit(db, await add(client, who))

    taken = await take(client, who)

    events = ["held", "booked", "cancelled_by_patient"]
    assert [row["state"] for row in rows(taken, "appointment")] == events[-1:]
    assert [row["to_state"] for row in rows(taken, "appointment_event")] == events
    assert [row["amount_fen"] for row in rows(taken, "payment_order")] == [5000]
    assert [row["captured_fen"] for row in rows(taken, "payment")] == [5000]
    assert [row["amount_fen"] for row in rows(taken, "refund")] == [5000]
    deeds = [(row["actor"], row["action"]) for row in rows(taken, "audit_entry")]
    assert ("staff:7", "appointment.reveal") in deeds
    tables = taken.json()["tables"]
    assert {table for table, part in tables.items() if not part["rows"]} <= {"security_event"}
    assert all(part["title"] for part in tables.values())


async def test_nothing_of_anybody_else_is_in_it(client: httpx.AsyncClient, db: AsyncSession) -> None:
    who, other = await register(client), await register(client)
    number = resident_id()
    mine = await add(client, who, document_number=number)
    theirs = await add(client, other, document_number=number, phone="13900000001")
    elsewhere = await book(db, theirs, (await make_slot(db)).id)
    await book(db, await make_booker(db), (await make_slot(db)).id)
    await db.commit()
    deleted = await add(client, who, name="李四")
    await client.delete(f"/api/v1/patients/{deleted.patient_id}", headers=bearer(who.token))

    taken = await take(client, who)

    assert rows(taken, "appointment") == []
    assert {row["id"] for row in rows(taken, "patient")} == {str(mine.patient_id), str(deleted.patient_id)}
    assert [row["name"] for row in rows(taken, "person")] == ["张三"]
    for foreign in (str(elsewhere.id), other.account_id, other.phone, "13900000001"):
        assert foreign not in taken.text


async def test_taking_it_needs_the_holder_and_is_an_entry_of_the_trail(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    who = await register(client)

    refused = await take(client, who, password="not the password")
    before = (await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "account.export"))).all()
    taken = await take(client, who)
    fast = [(await take(client, who)).status_code for _ in range(2)]

    assert (refused.status_code, refused.json()["code"]) == (409, "holder-not-proven")
    assert before == []
    assert taken.status_code == 200
    assert fast == [200, 429]
    entries = (await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "account.export"))).all()
    assert len(entries) == 2
    assert {entry.subject for entry in entries} == {f"account:{who.account_id}"}
    assert entries[0].data["login"] == 1


async def test_every_table_about_people_is_in_the_copy_or_has_a_reason_not_to_be(
    app: FastAPI, db: AsyncSession
) -> None:
    keys = app.state.key_ring
    nobody = new_id()
    copied = {
        *await copy_of_account(db, account_id=nobody, key_ring=keys),
        *await copy_of_bookings(db, account_id=nobody, key_ring=keys),
    }
    about_people = {
        table.name
        for table in Base.metadata.tables.values()
        if POINTS_AT_PEOPLE & set(table.c.keys())
        or any(name.endswith("_sealed") for name in {column.name for column in table.c})
    }

    assert copied >= {"account", "person", "appointment", "payment"}
    assert about_people - copied - set(NOT_IN_THE_COPY) == set()
    assert copied & set(NOT_IN_THE_COPY) == set()
    assert set(NOT_IN_THE_COPY) - set(Base.metadata.tables) == set()
