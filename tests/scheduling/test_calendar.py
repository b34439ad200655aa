from __future__ import annotations

import datetime as dt
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import Bucket, SessionState
from tests.factories.catalog import staff_headers
from tests.factories.days import today
from tests.factories.scheduling import make_clinic, make_session

pytestmark = pytest.mark.anyio


async def test_the_calendar_shows_doctors_by_days_with_how_full_each_session_is(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    idle = await make_clinic(db, hospital_id=clinic.hospital_id)
    session = await make_session(
        db, clinic=clinic, slots=2, capacity=10, days=3, pools={Bucket.BOOKED: 3, Bucket.DESK: 2}
    )
    await make_session(db, clinic=clinic, days=3, starts=dt.time(14), state=SessionState.DRAFT)
    await make_session(db, clinic=clinic, days=9)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id, role="nurse")
    await db.commit()

    answer = await client.get(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/calendar",
        params={"from": str(today()), "to": str(today() + timedelta(days=6))},
        headers=headers,
    )

    shown = answer.json()
    assert answer.status_code == 200
    assert [day["date"] for day in shown["days"]] == [str(today() + timedelta(days=n)) for n in range(7)]
    assert [row["doctor_id"] for row in shown["rows"]] == [str(clinic.doctor_id)]
    cells = shown["rows"][0]["cells"]
    assert cells[0]["session_id"] == str(session.id)
    names = ("capacity", "taken", "free", "state", "version", "from_template")
    assert [[cell[name] for name in names] for cell in cells] == [
        [20, 6, 10, "released", 1, False],
        [5, 0, 5, "draft", 1, False],
    ]
    assert [one["id"] for one in shown["departments"]] == [str(clinic.department_id)]
    assert str(idle.doctor_id) not in answer.text


async def test_a_department_shows_its_doctors_who_have_no_session_too(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await make_session(db, clinic=replace(other, department_id=clinic.department_id))
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/calendar"
    days = {"from": str(today()), "to": str(today() + timedelta(days=6))}

    of_department = await client.get(
        path, params=days | {"department_id": str(clinic.department_id)}, headers=headers
    )
    of_doctor = await client.get(path, params=days | {"doctor_id": str(other.doctor_id)}, headers=headers)

    assert {row["doctor_id"]: len(row["cells"]) for row in of_department.json()["rows"]} == {
        str(clinic.doctor_id): 0,
        str(other.doctor_id): 1,
    }
    assert [row["doctor_id"] for row in of_doctor.json()["rows"]] == [str(other.doctor_id)]


async def test_holidays_and_made_up_days_are_named(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.get(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/calendar",
        params={"from": "2025-09-27", "to": "2025-10-01"},
        headers=headers,
    )

    assert [(day["holiday"], day["made_up"]) for day in answer.json()["days"]] == [
        (None, False),
        (None, True),
        (None, False),
        (None, False),
        ("国庆节", False),
    ]


@pytest.mark.parametrize(("since", "until"), [(0, 42), (3, 2)])
async def test_more_than_six_weeks_or_none_are_refused(
    db: AsyncSession, client: httpx.AsyncClient, since: int, until: int
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.get(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/calendar",
        params={"from": str(today() + timedelta(days=since)), "to": str(today() + timedelta(days=until))},
        headers=headers,
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "range-too-long")


async def test_a_foreign_department_shows_nobody(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic, foreign = await make_clinic(db), await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.get(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/calendar",
        params={"from": str(today()), "to": str(today()), "department_id": str(foreign.department_id)},
        headers=headers,
    )

    assert (answer.status_code, answer.json()["rows"]) == (200, [])
