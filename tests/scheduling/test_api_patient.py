from __future__ import annotations

import datetime as dt
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Campus, DoctorLevel
from guahao.catalog.service import FeeRow, upsert_fee
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import Bucket, HolidayRule, Period, SessionState
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.days import today
from tests.factories.scheduling import LONG_AGO, make_clinic, make_session, slots_of, template_row

pytestmark = pytest.mark.anyio


async def test_a_doctors_sessions_tell_each_slot_and_whether_it_can_be_booked(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    session = await make_session(
        db, clinic=clinic, capacity=3, slots=2, room="301", pools={Bucket.ELDERLY: 1}
    )
    first, second = await slots_of(db, session)
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")

    assert answer.status_code == 200
    [shown] = answer.json()["items"]
    slots = shown.pop("slots")
    assert shown == {
        "id": str(session.id),
        "date": session.date.isoformat(),
        "period": "morning",
        "level": "general",
        "fee_fen": 5000,
        "state": "released",
        "release_at": session.release_at.isoformat().replace("+00:00", "Z"),
        "campus": {"id": str(clinic.campus_id), "name": "本院"},
        "room": "301",
        "department": {"id": str(clinic.department_id), "name": "内科"},
    }
    assert [
        (slot["id"], slot["capacity"], slot["free"], slot["bookable"], slot["reason"]) for slot in slots
    ] == [
        (str(first.id), 3, 2, True, None),
        (str(second.id), 3, 2, True, None),
    ]


@pytest.mark.parametrize(
    ("overrides", "state", "reason"),
    [
        ({"released": False}, "published", "not-released"),
        ({"pools": {Bucket.BOOKED: 5}}, "released", "full"),
        ({"state": SessionState.SUSPENDED}, "suspended", "suspended"),
        ({"state": SessionState.FINISHED}, "closed", "closed"),
    ],
)
async def test_a_slot_that_cannot_be_booked_says_why(
    db: AsyncSession, client: httpx.AsyncClient, overrides: dict[str, object], state: str, reason: str
) -> None:
    session = await make_session(db, **overrides)
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{session.doctor_id}/sessions")

    [shown] = answer.json()["items"]
    assert shown["state"] == state
    assert [(slot["bookable"], slot["reason"]) for slot in shown["slots"]] == [(False, reason)]


async def test_drafts_are_not_shown(db: AsyncSession, client: httpx.AsyncClient) -> None:
    session = await make_session(db, state=SessionState.DRAFT)
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{session.doctor_id}/sessions")

    assert answer.json() == {"items": [], "next_cursor": None}


async def test_only_the_days_asked_for_are_answered(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    for days in (1, 2, 3):
        await make_session(db, clinic=clinic, days=days)
    await db.commit()

    answer = await client.get(
        f"/api/v1/doctors/{clinic.doctor_id}/sessions",
        params={"from": str(today() + timedelta(days=2)), "to": str(today() + timedelta(days=2))},
    )

    assert [one["date"] for one in answer.json()["items"]] == [str(today() + timedelta(days=2))]


@pytest.mark.parametrize(("first", "last"), [(0, 62), (1, 0)])
async def test_a_range_too_long_or_backwards_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, first: int, last: int
) -> None:
    clinic = await make_clinic(db)
    await db.commit()

    answer = await client.get(
        f"/api/v1/doctors/{clinic.doctor_id}/sessions",
        params={"from": str(today() + timedelta(days=first)), "to": str(today() + timedelta(days=last))},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "range-too-long")


@pytest.mark.parametrize(
    "id_",
    ["7", "x", "01a20506-f37e-8e74-8000-02412a38c3a0", "01a20506-f37e-83d1-8000-0071e1725923"],
)
async def test_unknown_doctors_and_departments_are_not_found(
    db: AsyncSession, client: httpx.AsyncClient, id_: str
) -> None:
    await make_clinic(db)
    await db.commit()

    for path in (f"/api/v1/doctors/{id_}/sessions", f"/api/v1/departments/{id_}/doctors"):
        answer = await client.get(path)

        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_departments_doctors_are_told_in_one_word_a_day(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, days=1, capacity=4, pools={Bucket.HELD: 1}, fee_fen=3000)
    await make_session(db, clinic=clinic, days=2, pools={Bucket.BOOKED: 5})
    await make_session(db, clinic=clinic, days=3, state=SessionState.SUSPENDED)
    await make_session(db, clinic=clinic, days=4, released=False)
    await db.commit()

    answer = await client.get(f"/api/v1/departments/{clinic.department_id}/doctors")

    [doctor] = answer.json()["items"]
    assert (doctor["id"], doctor["name"], doctor["level"]) == (str(clinic.doctor_id), "张医生", "general")
    assert [(day["date"], day["state"], day["free"], day["fee_fen"]) for day in doctor["days"]] == [
        (str(today() + timedelta(days=1)), "available", 3, 3000),
        (str(today() + timedelta(days=2)), "full", 0, 5000),
        (str(today() + timedelta(days=3)), "suspended", 0, 5000),
        (str(today() + timedelta(days=4)), "upcoming", 0, 5000),
    ]


async def test_with_a_date_only_the_doctors_of_that_day_are_listed(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, days=1)
    await db.commit()
    path = f"/api/v1/departments/{clinic.department_id}/doctors"

    there = await client.get(path, params={"date": str(today() + timedelta(days=1))})
    not_there = await client.get(path, params={"date": str(today() + timedelta(days=2))})

    assert [len(one["days"]) for one in there.json()["items"]] == [1]
    assert not_there.json()["items"] == []


@pytest.mark.parametrize("query", ["from=x", "to=2026-13-01", "from=1999-12-31", "to=9999-12-31", "from="])
async def test_a_date_that_is_none_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, query: str
) -> None:
    clinic = await make_clinic(db)
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_each_level_has_the_fee_of_its_level(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db, prices=False)
    fees = {DoctorLevel.GENERAL: 2000, DoctorLevel.EXPERT: 5000, DoctorLevel.SPECIAL: 30000}
    soon = today() + timedelta(days=2)
    for period, hour, (level, fee_fen) in zip(Period, (8, 14, 18), fees.items(), strict=True):
        price = FeeRow(level=level, fee_fen=fee_fen, effective_from=LONG_AGO.date())
        await upsert_fee(db, hospital_id=clinic.hospital_id, row=price)
        row = template_row(
            clinic,
            level=level,
            own_level=True,
            period=period,
            weekday=soon.weekday(),
            on_holidays=HolidayRule.OPEN,
            starts=dt.time(hour),
            ends=EndTime.at(dt.time(hour + 1)),
        )
        await upsert_template(db, row, by="staff:test", now=utc_now())
    await materialise(db, hospital_id=clinic.hospital_id, now=utc_now())
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")

    shown = [(one["level"], one["fee_fen"]) for one in answer.json()["items"] if one["date"] == str(soon)]
    assert shown == [("general", 2000), ("expert", 5000), ("special", 30000)]


async def test_a_doctor_of_two_campuses_is_shown_where_each_session_is(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    east = Campus(hospital_id=clinic.hospital_id, id=new_id(clinic.hospital_id), code="east", name="东院区")
    db.add(east)
    await db.flush()
    await make_session(db, clinic=clinic, days=2)
    await make_session(db, clinic=clinic, days=3, campus_id=east.id, room="302")
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")

    assert [one["campus"] for one in answer.json()["items"]] == [
        {"id": str(clinic.campus_id), "name": "本院"},
        {"id": str(east.id), "name": "东院区"},
    ]


@pytest.mark.parametrize(
    ("rules", "days", "reason"),
    [
        ({"quiet_from": "00:00:00", "quiet_until": "23:59:59.999999"}, 3, "booking-closed-now"),
        ({"next_day_stop_time": "00:00:00"}, 1, "too-late-for-tomorrow"),
        ({"next_day_stop_time": "00:00:00"}, 2, None),
    ],
)
async def test_a_slot_is_bookable_only_at_the_hours_of_the_rules(
    db: AsyncSession, client: httpx.AsyncClient, rules: dict[str, str], days: int, reason: str | None
) -> None:
    clinic = await make_clinic(db, rules=rules)
    await make_session(db, clinic=clinic, days=days)
    await db.commit()

    answer = await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")

    (slot,) = answer.json()["items"][0]["slots"]
    assert (slot["bookable"], slot["reason"]) == (reason is None, reason)
