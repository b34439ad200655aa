"""Exceptions one after the other, before the planner has made what the first one asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import DoctorLevel, FeeItem
from guahao.kernel.clock import local_date, utc_now
from guahao.scheduling.models import ClinicSession, HolidayRule, ScheduleException
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic, make_session, template_row

pytestmark = pytest.mark.anyio


class Office:
    """Two doctors with a weekly clinic each at the same time, and a third one who has none."""

    def __init__(self, db: AsyncSession, client: httpx.AsyncClient) -> None:
        self.db = db
        self.client = client
        self.day = local_date(utc_now()) + timedelta(days=3)
        self.headers: dict[str, str] = {}
        self.clinics: list[Clinic] = []
        self.templates: list[UUID] = []

    async def open(self) -> None:
        first = await make_clinic(self.db, fee_fen=0)
        others = [await make_clinic(self.db, hospital_id=first.hospital_id) for _ in range(2)]
        self.clinics = [first, *(replace(one, campus_id=first.campus_id) for one in others)]
        self.templates = await self.plan(HolidayRule.OPEN)
        self.headers = await staff_headers(self.db, hospital_id=first.hospital_id)

    async def plan(self, on_holidays: HolidayRule) -> list[UUID]:
        made: list[UUID] = []
        for room, clinic in zip(("301", "302"), self.clinics, strict=False):
            row = template_row(clinic, room=room, weekday=self.day.weekday(), on_holidays=on_holidays)
            template_id = await upsert_template(self.db, row, by="system", now=utc_now())
            assert template_id is not None
            made.append(template_id)
        return made

    async def say(self, kind: str, template: int | None, **values: Any) -> httpx.Response:
        await self.db.commit()
        body = {"date": self.day.isoformat(), "kind": kind, "reason": "外出进修", **values}
        if template is not None:
            body["template_id"] = str(self.templates[template])
        path = f"/api/v1/staff/hospitals/{self.clinics[0].hospital_id}/exceptions"
        return await self.client.post(path, json=body, headers=self.headers)

    async def substitute(self, template: int, *, by: int) -> httpx.Response:
        return await self.say("substitute", template, substitute_id=str(self.clinics[by].doctor_id))

    async def move(self, template: int, *, room: str) -> httpx.Response:
        times = {"starts": "08:00", "ends": "10:00", "capacity_per_slot": 5}
        return await self.say("changed", template, room=room, **times)

    async def take_back(self, answer: httpx.Response, **params: str) -> httpx.Response:
        await self.db.commit()
        path = f"/api/v1/staff/exceptions/{answer.json()['id']}"
        return await self.client.delete(path, params=params, headers=self.headers)

    async def sessions(self) -> list[tuple[int, str]]:
        """The sessions of the day, by whom and in which room, once the planner has made them."""
        hospital_id = self.clinics[0].hospital_id
        await materialise(self.db, hospital_id=hospital_id, now=utc_now())
        rows = await self.db.scalars(
            select(ClinicSession)
            .where(ClinicSession.hospital_id == hospital_id, ClinicSession.date == self.day)
            .execution_options(populate_existing=True)
        )
        doctors = [clinic.doctor_id for clinic in self.clinics]
        return sorted((doctors.index(row.doctor_id), row.room) for row in rows)

    async def exceptions(self) -> int:
        return len((await self.db.scalars(select(ScheduleException.id))).all())


@pytest.fixture
async def office(db: AsyncSession, client: httpx.AsyncClient) -> Office:
    office = Office(db, client)
    await office.open()
    assert await office.sessions() == [(0, "301"), (1, "302")]
    return office


async def test_one_substitute_is_not_given_to_two_clinics_of_one_hour(office: Office) -> None:
    first = await office.substitute(0, by=2)
    second = await office.substitute(1, by=2)

    assert [first.status_code, second.status_code] == [201, 409]
    assert second.json()["code"] == "doctor-busy"
    assert second.json()["title"].endswith("08:00–10:00 已在301出诊，请换一个时间或换一位医生")
    assert await office.sessions() == [(1, "302"), (2, "301")]
    assert await office.exceptions() == 1


async def test_a_substitute_for_whom_no_price_is_set_is_refused_and_the_session_stays(
    office: Office,
) -> None:
    of_level = FeeItem.hospital_id == office.clinics[0].hospital_id, FeeItem.doctor_id.is_(None)
    await office.db.execute(
        update(FeeItem)
        .where(*of_level, FeeItem.level == DoctorLevel.GENERAL)
        .values(doctor_id=office.clinics[0].doctor_id)
    )

    answer = await office.substitute(0, by=2)

    assert (answer.status_code, answer.json()["code"]) == (409, "fee-missing")
    assert await office.sessions() == [(0, "301"), (1, "302")]


async def test_one_room_is_not_given_to_two_clinics_of_one_hour(office: Office) -> None:
    first = await office.move(0, room="9 诊室")
    second = await office.move(1, room="9 诊室")

    assert [first.status_code, second.status_code] == [201, 409]
    assert second.json()["code"] == "room-busy"
    assert await office.sessions() == [(0, "9 诊室"), (1, "302")]


async def test_a_clinic_moved_into_an_hour_that_its_doctor_has_given_away_tells_of_the_days_it_loses(
    office: Office,
) -> None:
    hospital_id = office.clinics[0].hospital_id
    await make_session(
        office.db, clinic=office.clinics[0], date=office.day, starts=dt.time(14), slots=4, room="909"
    )
    await office.db.commit()
    of = f"/api/v1/staff/hospitals/{hospital_id}/templates"
    listed = await office.client.get(of, headers=office.headers)
    (template,) = [one for one in listed.json()["items"] if one["id"] == str(office.templates[0])]
    moved = {name: value for name, value in template.items() if name not in {"id", "doctor_name"}}
    moved |= {"starts": "14:00", "ends": "16:00"}

    told = await office.client.put(
        f"/api/v1/staff/templates/{template['id']}", json=moved, headers=office.headers
    )

    on = f"{office.day.month}月{office.day.day}日"
    assert (told.status_code, told.json()["code"]) == (409, "edit-touches-sessions")
    assert told.json()["consequences"] == [f"{on}的 1 次没有人预约的出诊撤下，20 个号不再放出。"]
    assert (0, "301") in await office.sessions()


async def test_a_day_that_follows_another_weekday_asks_too_whether_a_substitute_is_free(
    office: Office,
) -> None:
    await office.plan(HolidayRule.CLOSED)
    other_day = office.day + timedelta(days=1)
    followed = await office.say(
        "follow_weekday", None, date=other_day.isoformat(), weekday=office.day.weekday()
    )
    office.day = other_day
    before = await office.sessions()
    busy = await office.substitute(0, by=1)

    assert (followed.status_code, before) == (201, [(0, "301"), (1, "302")])
    assert (busy.status_code, busy.json()["code"]) == (409, "doctor-busy")
    assert await office.sessions() == before


async def test_an_exception_is_not_taken_back_in_silence_while_its_doctor_stands_in_elsewhere(
    office: Office,
) -> None:
    stood_in = await office.substitute(0, by=2)
    await office.sessions()
    await office.substitute(1, by=0)
    before = await office.sessions()

    told = await office.take_back(stood_in)
    kept = (await office.sessions(), await office.exceptions())
    meant = await office.take_back(stood_in, confirm=told.json()["confirm"])

    assert (told.status_code, told.json()["code"]) == (409, "edit-touches-sessions")
    on = f"{office.day.month}月{office.day.day}日"
    assert told.json()["consequences"] == [f"{on}的 1 次没有人预约的出诊撤下，20 个号不再放出。"]
    assert (before, kept) == ([(0, "302"), (2, "301")], (before, 2))
    assert meant.status_code == 204
    assert await office.sessions() == [(0, "302")]
