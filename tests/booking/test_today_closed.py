"""What Today tells of people and sessions that the plan or the catalogue has left behind."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department
from guahao.kernel.clock import utc_now
from guahao.scheduling.models import Bucket, ClinicSession, HolidayRule, SessionState
from guahao.scheduling.policy.workdays import LAST_YEAR, is_public_holiday
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.catalog import staff_headers
from tests.factories.days import today
from tests.factories.scheduling import Clinic, make_clinic, make_session, template_row

pytestmark = pytest.mark.anyio


async def needs(
    client: httpx.AsyncClient, db: AsyncSession, hospital_id: int, role: str = "hospital_admin"
) -> dict[str, int]:
    headers = await staff_headers(db, hospital_id=hospital_id, role=role)
    await db.commit()
    answer = await client.get(f"/api/v1/staff/hospitals/{hospital_id}/today", headers=headers)
    return {need["kind"]: need["count"] for need in answer.json()["needs"]}


async def close_department(db: AsyncSession, clinic: Clinic) -> None:
    own = (Department.hospital_id == clinic.hospital_id, Department.id == clinic.department_id)
    await db.execute(update(Department).where(*own).values(is_active=False))


async def test_people_booked_where_a_department_is_closed_are_told_until_they_are_suspended(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    pools = {Bucket.BOOKED: 2, Bucket.HELD: 1}
    session = await make_session(db, clinic=clinic, slots=2, pools=pools)
    await make_session(db, clinic=await make_clinic(db, hospital_id=clinic.hospital_id), pools=pools)
    before = await needs(client, db, clinic.hospital_id)
    await close_department(db, clinic)

    told = {
        role: (await needs(client, db, clinic.hospital_id, role)).get("closed_booked", 0)
        for role in ("hospital_admin", "desk", "nurse", "doctor", "finance", "auditor")
    }
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    await client.post(
        f"/api/v1/staff/sessions/{session.id}/suspend", json={"reason": "停诊"}, headers=headers
    )

    assert "closed_booked" not in before
    assert told == {"hospital_admin": 6, "desk": 6, "nurse": 0, "doctor": 0, "finance": 0, "auditor": 0}
    assert "closed_booked" not in await needs(client, db, clinic.hospital_id)


def holiday_to_come() -> date:
    """The next public holiday that is not tomorrow."""
    return next(
        day for day in (today() + timedelta(days=ahead) for ahead in range(2, 400)) if is_public_holiday(day)
    )


async def test_sessions_planned_before_a_holiday_was_known_are_withdrawn_or_told_if_somebody_touched_them(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    day = holiday_to_come()
    hospital = await make_clinic(db)
    made: list[ClinicSession] = []
    for version, booked in ((1, 0), (2, 0), (1, 1)):
        clinic = await make_clinic(db, hospital_id=hospital.hospital_id)
        row = template_row(clinic, weekday=day.weekday(), room=str(len(made)), on_holidays=HolidayRule.CLOSED)
        template_id = await upsert_template(db, row, by="system", now=utc_now())
        pools = {Bucket.BOOKED: booked} if booked else {}
        made.append(
            await make_session(
                db, clinic=clinic, date=day, template_id=template_id, version=version, pools=pools
            )
        )
    ids = [session.id for session in made]

    for _ in range(2):
        await materialise(db, hospital_id=hospital.hospital_id, now=utc_now())

    left = await db.scalars(select(ClinicSession.id).where(ClinicSession.date == day))
    assert set(left) == set(ids[1:])
    assert (await needs(client, db, hospital.hospital_id))["holiday_sessions"] == 2
    await db.execute(
        update(ClinicSession).where(ClinicSession.id == ids[1]).values(lifecycle=SessionState.FINISHED)
    )
    assert (await needs(client, db, hospital.hospital_id))["holiday_sessions"] == 1


@pytest.mark.parametrize(("rule", "told"), [(HolidayRule.CLOSED, 1), (HolidayRule.OPEN, 0)])
async def test_sessions_of_a_year_whose_holidays_are_not_published_are_told(
    client: httpx.AsyncClient, db: AsyncSession, rule: HolidayRule, told: int
) -> None:
    day = date(max(LAST_YEAR, today().year) + 1, 3, 3)
    clinic = await make_clinic(db)
    row = template_row(clinic, weekday=day.weekday(), on_holidays=rule)
    template_id = await upsert_template(db, row, by="system", now=utc_now())
    await make_session(db, clinic=clinic, date=day, template_id=template_id)

    assert (await needs(client, db, clinic.hospital_id)).get("holidays_unknown", 0) == told


async def test_the_outlook_counts_as_free_only_what_the_booking_window_reaches(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db, rules={"booking_window_days": 2})
    for days in (2, 3):
        await make_session(db, clinic=clinic, days=days, capacity=5)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.get(f"/api/v1/staff/hospitals/{clinic.hospital_id}/today", headers=headers)

    (fill,) = answer.json()["fill_by_department"]
    assert (fill["places"], fill["free"]) == (10, 5)


async def test_nothing_closed_is_announced_as_the_next_release(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    for where in (clinic, other):
        await make_session(db, clinic=where, capacity=5, released=False)
    await close_department(db, clinic)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.get(f"/api/v1/staff/hospitals/{clinic.hospital_id}/today", headers=headers)

    release = answer.json()["next_release"]
    assert (release["sessions"], release["places"]) == (1, 5)
