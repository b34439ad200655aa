from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking.api_staff.sought import sealed
from guahao.booking.models import Appointment, BookingBlock, CreditEvent
from guahao.identity.models.person import Person
from guahao.identity.policy.finding import name_index
from guahao.identity.queries import people
from guahao.identity.queries.names import patient_names
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.notification.models import Notice, NoticeState
from guahao.payment.queries import orders_by_ids
from guahao.scheduling.models import Bucket, Slot
from tests.factories.booking import Booker, book, hold, make_booker, name_everybody
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.person import make_patient
from tests.factories.scheduling import Clinic, counters, make_clinic, make_session, make_slot, slots_of

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
BOOKINGS = f"{STAFF}/appointments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A desk with a hospital behind it."""

    client: httpx.AsyncClient
    clinic: Clinic
    headers: dict[str, str]

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=self.headers)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers)

    async def ids(self, **params: Any) -> list[str]:
        answer = await self.get(BOOKINGS, hospital_id=self.clinic.hospital_id, **params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]


@pytest.fixture
async def counter(client: httpx.AsyncClient, db: AsyncSession) -> Counter:
    clinic = await make_clinic(db, rules={"cancel_pause_count": 1})
    headers = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    await db.commit()
    return Counter(client=client, clinic=clinic, headers=headers)


async def three(db: AsyncSession, app: FastAPI, counter: Counter) -> list[Appointment]:
    made = []
    for days in (3, 1, 2):
        slot = await make_slot(db, clinic=counter.clinic, fee_fen=0, days=days)
        made.append(await book(db, await make_booker(db), slot.id))
    await name_everybody(db, app.state.key_ring)
    return made


async def test_bookings_are_sorted_and_paged_by_time_of_visit_and_of_booking(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    third, first, second = (str(row.id) for row in await three(db, app, counter))

    assert await counter.ids() == [third, second, first]
    assert await counter.ids(sort="starts_at") == [first, second, third]
    assert await counter.ids(sort="created_at") == [third, first, second]
    page = (await counter.get(BOOKINGS, hospital_id=counter.clinic.hospital_id, limit=2)).json()
    rest = await counter.ids(limit=2, cursor=page["next_cursor"])
    assert ([item["id"] for item in page["items"]], page["total"], rest) == ([third, second], 3, [first])
    assert page["items"][0]["patient"]["name"] == "王*明"
    unknown = await counter.get(BOOKINGS, hospital_id=counter.clinic.hospital_id, sort="name")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "sort-unknown")


async def test_bookings_are_found_by_day_doctor_number_person_and_state(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    rows = await three(db, app, counter)
    row, other = rows[0], rows[1]
    mine, day = [str(row.id)], row.date.isoformat()
    await counter.post(f"{BOOKINGS}/{other.id}/cancel", reason="hospital")

    assert await counter.ids(date=day) == mine
    assert await counter.ids(**{"from": day, "to": day}) == mine
    assert await counter.ids(date=day, number=str(row.number)) == mine
    assert await counter.ids(number=str(row.id)) == mine
    assert await counter.ids(number="1") == []
    assert await counter.ids(person_id=str(row.person_id)) == mine
    assert await counter.ids(patient_id=str(row.patient_id)) == mine
    assert await counter.ids(session_id=str(row.session_id)) == mine
    assert len(await counter.ids(doctor_id=str(row.doctor_id))) == 3
    assert len(await counter.ids(department_id=str(row.department_id), state=["booked", "held"])) == 2
    assert await counter.ids(state="cancelled_by_hospital") == [str(other.id)]
    assert await counter.ids(channel="phone") == []


async def test_the_list_as_a_file_is_masked_and_stands_in_the_trail(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    await three(db, app, counter)

    answer = await counter.get(f"{BOOKINGS}.csv", hospital_id=counter.clinic.hospital_id, state="booked")

    lines = answer.content.decode("utf-8-sig").splitlines()
    assert (answer.status_code, len(lines), lines[1].split(",")[3]) == (200, 4, "王*明")
    entry = await db.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "list.export"))
    assert entry is not None
    assert entry.data == {"form": "csv", "filters": {"state": ["booked"]}, "rows": 3}
    xlsx = await counter.get(f"{BOOKINGS}.xlsx", hospital_id=counter.clinic.hospital_id)
    assert xlsx.content[:2] == b"PK"


async def test_orders_and_names_are_found_for_more_rows_than_a_statement_can_name(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    made = await three(db, app, counter)
    others = [uuid4() for _ in range(33_000)]

    orders = await orders_by_ids(db, [*others, *(row.order_id for row in made)])
    names = await patient_names(db, [*others, *(row.patient_id for row in made)], key_ring=app.state.key_ring)

    assert orders.keys() == {row.order_id for row in made}
    assert names == {row.patient_id: "王*明" for row in made}


async def test_people_are_found_by_their_whole_document_number_or_name_only(
    client: httpx.AsyncClient, db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    await db.commit()
    person = await enrol(counter, name="欧阳明", document_number="11010119900307803X", phone="13812348000")
    hospital = counter.clinic.hospital_id

    async def found(path: str, text: str) -> list[str]:
        answer = await counter.post(f"{STAFF}/{path}", hospital_id=hospital, text=text)
        assert answer.status_code == 200, answer.text
        return [item["patient_id"] for item in answer.json()["items"]]

    for text in ("11010119900307803x", "１３８12348000"):
        assert await found("desk/people", text) == [person]
    assert await found("desk/people", "欧阳明") == []
    assert await found("appointments/people", "欧阳明") == []
    await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=person)
    assert await found("appointments/people", "欧阳明") == [person]
    assert await found("appointments/people", "欧阳") == []
    assert await found("desk/people", "1381234800") == []
    looked = await db.scalar(
        select(func.count()).select_from(AuditEntryRow).where(AuditEntryRow.action == "person.find")
    )
    assert looked == 2
    foreign = await staff_headers(db, hospital_id=await make_hospital(db), role="desk")
    await db.commit()
    refused = await client.post(
        f"{STAFF}/desk/people", json={"hospital_id": hospital, "text": "13812348000"}, headers=foreign
    )
    assert refused.status_code == 404


async def test_a_renewed_permit_is_the_same_person_to_the_limits(db: AsyncSession, counter: Counter) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    await db.commit()
    papers = {"document_type": "hk_macao_permit", "birth_date": "1980-05-06", "sex": "male", "name": "陈大文"}

    answers = []
    for number in ("H5566778801", "H5566778802", "H55667788"):
        patient = await enrol(counter, document_number=number, **papers)
        answers.append(await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient))

    assert answers[0].status_code == 201
    assert [(one.status_code, one.json()["code"]) for one in answers[1:]] == [(409, "already-booked")] * 2
    assert await counters(db, slot.id) == {"booked": 1, "free": 4}


async def test_a_name_is_found_with_the_dot_that_was_typed_at_enrolment(
    db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    await db.commit()
    patient = await enrol(counter, name="吐尔逊\u2022艾力", document_number="11010119900307803X")
    await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient)

    for typed in ("吐尔逊\u2022艾力", "吐尔逊·艾力", "吐尔逊.艾力"):
        answer = await counter.post(f"{BOOKINGS}/people", hospital_id=counter.clinic.hospital_id, text=typed)
        assert [one["patient_id"] for one in answer.json()["items"]] == [patient], typed


async def test_one_person_by_account_and_by_desk_at_once_has_one_place(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    session = await make_session(db, clinic=counter.clinic, slots=2, fee_fen=0)
    early, late = await slots_of(db, session)
    booker = await make_booker(db)
    person = await db.get_one(Person, booker.person_id)
    known = await make_patient(db, None, person=person, hospital_id=counter.clinic.hospital_id)
    await name_everybody(db, app.state.key_ring)
    ways = [
        ("/api/v1/appointments", booker.patient_id, booker.headers),
        (BOOKINGS, known.id, counter.headers),
    ]

    answers = await asyncio.gather(
        *(
            counter.client.post(path, json={"slot_id": str(slot.id), "patient_id": str(who)}, headers=headers)
            for path, who, headers in ways
            for slot in (early, late)
        )
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409], [one.text for one in answers]
    taken = [await counters(db, slot.id) for slot in (early, late)]
    assert sorted(one.get("booked", 0) for one in taken) == [0, 1]
    assert sum(one["free"] for one in taken) == 9


async def test_all_bookings_of_a_common_name_are_found_page_by_page(
    app: FastAPI, db: AsyncSession, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_MOST_SHOWN", 2)
    rows = await three(db, app, counter)
    rows += await three(db, app, replace(counter, clinic=await make_clinic(db)))
    keys: KeyRing = app.state.key_ring
    for person in await db.scalars(select(Person)):
        is_other = person.id == rows[2].person_id
        person.name_index = name_index(keys, "王大明" if is_other else "王小明")
        person.document_sealed = keys.seal("E1234567", field="person.document_sealed", row=person.id)
    await db.commit()
    hospital = counter.clinic.hospital_id

    found = (await counter.post(f"{BOOKINGS}/people", hospital_id=hospital, text="王 小明")).json()
    first = (await counter.get(BOOKINGS, hospital_id=hospital, sought=found["sought"], limit=1)).json()
    second = await counter.ids(sought=found["sought"], limit=1, cursor=first["next_cursor"])

    assert (len(found["items"]), found["has_more"]) == (2, False)
    assert ([first["items"][0]["id"], *second], first["total"]) == ([str(rows[0].id), str(rows[1].id)], 2)
    monkeypatch.setattr(people, "_MOST_SHOWN", 1)
    cut = (await counter.post(f"{BOOKINGS}/people", hospital_id=hospital, text="王小明")).json()
    assert (len(cut["items"]), cut["has_more"]) == (1, True)
    taken = await counter.get(f"{BOOKINGS}.csv", hospital_id=hospital, sought=found["sought"])
    assert len(taken.content.splitlines()) == 3
    data = await db.scalar(select(AuditEntryRow.data).where(AuditEntryRow.action == "list.export"))
    assert data == {"form": "csv", "filters": {"state": [], "sought": True}, "rows": 2}


@pytest.mark.parametrize("sought", ["x", "中文", "====", "AQEAAQ==", "A" * 80])
async def test_what_was_looked_for_is_believed_only_sealed_and_in_its_hospital(
    app: FastAPI, counter: Counter, sought: str
) -> None:
    hospital = counter.clinic.hospital_id
    elsewhere = sealed("王小明", hospital_id=hospital + 1, keys=app.state.key_ring)

    for one in (sought, elsewhere):
        refused = await counter.get(BOOKINGS, hospital_id=hospital, sought=one)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    assert "小明" not in base64.urlsafe_b64decode(elsewhere).decode("utf-8", "ignore")


async def enrol(counter: Counter, **overrides: Any) -> str:
    consents = [{"kind": "sensitive_personal_information", "version": 1}]
    body = {"document_type": "resident_id", "consents": consents} | overrides
    answer = await counter.post(f"{STAFF}/patients", **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_the_file_tells_who_did_what_and_what_every_deed_costs(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=5000)
    await db.commit()
    patient = await enrol(counter, name="欧阳明", document_number="11010119900307803X", phone="13812348000")
    made = (await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient, channel="phone")).json()
    await counter.post(f"{STAFF}/orders/{made['order']['id']}/payments", channel="cash")

    file = (await counter.get(f"{BOOKINGS}/{made['id']}/file")).json()

    assert file["patient"]["name"] == "欧*明"
    assert (file["patient"]["phone"], file["patient"]["age_years"]) == (
        "138****8000",
        age("1990-03-07", slot),
    )
    steps = [(step["action"], step["who"] == "系统", step["after"]) for step in file["timeline"]]
    assert steps == [("appointment.book", False, "booked"), ("paid", False, None)]
    assert file["timeline"][1]["text"] == "收款 ¥50.00（现金）"
    assert [one["channel"] for one in file["money"]["payments"]] == ["cash"]
    deeds = {deed["name"]: deed for deed in file["deeds"]}
    assert deeds["cancel_patient"]["text"] == (
        "退还 ¥50.00，请凭就诊人身份证件到医院收费窗口领取现金；给患者记一次取消"
    )
    assert deeds["cancel_hospital"]["text"].endswith("不计入取消次数")
    assert {name: deed["is_allowed"] for name, deed in deeds.items()} == {
        "pay": False,
        "print": True,
        "reschedule": True,
        "cancel_patient": True,
        "cancel_excused": True,
        "cancel_hospital": True,
        "excuse": False,
        "resend": True,
    }


def age(birth: str, slot: Slot) -> int:
    born, day = date.fromisoformat(birth), local_date(slot.starts_at)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


async def test_a_full_value_is_shown_once_it_is_written_down_who_looked(
    client: httpx.AsyncClient, db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    await db.commit()
    patient = await enrol(counter, name="欧阳明", document_number="11010119900307803X")
    made = (await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient)).json()
    path = f"{BOOKINGS}/{made['id']}/reveal"

    shown = await counter.post(path, field="document_number", reason="核对证件")
    nothing = await counter.post(path, field="phone", reason="电话联系")

    assert (shown.json(), nothing.json()) == ({"value": "11010119900307803X"}, {"value": None})
    rows = await db.scalars(
        select(AuditEntryRow).where(AuditEntryRow.action == "appointment.reveal").order_by(AuditEntryRow.id)
    )
    assert [row.data for row in rows] == [
        {"field": "document_number", "reason": "核对证件"},
        {"field": "phone", "reason": "电话联系"},
    ]
    assert (await counter.post(path, field="name")).status_code == 422
    foreign = await staff_headers(db, hospital_id=await make_hospital(db), role="desk")
    await db.commit()
    refused = await client.post(path, json={"field": "name", "reason": "核对"}, headers=foreign)
    assert refused.status_code == 404
    assert (await counter.post(path, field="address", reason="核对")).status_code == 422


async def late_cancelled(db: AsyncSession, app: FastAPI, counter: Counter) -> tuple[Booker, Appointment]:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    booker = await make_booker(db)
    row = await book(db, booker, slot.id)
    await name_everybody(db, app.state.key_ring)
    await counter.client.post(f"/api/v1/appointments/{row.id}/cancel", headers=booker.headers)
    return booker, row


async def test_excusing_ends_the_pause_it_had_caused(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    _, row = await late_cancelled(db, app, counter)
    path = f"{BOOKINGS}/{row.id}/excuse"

    excused = await counter.post(path, reason="当天住院，家属有证明")
    again = await counter.post(path, reason="当天住院，家属有证明")

    assert (excused.status_code, again.status_code) == (200, 409)
    assert again.json()["code"] == "nothing-to-excuse"
    event = (await db.scalars(select(CreditEvent))).one()
    assert (event.void_reason, event.voided_at is not None) == ("当天住院，家属有证明", True)
    assert [block.lifted_at is not None for block in await db.scalars(select(BookingBlock))] == [True]


async def test_excusing_one_of_two_keeps_the_pause_that_the_other_causes(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    booker, row = await late_cancelled(db, app, counter)
    await db.execute(update(BookingBlock).values(lifted_at=func.now()))
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0, days=6)
    other = await book(db, booker, slot.id)
    await db.commit()
    await counter.client.post(f"/api/v1/appointments/{other.id}/cancel", headers=booker.headers)

    await counter.post(f"{BOOKINGS}/{row.id}/excuse", reason="当天住院，家属有证明")

    running = select(func.count()).select_from(BookingBlock).where(BookingBlock.lifted_at.is_(None))
    assert await db.scalar(running) == 1


async def test_notices_are_planned_anew_and_the_old_ones_called_off(
    app: FastAPI, db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=0)
    row = await book(db, await make_booker(db), slot.id)
    held = await hold(db, await make_booker(db), (await make_slot(db, clinic=counter.clinic, days=7)).id)
    await name_everybody(db, app.state.key_ring)

    first = await counter.post(f"{BOOKINGS}/{row.id}/notices")
    await counter.post(f"{BOOKINGS}/{row.id}/notices")
    refused = await counter.post(f"{BOOKINGS}/{held.appointment_id}/notices")

    assert first.status_code == 200
    planned = select(Notice.kind, Notice.version).where(Notice.state == NoticeState.PLANNED)
    assert sorted(tuple(row) for row in await db.execute(planned)) == [
        ("booked", 3),
        ("day_before", 3),
        ("hours_before", 3),
    ]
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-to-resend")


async def test_the_desk_moves_a_person_and_what_is_paid_stays_paid(
    db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=5000)
    other = await make_slot(db, clinic=counter.clinic, fee_fen=5000, days=6)
    await db.commit()
    patient = await enrol(counter, name="欧阳明", document_number="11010119900307803X")
    made = (await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient)).json()
    path = f"{BOOKINGS}/{made['id']}"

    moved = await counter.post(f"{path}/reschedule", slot_id=str(other.id), channel="phone")

    assert (moved.status_code, moved.json()["state"]) == (201, "booked")
    assert moved.json()["order"]["id"] == made["order"]["id"]
    assert await counters(db, other.id) == {"booked": 1, "free": 4}
    file = (await counter.get(f"{path}/file")).json()
    assert file["appointment"]["state"] == "rescheduled"
    assert file["moved_to"] == moved.json()["id"]
    assert file["timeline"][-1]["after"] == "rescheduled"
    new = (await counter.get(f"{BOOKINGS}/{moved.json()['id']}/file")).json()
    (arrival,) = [step for step in new["timeline"] if step["action"] == "moved-here"]
    assert arrival["who"] == file["timeline"][-1]["who"] != "系统"


async def test_a_place_for_the_elderly_needs_their_age_or_a_reason(
    db: AsyncSession, counter: Counter
) -> None:
    slot = await make_slot(
        db, clinic=counter.clinic, capacity=3, pools={Bucket.ELDERLY: 2, Bucket.FREE: 1}, fee_fen=0
    )
    young = await make_patient(db, None, hospital_id=counter.clinic.hospital_id)
    old = await make_patient(
        db,
        None,
        birth_date=local_date(slot.starts_at) - timedelta(days=61 * 366),
        hospital_id=counter.clinic.hospital_id,
    )
    await db.commit()

    def wish(patient: object, **more: str) -> dict[str, str]:
        return {"slot_id": str(slot.id), "patient_id": str(patient), "pool": "elderly"} | more

    refused = await counter.post(BOOKINGS, **wish(young.id))
    granted = await counter.post(BOOKINGS, **wish(old.id))
    overruled = await counter.post(BOOKINGS, **wish(young.id, overruling_reason="行动不便，护士长同意"))

    assert (refused.status_code, refused.json()["code"]) == (409, "elderly-place-only")
    assert refused.json()["age_years"] == 60
    assert (granted.status_code, overruled.status_code) == (201, 201)
    assert await counters(db, slot.id) == {"booked": 2, "free": 1}


async def test_the_desk_sees_the_days_slots_with_every_pool(db: AsyncSession, counter: Counter) -> None:
    slot = await make_slot(
        db, clinic=counter.clinic, capacity=3, pools={Bucket.ELDERLY: 2, Bucket.FREE: 1}, fee_fen=0
    )
    full = await make_slot(db, clinic=counter.clinic, capacity=0, starts_at=slot.ends_at)
    await db.commit()
    day = local_date(slot.starts_at).isoformat()

    answer = await counter.get(f"{STAFF}/desk/slots", hospital_id=counter.clinic.hospital_id, date=day)

    assert answer.status_code == 200
    shown = {one["id"]: one for session in answer.json()["sessions"] for one in session["slots"]}
    pools = {name: shown[str(slot.id)][name] for name in ("free", "desk", "elderly", "referral", "reason")}
    assert pools == {"free": 1, "desk": 0, "elderly": 2, "referral": 0, "reason": None}
    assert shown[str(full.id)]["reason"] == "full"
    session = answer.json()["sessions"][0]
    assert (session["doctor"]["initials"], session["department"]["initials"]) == ("zys", "nk")


async def test_a_slip_carries_the_code_that_the_door_reads(db: AsyncSession, counter: Counter) -> None:
    slot = await make_slot(db, clinic=counter.clinic, fee_fen=5000)
    await db.commit()
    patient = await enrol(counter, name="欧阳明", document_number="11010119900307803X")
    made = (await counter.post(BOOKINGS, slot_id=str(slot.id), patient_id=patient)).json()

    slip = (await counter.get(f"{BOOKINGS}/{made['id']}/slip")).json()

    read = await counter.get(f"{STAFF}/check-in-codes/{slip['code']}")
    assert (read.json()["id"], slip["is_paid"]) == (made["id"], False)
    assert slip["image"].startswith("data:image/png;base64,")
    await counter.post(f"{BOOKINGS}/{made['id']}/cancel", reason="patient")
    assert (await counter.get(f"{BOOKINGS}/{made['id']}/slip")).json()["code"] == "appointment-ended"
