"""Exceptions of one date: nothing stays on sale in silence, and nothing vanishes in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import AppointmentState
from guahao.catalog.models import Doctor, DoctorLevel
from guahao.kernel.clock import local_date, utc_now
from guahao.scheduling.models import ClinicSession, HolidayRule, ScheduleException
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.suspend import suspend
from guahao.scheduling.service.templates import upsert_template
from tests.factories.booking import appointment, book, make_booker
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic, make_session, slots_of, template_row

pytestmark = pytest.mark.anyio


class Office:
    """Two doctors of one department, the first with a weekly clinic that is on sale in three days."""

    def __init__(self, db: AsyncSession, client: httpx.AsyncClient, clinic: Clinic, other: Clinic) -> None:
        self.db = db
        self.client = client
        self.clinic = clinic
        self.other = other
        self.day = local_date(utc_now()) + timedelta(days=3)
        self.template_id = UUID(int=0)
        self.headers: dict[str, str] = {}

    async def say(self, kind: str, *, date: dt.date | None = None, **values: Any) -> httpx.Response:
        await self.db.commit()
        body = {"date": (date or self.day).isoformat(), "kind": kind, "reason": "外出进修"} | values
        path = f"/api/v1/staff/hospitals/{self.clinic.hospital_id}/exceptions"
        return await self.client.post(path, json=body, headers=self.headers)

    async def day_off(self, **values: Any) -> httpx.Response:
        return await self.say("cancelled", doctor_id=str(self.clinic.doctor_id), **values)

    async def substitute(self, **values: Any) -> httpx.Response:
        named = {"template_id": str(self.template_id), "substitute_id": str(self.other.doctor_id)}
        return await self.say("substitute", **named | values)

    async def take_back(self, id_: str, **params: str) -> httpx.Response:
        await self.db.commit()
        path = f"/api/v1/staff/exceptions/{id_}"
        return await self.client.delete(path, params=params, headers=self.headers)

    async def sessions(self) -> list[ClinicSession]:
        await materialise(self.db, hospital_id=self.clinic.hospital_id, now=utc_now())
        rows = await self.db.scalars(
            select(ClinicSession)
            .where(ClinicSession.hospital_id == self.clinic.hospital_id, ClinicSession.date == self.day)
            .order_by(ClinicSession.id)
            .execution_options(populate_existing=True)
        )
        return list(rows)

    async def exceptions(self) -> int:
        return len((await self.db.scalars(select(ScheduleException.id))).all())


async def open_office(db: AsyncSession, client: httpx.AsyncClient) -> Office:
    clinic = await make_clinic(db, fee_fen=0)
    office = Office(db, client, clinic, await make_clinic(db, hospital_id=clinic.hospital_id))
    row = template_row(clinic, weekday=office.day.weekday(), on_holidays=HolidayRule.OPEN)
    office.template_id = await upsert_template(db, row, by="system", now=utc_now()) or UUID(int=0)
    office.headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    assert [session.doctor_id for session in await office.sessions()] == [clinic.doctor_id]
    return office


async def retire_other(office: Office) -> None:
    await office.db.execute(
        update(Doctor).where(Doctor.id == office.other.doctor_id).values(is_active=False, name="李医生")
    )


async def promote_other(office: Office) -> None:
    values = {"level": DoctorLevel.EXPERT, "name": "李医生"}
    await office.db.execute(update(Doctor).where(Doctor.id == office.other.doctor_id).values(**values))


async def occupy_other(office: Office) -> None:
    await make_session(office.db, clinic=office.other, date=office.day, slots=4)


@pytest.mark.parametrize(
    ("arrange", "code", "words"),
    [
        (retire_other, "doctor-inactive", "李医生已经停止出诊"),
        (promote_other, "substitute-level-differs", "李医生的级别（专家）与这个门诊的号别不一致"),
        (occupy_other, "doctor-busy", "张医生在"),
    ],
)
async def test_a_substitute_who_cannot_come_is_refused_and_the_doctors_session_stays(
    db: AsyncSession,
    client: httpx.AsyncClient,
    arrange: Callable[[Office], Awaitable[None]],
    code: str,
    words: str,
) -> None:
    office = await open_office(db, client)
    (before,) = await office.sessions()
    await arrange(office)

    answers = [
        await office.substitute(),
        await office.substitute(template_id=None, doctor_id=str(office.clinic.doctor_id)),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, code)] * 2
    assert all(words in answer.json()["title"] for answer in answers)
    assert before.id in [session.id for session in await office.sessions()]
    assert await office.exceptions() == 0


async def test_a_change_into_a_taken_room_is_refused_and_the_session_stays(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    (before,) = await office.sessions()
    there = office.other.__class__(
        **{name: getattr(office.other, name) for name in ("hospital_id", "department_id", "doctor_id")},
        campus_id=office.clinic.campus_id,
    )
    await make_session(db, clinic=there, date=office.day, slots=4, room="9 诊室")
    values = {
        "starts": "08:00",
        "ends": "10:00",
        "capacity_per_slot": 3,
        "template_id": str(office.template_id),
    }

    taken = await office.say("changed", room="9 诊室", **values)
    unchanged = [session.id for session in await office.sessions()]
    free = await office.say("changed", room="10 诊室", **values)

    assert [taken.status_code, taken.json()["code"], free.status_code] == [409, "room-busy", 201]
    assert before.id in unchanged
    assert "10 诊室" in [session.room for session in await office.sessions()]


@pytest.mark.parametrize("whose", ["doctor", "hospital"])
async def test_a_day_off_names_sessions_that_no_weekly_clinic_gives(
    db: AsyncSession, client: httpx.AsyncClient, whose: str
) -> None:
    office = await open_office(db, client)
    extra = await make_session(db, clinic=office.clinic, date=office.day, starts=dt.time(14))
    scope = {} if whose == "hospital" else {"doctor_id": str(office.clinic.doctor_id)}

    refused = await office.say("cancelled", **scope)
    kept = len(await office.sessions())
    await suspend(db, extra.id, reason="外出进修", by="staff:1")
    taken = await office.say("cancelled", **scope)

    assert [refused.status_code, refused.json()["code"]] == [409, "session-changed-by-hand"]
    assert refused.json()["session_ids"] == [str(extra.id)]
    assert (kept, taken.status_code) == (2, 201)
    assert [session.state for session in await office.sessions()] == ["suspended"]


async def test_a_day_off_names_the_session_in_which_the_doctor_stands_in_for_another(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    await office.substitute()
    (stood_in,) = await office.sessions()

    refused = await office.say("cancelled", doctor_id=str(office.other.doctor_id))
    of_the_absent = await office.day_off()

    assert stood_in.doctor_id == office.other.doctor_id
    assert [refused.status_code, refused.json()["code"]] == [409, "session-changed-by-hand"]
    assert refused.json()["session_ids"] == [str(stood_in.id)]
    assert of_the_absent.status_code == 201
    assert [session.doctor_id for session in await office.sessions()] == [office.other.doctor_id]


async def test_a_day_off_is_entered_once_its_booked_session_is_suspended(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    (session,) = await office.sessions()
    await book(db, await make_booker(db), (await slots_of(db, session))[0].id)

    booked = await office.day_off()
    await suspend(db, session.id, reason="外出进修", by="staff:1")
    substitute = await office.substitute()
    suspended = await office.day_off()

    assert [booked.json()["code"], substitute.json()["code"]] == ["session-touched"] * 2
    assert suspended.status_code == 201
    assert [one.state for one in await office.sessions()] == ["suspended"]


@pytest.mark.parametrize("days", [0, -1])
async def test_from_the_day_itself_on_nothing_is_entered_that_would_change_nothing(
    db: AsyncSession, client: httpx.AsyncClient, days: int
) -> None:
    office = await open_office(db, client)

    answer = await office.day_off(date=local_date(utc_now()) + timedelta(days=days))

    assert [answer.status_code, answer.json()["code"]] == [409, "exception-too-late"]
    assert await office.exceptions() == 0


async def test_a_substitution_in_which_people_are_booked_is_taken_back_only_knowing_of_them(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    made = await office.substitute()
    (session,) = await office.sessions()
    booked = await book(db, await make_booker(db), (await slots_of(db, session))[0].id)

    told = await office.take_back(made.json()["id"])
    still = await office.exceptions()
    meant = await office.take_back(made.json()["id"], confirm=told.json()["confirm"])

    on = f"{office.day.month}月{office.day.day}日"
    assert (told.status_code, told.json()["code"], still) == (409, "edit-touches-sessions", 1)
    assert told.json()["consequences"] == [
        (
            f"{on}的 1 次出诊已有 1 位患者预约，不跟着改，仍按现在的医生、时间、诊室和号数出诊；"
            "要改请到“排班”里逐个处理，不能照常出诊的请办理停诊。"
        )
    ]
    assert (meant.status_code, await office.exceptions()) == (204, 0)
    assert [(one.id, one.doctor_id) for one in await office.sessions()] == [
        (session.id, office.other.doctor_id)
    ]
    assert (await appointment(db, booked.id)).state is AppointmentState.BOOKED


async def test_a_substitution_in_which_nobody_is_booked_is_taken_back_at_once(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    made = await office.substitute()
    assert [one.doctor_id for one in await office.sessions()] == [office.other.doctor_id]

    answer = await office.take_back(made.json()["id"])

    assert (answer.status_code, await office.exceptions()) == (204, 0)
    assert [one.doctor_id for one in await office.sessions()] == [office.clinic.doctor_id]


async def test_who_says_what_is_different_learns_how_many_sessions_that_changes(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    office = await open_office(db, client)
    next_day = office.day + timedelta(days=1)

    answers = [
        await office.day_off(date=next_day),
        await office.say("cancelled", doctor_id=str(office.other.doctor_id)),
        await office.substitute(),
        await office.day_off(),  # the substitution of the weekly clinic is narrower
        await office.say("cancelled", date=office.day + timedelta(days=7)),
    ]

    assert [(answer.status_code, answer.json().get("sessions_changed")) for answer in answers] == [
        (201, 0),
        (201, 0),
        (201, 1),
        (201, 0),
        (201, 1),
    ]
