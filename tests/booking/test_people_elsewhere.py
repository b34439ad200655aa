from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking.models import Appointment
from guahao.identity.models.person import Patient, PersonQuota
from tests.factories.catalog import staff_headers
from tests.factories.person import resident_id
from tests.factories.scheduling import Clinic, make_clinic, make_slot

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
PHONE = "13812348000"
CONSENTS = [{"kind": "sensitive_personal_information", "version": 1}]


@dataclass(frozen=True, kw_only=True)
class Desk:
    client: httpx.AsyncClient
    clinic: Clinic
    headers: dict[str, str]

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"{STAFF}{path}", json=body, headers=self.headers)

    async def find(self, text: str, **more: Any) -> httpx.Response:
        return await self.post("/desk/people", hospital_id=self.clinic.hospital_id, text=text, **more)

    async def enrol(self, number: str, **more: Any) -> str:
        body = {"name": "欧阳明", "document_type": "resident_id", "document_number": number}
        answer = await self.post("/patients", **body, consents=CONSENTS, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


async def a_desk(client: httpx.AsyncClient, db: AsyncSession) -> Desk:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    await db.commit()
    return Desk(client=client, clinic=clinic, headers=headers)


@pytest.fixture
async def here(client: httpx.AsyncClient, db: AsyncSession) -> Desk:
    return await a_desk(client, db)


@pytest.fixture
async def elsewhere(client: httpx.AsyncClient, db: AsyncSession) -> Desk:
    return await a_desk(client, db)


async def trail(db: AsyncSession, desk: Desk, *actions: str) -> Sequence[tuple[str, dict[str, Any]]]:
    await db.rollback()
    rows = await db.execute(
        select(AuditEntryRow.action, AuditEntryRow.data)
        .where(AuditEntryRow.hospital_id == desk.clinic.hospital_id, AuditEntryRow.action.in_(actions))
        .order_by(AuditEntryRow.id)
    )
    return [(action, data) for action, data in rows]


async def test_a_phone_of_another_hospital_opens_nobody(
    db: AsyncSession, here: Desk, elsewhere: Desk
) -> None:
    theirs = await elsewhere.enrol(resident_id(), phone=PHONE)
    slot = await make_slot(db, clinic=here.clinic, fee_fen=0)
    await db.commit()

    found = await here.find(PHONE)
    booked = await here.post("/appointments", slot_id=str(slot.id), patient_id=theirs)

    assert (found.status_code, found.json()["items"]) == (200, [])
    assert (booked.status_code, booked.json()["code"]) == (404, "not-found")
    assert await db.scalar(select(func.count()).select_from(Appointment)) == 0
    assert await trail(db, here, "person.miss", "person.find") == [("person.miss", {})]


async def test_with_a_reason_somebody_is_found_masked_and_both_hospitals_know(
    db: AsyncSession, here: Desk, elsewhere: Desk
) -> None:
    await elsewhere.enrol(resident_id(), phone=PHONE)

    (person,) = (await here.find(PHONE, reason="忘带证件的急诊转来")).json()["items"]

    assert (person["patient_id"], person["name"], person["phone"]) == (None, "欧*明", None)
    assert PHONE not in str(person)
    reason = {"reason": "忘带证件的急诊转来"}
    assert await trail(db, here, "person.find") == [("person.find", reason)]
    told = {**reason, "by_hospital": here.clinic.hospital_id}
    assert await trail(db, elsewhere, "person.find") == [("person.find", told)]


async def test_two_hundred_look_ups_meet_the_quota_of_the_member_and_of_the_hospital(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession, here: Desk
) -> None:
    app.state.settings = app.state.settings.model_copy(
        update={"look_ups_per_staff": 30, "look_ups_per_hospital": 40}
    )
    other = Desk(
        client=client,
        clinic=here.clinic,
        headers=await staff_headers(db, hospital_id=here.clinic.hospital_id, role="desk"),
    )
    await db.commit()

    first = [await here.find(f"138{number:08}") for number in range(100)]
    second = [await other.find(f"139{number:08}", reason="核对身份") for number in range(100)]

    assert [answer.status_code for answer in first] == [200] * 30 + [429] * 70
    assert [answer.status_code for answer in second] == [200] * 10 + [429] * 90
    refused = [first[-1].json(), second[-1].json()]
    assert [(one["code"], one["holder"], one["limit"]) for one in refused] == [
        ("person-quota-spent", "staff", 30),
        ("person-quota-spent", "hospital", 40),
    ]
    assert 0 < int(first[-1].headers["retry-after"]) <= 86_400
    assert len(await trail(db, here, "person.miss")) == 40


async def test_who_is_known_here_is_found_without_reason_or_limit(app: FastAPI, here: Desk) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 1})
    patient = await here.enrol(resident_id(), phone=PHONE)

    for _ in range(3):
        (person,) = (await here.find(PHONE)).json()["items"]
        assert person["patient_id"] == patient


async def test_an_enrolment_gives_the_look_up_before_it_back(app: FastAPI, here: Desk) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 2})

    for _ in range(4):
        number = resident_id()
        assert (await here.find(number)).status_code == 200
        await here.enrol(number)


async def test_an_enrolment_gives_back_no_look_up_of_somebody_else(app: FastAPI, here: Desk) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 3})
    own = resident_id()

    answers = []
    for number in range(5):
        answers.append(await here.find(f"138{number:08}", reason="核对身份"))
        await here.enrol(own)
        await here.enrol(resident_id())

    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2


async def test_one_look_up_is_given_back_once_however_often_the_person_is_enrolled(
    app: FastAPI, db: AsyncSession, here: Desk
) -> None:
    first, number = resident_id(), resident_id()
    for text in (first, number, number):
        await here.find(text)
    await here.enrol(first)
    await here.enrol(number)
    for _ in range(3):
        await here.enrol(number)

    counts = await db.scalars(select(PersonQuota.count).where(PersonQuota.kind == "look_up"))
    assert list(counts) == [1, 1]
    await here.find(resident_id())
    await here.enrol(number)
    assert set(await db.scalars(select(PersonQuota.count).execution_options(populate_existing=True))) == {2}


@pytest.mark.parametrize(("is_known", "status"), [(True, 429), (False, 200)])
async def test_who_was_found_by_phone_stays_counted_whoever_is_enrolled_with_it(
    app: FastAPI, here: Desk, elsewhere: Desk, is_known: bool, status: int
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 2})
    phones = ["13812340001", "13812340002", "13812340003"]
    for phone in phones if is_known else []:
        await elsewhere.enrol(resident_id(), phone=phone)

    for phone in phones:
        answer = await here.find(f"+86 {phone}", reason="核对身份")
        await here.enrol(resident_id(), phone=phone)

    assert answer.status_code == status


async def test_guessing_names_at_enrolment_is_counted_and_written_down(
    app: FastAPI, db: AsyncSession, here: Desk, elsewhere: Desk
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 2})
    number = resident_id()
    await elsewhere.enrol(number)
    guess = {"document_type": "resident_id", "document_number": number, "consents": CONSENTS}

    answers = [await here.post("/patients", name=name, **guess) for name in ("王一", "王二", "王三")]

    codes = [answer.json()["code"] for answer in answers]
    assert codes == ["identity-not-verified", "identity-not-verified", "person-quota-spent"]
    assert len(await trail(db, here, "person.miss")) == 2


async def test_each_hospital_keeps_the_phone_it_was_given(
    db: AsyncSession, here: Desk, elsewhere: Desk
) -> None:
    number = resident_id()
    theirs = await elsewhere.enrol(number, phone=PHONE)

    ours = await here.enrol(number, phone="13900000000")

    assert ours != theirs
    assert (await elsewhere.find(PHONE)).json()["items"][0]["phone"] == "138****8000"
    assert (await here.find("13900000000")).json()["items"][0]["phone"] == "139****0000"
    assert (await here.find(PHONE)).json()["items"] == []
    assert await here.enrol(number) == ours
    rows = await db.execute(select(Patient.hospital_id).order_by(Patient.id))
    assert [row[0] for row in rows] == [elsewhere.clinic.hospital_id, here.clinic.hospital_id]


async def test_values_are_seen_for_a_reason_within_a_quota_and_in_both_trails(
    app: FastAPI, db: AsyncSession, here: Desk, elsewhere: Desk
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"reveals_per_staff": 2})
    number = resident_id()
    await elsewhere.enrol(number, phone=PHONE)
    patient = await here.enrol(number)
    slot = await make_slot(db, clinic=here.clinic, fee_fen=0)
    await db.commit()
    made = (await here.post("/appointments", slot_id=str(slot.id), patient_id=patient)).json()
    path = f"/appointments/{made['id']}/reveal"

    without = await here.post(path, field="phone")
    shown = [await here.post(path, field=name, reason="电话联系") for name in ("phone", "name", "name")]

    assert without.status_code == 422
    assert [answer.status_code for answer in shown] == [200, 200, 429]
    assert shown[0].json() == {"value": None}
    seen = [{"field": name, "reason": "电话联系"} for name in ("phone", "name")]
    assert await trail(db, here, "appointment.reveal") == [("appointment.reveal", data) for data in seen]
    told = [("person.reveal", {**data, "by_hospital": here.clinic.hospital_id}) for data in seen]
    assert await trail(db, elsewhere, "person.reveal") == told
