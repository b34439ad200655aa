"""An evening clinic until midnight, every week, for one day and by hand: 24:00 is an end like others."""

from __future__ import annotations

import datetime as dt
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.value.hours import read_end
from guahao.scheduling.models import ClinicSession, Period, ScheduleException, ScheduleTemplate
from guahao.scheduling.policy.sight import when_text
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic, slots_of, template_row

pytestmark = pytest.mark.anyio
DAY = local_date(utc_now()) + timedelta(days=5)
EVENING = {"period": "evening", "starts": "18:00", "ends": "24:00", "capacity_per_slot": 6}


def body(clinic: Clinic, **overrides: object) -> dict[str, Any]:
    return {
        "doctor_id": str(clinic.doctor_id),
        "department_id": str(clinic.department_id),
        "campus_id": str(clinic.campus_id),
        "slot_min": 30,
        "room": "301",
        "level": "general",
        **EVENING,
        **overrides,
    }


def weekly(clinic: Clinic, **overrides: object) -> dict[str, Any]:
    always = {"weekday": DAY.weekday(), "valid_from": "2026-01-01", "on_holidays": "open"}
    return body(clinic, **{**always, **overrides})


async def made_on(db: AsyncSession, clinic: Clinic, day: dt.date) -> list[ClinicSession]:
    await materialise(db, hospital_id=clinic.hospital_id, now=utc_now())
    await db.commit()
    statement = select(ClinicSession).where(
        ClinicSession.hospital_id == clinic.hospital_id, ClinicSession.date == day
    )
    return list(await db.scalars(statement.order_by(ClinicSession.starts_at)))


async def assert_whole_evening(db: AsyncSession, session: ClinicSession) -> None:
    slots = await slots_of(db, session)
    assert (session.date, session.ends_at) == (DAY, at_local(DAY + timedelta(days=1), dt.time()))
    assert [slot.capacity for slot in slots] == [6] * 12
    assert slots[-1].starts_at == at_local(DAY, dt.time(23, 30))
    assert slots[-1].ends_at == session.ends_at


@pytest.mark.parametrize("ends", ["24:00", "24：00", "00:00"])
async def test_a_weekly_clinic_until_midnight_sells_every_slot_whole(
    db: AsyncSession, client: httpx.AsyncClient, ends: str
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}"

    saved = await client.put(f"{path}/templates", json=weekly(clinic, ends=ends), headers=headers)
    seen = await client.post(f"{path}/template-previews", json=weekly(clinic, ends=ends), headers=headers)
    [session] = await made_on(db, clinic, DAY)

    assert (saved.status_code, saved.json()["starts"], saved.json()["ends"]) == (200, "18:00", "24:00")
    assert {(one["slots"], one["places"]) for one in seen.json()["items"]} == {(12, 72)}
    await assert_whole_evening(db, session)
    calendar = await client.get(
        f"{path}/calendar", params={"from": str(DAY), "to": str(DAY + timedelta(days=1))}, headers=headers
    )
    assert [cell["date"] for row in calendar.json()["rows"] for cell in row["cells"]] == [str(DAY)]


async def test_a_template_until_midnight_is_changed_by_its_version(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}/templates"
    saved = (await client.put(path, json=weekly(clinic, ends="20:00"), headers=headers)).json()

    changed = await client.put(
        f"/api/v1/staff/templates/{saved['id']}", json=weekly(clinic, version=1), headers=headers
    )
    listed = await client.get(path, headers=headers)

    assert (changed.status_code, changed.json()["ends"]) == (200, "24:00")
    assert [one["ends"] for one in listed.json()["items"]] == ["24:00"]


async def test_one_evening_is_changed_to_end_at_midnight(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}"
    template = await client.put(f"{path}/templates", json=weekly(clinic, ends="20:00"), headers=headers)
    change = {name: EVENING[name] for name in ("starts", "ends", "capacity_per_slot")}

    added = await client.post(
        f"{path}/exceptions",
        json={"date": str(DAY), "kind": "changed", "reason": "夜诊", "room": "301"}
        | {"template_id": template.json()["id"], **change},
        headers=headers,
    )
    [session] = await made_on(db, clinic, DAY)

    assert (added.status_code, added.json()["starts"], added.json()["ends"]) == (201, "18:00", "24:00")
    listed = await client.get(f"{path}/exceptions", headers=headers)
    assert [one["ends"] for one in listed.json()["items"]] == ["24:00"]
    await assert_whole_evening(db, session)


async def test_a_session_by_hand_ends_at_midnight(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    made = await client.post(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/sessions",
        json=body(clinic, date=str(DAY)),
        headers=headers,
    )

    assert made.status_code == 201
    assert (made.json()["date"], len(made.json()["slots"])) == (str(DAY), 12)
    [session] = await made_on(db, clinic, DAY)
    await assert_whole_evening(db, session)


@pytest.mark.parametrize(
    ("hours", "field", "message"),
    [
        (
            {"starts": "24:00", "ends": "24:00"},
            "starts",
            "24:00 是一天的结束，只能填在结束时间里；从零点开始请写 00:00",
        ),
        (
            {"starts": "22:00", "ends": "02:00"},
            "ends",
            "结束时间 02:00 不晚于开始时间 22:00，请改正；要跨过零点的，请分成两天，前一天到 24:00 为止",
        ),
        ({"ends": "24:30"}, "ends", "“24:30”不是时间。请用 24 小时制，写成 08:30 这样的形式"),
        ({"ends": "24:00+08:00"}, "ends", "这里填本地时间，请去掉时区"),
        ({"ends": 86400}, "ends", "应为时刻，例如 08:30"),
    ],
)
async def test_hours_that_are_none_are_refused_at_their_field_with_the_cause(
    db: AsyncSession, client: httpx.AsyncClient, hours: dict[str, object], field: str, message: str
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}"
    change = {"starts": "18:00", "ends": "24:00", "capacity_per_slot": 6, "room": "301", **hours}
    day = {"date": str(DAY), "kind": "changed", "reason": "夜诊", "template_id": str(clinic.doctor_id)}

    answers = [
        await client.put(f"{path}/templates", json=weekly(clinic, **hours), headers=headers),
        await client.post(f"{path}/sessions", json=body(clinic, date=str(DAY), **hours), headers=headers),
        await client.post(f"{path}/exceptions", json=day | change, headers=headers),
    ]

    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"in": "body", "field": field, "message": message}]
    for table in (ScheduleTemplate, ClinicSession, ScheduleException):
        count = select(func.count()).where(table.hospital_id == clinic.hospital_id).select_from(table)
        assert await db.scalar(count) == 0


async def test_midnight_divides_two_days_and_no_evening(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    path = f"/api/v1/staff/hospitals/{clinic.hospital_id}"
    early = {"period": "morning", "starts": "00:00", "ends": "02:00"}
    late = {"starts": "20:00", "ends": "22:00", "room": "302"}
    next_day = str(DAY + timedelta(days=1))

    answers = [
        await client.put(f"{path}/templates", json=weekly(clinic), headers=headers),
        await client.put(
            f"{path}/templates",
            json=weekly(clinic, weekday=(DAY.weekday() + 1) % 7, **early),
            headers=headers,
        ),
        await client.put(
            f"{path}/templates", json=weekly(clinic, **late, valid_from="2026-01-02"), headers=headers
        ),
        await client.post(f"{path}/sessions", json=body(other, date=str(DAY)), headers=headers),
        await client.post(f"{path}/sessions", json=body(other, date=next_day, **early), headers=headers),
        await client.post(f"{path}/sessions", json=body(other, date=str(DAY), **late), headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409, 201, 201, 409]
    assert [answers[2].json()["code"], answers[5].json()["code"]] == ["doctor-busy", "doctor-busy"]
    assert answers[5].json()["when"].endswith(" 18:00–24:00")


async def test_the_database_keeps_midnight_as_the_latest_end(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    row = template_row(clinic, starts=dt.time(18), ends=read_end("24:00"), period=Period.EVENING)
    await upsert_template(db, row, by="staff:test", now=utc_now())
    await upsert_template(db, row, by="staff:test", now=utc_now())

    stored = await db.execute(text("SELECT ends::text, ends > starts, version FROM schedule_template"))

    assert [tuple(one) for one in stored] == [("24:00:00", True, 1)]
    with pytest.raises(IntegrityError, match="schedule_template_ends_after_start"):
        await db.execute(text("UPDATE schedule_template SET ends = '00:00'"))


def test_a_session_until_midnight_is_said_so() -> None:
    day = dt.date(2026, 11, 30)

    assert when_text(at_local(day, dt.time(22)), read_end("24:00").on(day)) == "11月30日 周一 22:00–24:00"
    assert when_text(at_local(day, dt.time()), read_end("2:00").on(day)) == "11月30日 周一 00:00–02:00"
