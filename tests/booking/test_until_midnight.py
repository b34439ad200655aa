"""The last place of a clinic until midnight: found, booked, shown, listed by its day and cancelled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.value.hours import read_end
from guahao.scheduling.models import Bucket, ClinicSession, Period, Slot
from guahao.scheduling.service.publish import ExtraSession, add_session
from tests.factories.booking import Booker, make_booker, name_everybody
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, counters, make_clinic, slots_of

pytestmark = pytest.mark.anyio
DAY = local_date(utc_now()) + timedelta(days=2)
NEXT = DAY + timedelta(days=1)
PATH = "/api/v1/appointments"


async def evening(db: AsyncSession, clinic: Clinic) -> ClinicSession:
    wanted = ExtraSession(
        doctor_id=clinic.doctor_id,
        department_id=clinic.department_id,
        campus_id=clinic.campus_id,
        date=DAY,
        period=Period.EVENING,
        starts=dt.time(18),
        ends=read_end("24:00"),
        slot_min=30,
        capacity_per_slot=6,
        room="301",
        level="general",
    )
    return await add_session(
        db, wanted, hospital_id=clinic.hospital_id, is_draft=False, by="staff:test", now=utc_now()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A free evening clinic, its last slot, somebody who books and who sits at the desk."""

    clinic: Clinic
    last: Slot
    booker: Booker
    desk: dict[str, str]

    @property
    def wish(self) -> dict[str, str]:
        return {"slot_id": str(self.last.id), "patient_id": str(self.booker.patient_id)}


@pytest.fixture
async def stage(app: FastAPI, db: AsyncSession) -> Stage:
    none = dict.fromkeys(("elderly_percent", "referral_percent", "cooling_min_min", "cooling_max_min"), 0)
    clinic = await make_clinic(db, fee_fen=0, rules=none | {"cancel_deadline_days_before": 0})
    booker, desk = await make_booker(db), await staff_headers(db, hospital_id=clinic.hospital_id)
    last = (await slots_of(db, await evening(db, clinic)))[-1]
    await name_everybody(db, app.state.key_ring)
    return Stage(clinic=clinic, last=last, booker=booker, desk=desk)


async def of_days(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], *, names: tuple[str, ...], **params: Any
) -> list[Any]:
    """What a list answers for the day of the clinic, and for the next."""
    answers = [
        await client.get(path, params=dict.fromkeys(names, str(day)) | params, headers=headers)
        for day in (DAY, NEXT)
    ]
    return [answer.json()["items"] for answer in answers]


async def test_the_last_place_before_midnight_is_found_on_its_day_and_booked(
    client: httpx.AsyncClient, stage: Stage
) -> None:
    doctor = f"/api/v1/doctors/{stage.clinic.doctor_id}/sessions"

    [session], next_day = await of_days(client, doctor, {}, names=("from", "to"))
    booked = await client.post(PATH, json=stage.wish, headers=stage.booker.headers)
    again = await client.post(PATH, json=stage.wish, headers=stage.booker.headers)

    assert next_day == []
    assert [(slot["free"], slot["bookable"]) for slot in session["slots"]] == [(6, True)] * 12
    assert session["slots"][-1]["id"] == str(stage.last.id)
    assert (booked.status_code, booked.json()["state"]) == (201, "booked")
    assert (again.status_code, again.json()["code"]) == (409, "already-booked")


async def test_the_last_place_before_midnight_is_shown_listed_and_cancelled(
    client: httpx.AsyncClient, db: AsyncSession, stage: Stage
) -> None:
    patient = stage.booker.headers
    booked = (await client.post(PATH, json=stage.wish, headers=patient)).json()
    one = f"{PATH}/{booked['id']}"

    shown = (await client.get(one, headers=patient)).json()
    listed = await of_days(
        client,
        "/api/v1/staff/appointments",
        stage.desk,
        names=("date",),
        hospital_id=stage.clinic.hospital_id,
    )
    cancelled = await client.post(f"{one}/cancel", headers=patient)

    assert (shown["date"], shown["allowed"]["cancel"]) == (str(DAY), True)
    assert shown["allowed"]["cancel_counts"] is False
    assert dt.datetime.fromisoformat(shown["ends_at"]) == at_local(NEXT, dt.time())
    assert [[row["date"] for row in rows] for rows in listed] == [[str(DAY)], []]
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled_by_patient")
    assert await counters(db, stage.last.id) == {Bucket.FREE.value: 6}
