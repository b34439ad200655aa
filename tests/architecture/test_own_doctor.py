"""A doctor's account sees the own sessions and patients, through every staff route that a doctor may call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import BookingBlock
from guahao.identity.policy.permission import PERMISSIONS_OF, Permission, Role
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from guahao.scheduling.models import ClinicSession
from tests.architecture.matrix import Operation, Rows, operations, request_of
from tests.factories.booking import book, make_booker, name_everybody
from tests.factories.scheduling import make_clinic, make_session, slots_of
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
PUBLIC = {Permission.OWN_LOGIN, Permission.VIEW_CATALOG}
"""About oneself, and what every patient reads too: departments, doctors, prices."""

OPERATIONS = [
    operation for operation in operations() if operation.permission in PERMISSIONS_OF[Role.DOCTOR] - PUBLIC
]


@dataclass(frozen=True, kw_only=True)
class Ward:
    """Two doctors of one hospital, each with a session and a patient."""

    client: httpx.AsyncClient
    hospital_id: int
    headers: dict[str, dict[str, str]]
    own: Rows
    others: Rows
    secrets: set[str]

    async def send(self, operation: Operation, who: str, rows: Rows) -> httpx.Response:
        wanted = request_of(operation, rows)
        headers = self.headers[who] | wanted.sent.get("headers", {})
        return await self.client.request(
            wanted.method, wanted.url, params=wanted.params, **wanted.sent | {"headers": headers}
        )


async def rows_of(db: AsyncSession, session: ClinicSession) -> Rows:
    (slot,) = await slots_of(db, session)
    row = await book(db, await make_booker(db), slot.id)
    block = {
        "hospital_id": session.hospital_id,
        "id": new_id(session.hospital_id),
        "person_id": row.person_id,
    }
    now = utc_now()
    await db.execute(
        insert(BookingBlock).values(
            **block, reason="cancellations", starts_at=now, ends_at=now + timedelta(days=9)
        )
    )
    ids = {
        "clinic_session": session.id,
        "slot": slot.id,
        "appointment": row.id,
        "patient": row.patient_id,
        "person": row.person_id,
        "booking_block": block["id"],
        "payment_order": row.order_id,
        "department": session.department_id,
        "doctor": session.doctor_id,
        "campus": session.campus_id,
        "schedule_change": new_id(session.hospital_id),
    }
    return Rows(hospital_id=session.hospital_id, ids={name: str(id_) for name, id_ in ids.items()})


@pytest.fixture
async def ward(app: FastAPI, client: httpx.AsyncClient, db: AsyncSession) -> Ward:
    first = await make_clinic(db, rules={"addon_percent": 100})
    own = await rows_of(db, await make_session(db, clinic=first))
    other = await make_clinic(db, hospital_id=first.hospital_id)
    others = await rows_of(db, await make_session(db, clinic=other))
    await name_everybody(db, app.state.key_ring)
    headers = {}
    for name, doctor in (("doctor", UUID(own.ids["doctor"])), ("nobody", None)):
        member = await make_staff(db, Role.DOCTOR, hospital_id=first.hospital_id, doctor_id=doctor)
        headers[name] = await staff_header(db, member.id)
    nurse = await make_staff(db, Role.NURSE, Role.DOCTOR, hospital_id=first.hospital_id)
    headers["nurse"] = await staff_header(db, nurse.id)
    await db.commit()
    hidden = {others.ids[name] for name in ("clinic_session", "slot", "appointment", "patient", "person")}
    return Ward(
        client=client,
        hospital_id=first.hospital_id,
        headers=headers,
        own=own,
        others=others,
        secrets=hidden | {others.ids["booking_block"], others.ids["payment_order"]},
    )


def test_there_are_routes_that_a_doctor_may_call() -> None:
    assert len(OPERATIONS) >= 14
    assert {operation.permission for operation in OPERATIONS} == {
        Permission.VIEW_SCHEDULE,
        Permission.VIEW_APPOINTMENTS,
        Permission.ADD_PLACES,
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_rows_of_another_doctor_are_neither_shown_nor_changed(ward: Ward, operation: Operation) -> None:
    for who, secrets in (
        ("doctor", ward.secrets),
        ("nobody", ward.secrets | {ward.own.ids["appointment"], ward.own.ids["clinic_session"]}),
    ):
        answer = await ward.send(operation, who, ward.others)

        assert answer.status_code < 500, answer.text
        assert {secret for secret in secrets if secret in answer.text} == set(), who
        if "session_id" in operation.path or "appointment_id" in operation.path:
            assert answer.status_code == 404, (who, answer.text)


async def listed(ward: Ward, who: str, path: str, **params: Any) -> set[str]:
    answer = await ward.client.get(f"/api/v1/staff{path}", params=params, headers=ward.headers[who])
    assert answer.status_code == 200, answer.text
    return {
        rows.ids[name]
        for rows in (ward.own, ward.others)
        for name in rows.ids
        if rows.ids[name] in answer.text
    }


async def test_a_doctor_sees_the_own_day_and_a_nurse_everybodys(ward: Ward, db: AsyncSession) -> None:
    day = await db.scalar(text("SELECT max(date)::text FROM clinic_session"))
    hospital = ward.hospital_id
    for path, params, name in (
        (f"/hospitals/{hospital}/sessions", {"date": day}, "clinic_session"),
        (f"/hospitals/{hospital}/calendar", {"from": day, "to": day}, "clinic_session"),
        ("/appointments", {"hospital_id": hospital}, "appointment"),
        (f"/hospitals/{hospital}/blocks", {}, "booking_block"),
    ):
        mine, theirs = ward.own.ids[name], ward.others.ids[name]
        assert {mine, theirs} & await listed(ward, "doctor", path, **params) == {mine}, path
        assert {mine, theirs} & await listed(ward, "nobody", path, **params) == set(), path
        assert {mine, theirs} & await listed(ward, "nurse", path, **params) == {mine, theirs}, path


async def test_a_doctor_opens_the_own_patients_booking_and_adds_places_to_the_own_session(ward: Ward) -> None:
    own, header = ward.own.ids, ward.headers["doctor"]
    read = await ward.client.get(f"/api/v1/staff/appointments/{own['appointment']}", headers=header)
    body = {"slot_id": own["slot"], "places": 1, "reason": "复诊患者"}
    path = f"/api/v1/staff/sessions/{own['clinic_session']}/addons"
    added = await ward.client.post(path, json=body, headers=header)
    another = {"doctor_id": ward.others.ids["doctor"], "hospital_id": ward.hospital_id}
    asked = await ward.client.get("/api/v1/staff/appointments", params=another, headers=header)

    assert (read.status_code, added.status_code, asked.json()["items"]) == (200, 201, [])
