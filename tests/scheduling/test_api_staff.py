from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Bucket, ScheduleTemplate, SessionAddon
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, counters, make_clinic, make_session, slots_of
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
DAY = local_date(utc_now()) + timedelta(days=5)


def clinic_body(clinic: Clinic, **overrides: object) -> dict[str, Any]:
    body = {
        "doctor_id": str(clinic.doctor_id),
        "department_id": str(clinic.department_id),
        "campus_id": str(clinic.campus_id),
        "period": "morning",
        "starts": "08:00",
        "ends": "10:00",
        "slot_min": 30,
        "capacity_per_slot": 5,
        "room": "301",
        "level": "general",
    }
    return body | overrides


def template_body(clinic: Clinic, **overrides: object) -> dict[str, Any]:
    return clinic_body(clinic, **{"weekday": 0, "valid_from": "2026-01-01", **overrides})


async def test_a_template_of_foreign_people_or_rooms_is_not_previewed(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic, foreign = await make_clinic(db), await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/template-previews"

    own = await client.post(path, json=template_body(clinic), headers=headers)
    theirs = [
        await client.post(path, json=template_body(clinic, **{name: str(id_)}), headers=headers)
        for name, id_ in (
            ("doctor_id", foreign.doctor_id),
            ("department_id", foreign.department_id),
            ("campus_id", foreign.campus_id),
        )
    ]

    assert own.status_code == 200
    assert {answer.status_code for answer in theirs} == {404}


async def test_a_template_is_saved_listed_and_saved_again(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/templates"

    first = await client.put(path, json=template_body(clinic), headers=headers)
    second = await client.put(path, json=template_body(clinic, room="405"), headers=headers)

    listed = await client.get(path, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["id"] == second.json()["id"]
    assert listed.json()["items"] == [
        {name: value for name, value in second.json().items() if name != "not_made"}
    ]
    assert (second.json()["room"], second.json()["starts"], second.json()["on_holidays"]) == (
        "405",
        "08:00",
        "closed",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends": "08:00"},
        {"starts": "08:00+08:00"},
        {"slot_min": 31},
        {"capacity_per_slot": 0},
        {"weekday": 7},
        {"room": ""},
        {"room": "3\u000001"},
        {"level": "vip"},
        {"valid_until": "2026-01-01"},
        {"doctor_id": "7"},
        {"unknown": 1},
    ],
)
async def test_a_wrong_template_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.put(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/templates",
        json=template_body(clinic, **wrong),
        headers=headers,
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert await db.scalar(select(func.count()).select_from(ScheduleTemplate)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "changed"},
        {"kind": "substitute"},
        {"kind": "substitute", "substitute_id": str(new_id(1))},
        {"kind": "follow_weekday"},
        {"kind": "follow_weekday", "weekday": 1, "doctor_id": str(new_id(1))},
        {"kind": "cancelled", "doctor_id": str(new_id(1)), "template_id": str(new_id(1))},
        {"kind": "cancelled", "weekday": 1},
    ],
)
async def test_an_incomplete_exception_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.post(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/exceptions",
        json={"date": str(DAY), "reason": "停电检修", **wrong},
        headers=headers,
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_an_exception_is_added_listed_and_taken_back(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/exceptions"
    body = {"date": str(DAY), "kind": "follow_weekday", "weekday": 2, "reason": "按周三出诊"}

    made = await client.post(path, json=body, headers=headers)
    twice = await client.post(path, json=body, headers=headers)
    listed = await client.get(path, headers=headers)
    gone = await client.delete(f"/api/v1/staff/exceptions/{made.json()['id']}", headers=headers)
    after = await client.get(path, headers=headers)

    assert (made.status_code, twice.status_code, gone.status_code) == (201, 409, 204)
    assert twice.json()["code"] == "schedule-exception-exists"
    assert made.json()["sessions_changed"] == 0
    assert listed.json()["items"] == [
        {name: value for name, value in made.json().items() if name != "sessions_changed"}
    ]
    assert after.json()["items"] == []


async def test_a_draft_is_added_published_suspended_and_resumed(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    body = clinic_body(clinic, date=str(DAY), is_draft=True)

    made = await client.post(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/sessions", json=body, headers=headers
    )
    path = f"/api/v1/staff/sessions/{made.json()['id']}"
    states = [made.json()["state"]]
    for step, sent in (("publish", None), ("suspend", {"reason": "医生生病"}), ("resume", None)):
        answer = await client.post(f"{path}/{step}", json=sent, headers=headers)
        states.append(answer.json()["state"])
        if step == "publish":
            free = [slot["free"] for slot in answer.json()["slots"]]

    assert made.status_code == 201
    assert states == ["draft", "released", "suspended", "released"]
    listed = await client.get(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/sessions",
        params={"date": str(DAY), "department_id": str(clinic.department_id)},
        headers=headers,
    )
    assert [one["id"] for one in listed.json()["items"]] == [made.json()["id"]]
    assert [slot["free"] for slot in listed.json()["items"][0]["slots"]] == free
    assert [slot["frozen"] for slot in listed.json()["items"][0]["slots"]] == [0, 0, 0, 0]
    actions = await db.scalars(select(AuditEntryRow.action).order_by(AuditEntryRow.id))
    assert actions.all() == ["session.add", "session.publish", "session.suspended", "session.resumed"]


async def test_an_add_on_with_a_key_is_added_once(db: AsyncSession, client: httpx.AsyncClient) -> None:
    session = await make_session(db, capacity=20)
    (slot,) = await slots_of(db, session)
    member = await make_staff(db, Role.DOCTOR, hospital_id=session.hospital_id, doctor_id=session.doctor_id)
    headers = await staff_header(db, member.id)
    await db.commit()
    body = {"slot_id": str(slot.id), "places": 1, "reason": "术后复查"}
    path = f"/api/v1/staff/sessions/{session.id}/addons"

    answers = [
        await client.post(path, json=body, headers={**headers, "Idempotency-Key": "one"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert await counters(db, slot.id) == {"addons": 1, "free": 20, "desk": 1}
    listed = await client.get(path, headers=headers)
    assert listed.json()["items"] == [answers[0].json()]


async def test_staff_of_another_hospital_find_nothing(db: AsyncSession, client: httpx.AsyncClient) -> None:
    session = await make_session(db, pools={Bucket.BOOKED: 1})
    (slot,) = await slots_of(db, session)
    foreign = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=foreign.hospital_id)
    await db.commit()
    hospital, one = f"/api/v1/staff/hospitals/{session.hospital_id}", f"/api/v1/staff/sessions/{session.id}"
    clinic = Clinic(
        hospital_id=session.hospital_id,
        campus_id=session.campus_id,
        department_id=session.department_id,
        doctor_id=session.doctor_id,
    )

    answers = [
        await client.get(f"{hospital}/templates", headers=headers),
        await client.put(f"{hospital}/templates", json=template_body(clinic), headers=headers),
        await client.get(f"{hospital}/sessions", params={"date": str(DAY)}, headers=headers),
        await client.get(one, headers=headers),
        await client.post(f"{one}/suspend", json={"reason": "医生生病"}, headers=headers),
        await client.post(f"{one}/resume", headers=headers),
        await client.post(f"{one}/publish", headers=headers),
        await client.post(
            f"{one}/addons", json={"slot_id": str(slot.id), "places": 1, "reason": "复查"}, headers=headers
        ),
        await client.put(
            f"/api/v1/staff/hospitals/{foreign.hospital_id}/templates",
            json=template_body(clinic),
            headers=headers,
        ),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not-found")] * 9
    assert await counters(db, slot.id) == {"free": 4, "booked": 1}
    assert await db.scalar(select(func.count()).select_from(SessionAddon)) == 0


@pytest.mark.parametrize(("role", "expected"), [("nurse", 403), ("desk", 403), ("finance", 403), (None, 401)])
async def test_only_planners_suspend(
    db: AsyncSession, client: httpx.AsyncClient, role: str | None, expected: int
) -> None:
    session = await make_session(db)
    (slot,) = await slots_of(db, session)
    headers = await staff_headers(db, hospital_id=session.hospital_id, role=role) if role else {}
    await db.commit()

    answer = await client.post(
        f"/api/v1/staff/sessions/{session.id}/suspend", json={"reason": "医生生病"}, headers=headers
    )

    assert answer.status_code == expected
    assert await counters(db, slot.id) == {"free": 5}
