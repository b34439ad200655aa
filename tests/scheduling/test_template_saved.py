"""Saving a weekly clinic tells on which of the coming days it gives no session, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Campus, Department, Doctor
from guahao.kernel.clock import local_date, utc_now
from guahao.scheduling.policy.sight import when_text
from guahao.scheduling.service.materialise import materialise
from tests.factories.booking import book, make_booker
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic, make_session, slots_of

pytestmark = pytest.mark.anyio


def body(clinic: Clinic, **overrides: Any) -> dict[str, Any]:
    day = local_date(utc_now()) + timedelta(days=3)
    return {
        "doctor_id": str(clinic.doctor_id),
        "department_id": str(clinic.department_id),
        "campus_id": str(clinic.campus_id),
        "weekday": day.weekday(),
        "valid_from": day.isoformat(),
        "on_holidays": "open",
        "period": "morning",
        "starts": "08:00",
        "ends": "10:00",
        "slot_min": 30,
        "capacity_per_slot": 5,
        "room": "301",
        "level": "general",
    } | overrides


async def save(
    db: AsyncSession, client: httpx.AsyncClient, clinic: Clinic, **overrides: Any
) -> dict[str, Any]:
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/templates"
    answer = await client.post(path, json=body(clinic, **overrides), headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("model", "own", "code"),
    [
        (Doctor, "doctor_id", "doctor-inactive"),
        (Department, "department_id", "department-closed"),
        (Campus, "campus_id", "campus-closed"),
    ],
)
async def test_a_clinic_where_nothing_can_be_had_says_so_for_every_day(
    db: AsyncSession, client: httpx.AsyncClient, model: Any, own: str, code: str
) -> None:
    clinic = await make_clinic(db)
    await db.execute(update(model).where(model.id == getattr(clinic, own)).values(is_active=False))

    saved = await save(db, client, clinic)

    assert {day["refused"]["code"] for day in saved["not_made"]} == {code}
    assert len(saved["not_made"]) in (2, 3)
    assert await materialise(db, hospital_id=clinic.hospital_id, now=utc_now()) == 0


async def test_a_clinic_that_gives_all_its_sessions_has_nothing_to_say(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)

    saved = await save(db, client, clinic)

    assert saved["not_made"] == []
    assert await materialise(db, hospital_id=clinic.hospital_id, now=utc_now()) in (2, 3)


@pytest.mark.parametrize("people", [0, 2])
async def test_a_session_in_the_way_is_named_with_its_people(
    db: AsyncSession, client: httpx.AsyncClient, people: int
) -> None:
    clinic = await make_clinic(db)
    other = await make_session(db, clinic=clinic, days=3, slots=2)
    for _ in range(people):
        await book(db, await make_booker(db), (await slots_of(db, other))[0].id)

    saved = await save(db, client, clinic)

    told = f"（已有 {people} 位患者预约或正在付款）" if people else ""
    when = when_text(other.starts_at, other.ends_at)
    (refused,) = [day["refused"] for day in saved["not_made"]]
    assert (refused["code"], refused["session_id"]) == ("doctor-busy", str(other.id))
    assert refused["title"] == f"张医生在 {when} 已在{other.room}出诊{told}，请换一个时间或换一位医生"
