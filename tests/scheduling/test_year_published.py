"""The State publishes a year's days off: the plan of a hospital follows an update of the calendar."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import date, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from chinese_calendar import constants
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import at_local
from guahao.scheduling.models import Bucket, ClinicSession, HolidayRule
from guahao.scheduling.policy.legal_holidays import legal_holidays
from guahao.scheduling.policy.workdays import LAST_YEAR
from guahao.scheduling.queries.holidays import kept_on_holidays, sessions_of_unknown_years
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.days import today
from tests.factories.scheduling import Clinic, make_clinic, put, slots_of, template_row

pytestmark = pytest.mark.anyio
YEAR = max(LAST_YEAR, today().year) + 1
NOW = at_local(date(YEAR - 1, 12, 20), time(12))
JANUARY = [date(YEAR, 1, 1) + timedelta(days=number) for number in range(30)]
REACH = {"booking_window_days": 38}
"""With the days that are made beyond the window, until the 30th."""

OFF = next(day for day in JANUARY if day.weekday() < 5 and day.day > 3 and day not in legal_holidays(YEAR))
"""A working day that the notice makes a day off, to be worked on the Saturday after."""
WORKED = OFF + timedelta(days=5 - OFF.weekday())

NOTICE = f"""
import datetime
exec(open({constants.__file__!r}, encoding="utf-8").read())
for day in ({OFF!r}, *{sorted(legal_holidays(YEAR))!r}):
    holidays[day] = Holiday.new_years_day.value
in_lieu_days[{OFF!r}] = workdays[{WORKED!r}] = Holiday.new_years_day.value
"""
"""The installed calendar with that year's notice, which has the days of the law and one more."""

PLANS_ANEW = """
import asyncio, json, sys
from datetime import datetime
import guahao.web.wiring
from guahao.kernel.db import make_engine, make_sessions, transaction
from guahao.scheduling.queries.holidays import kept_on_holidays, sessions_of_unknown_years
from guahao.scheduling.service.materialise import materialise

async def main(dsn, hospital_id, now):
    engine = make_engine(dsn)
    async with transaction(make_sessions(engine)) as db:
        await materialise(db, hospital_id=hospital_id, now=now)
        kept = await kept_on_holidays(db, hospital_id=hospital_id, now=now)
        unknown = (await db.execute(sessions_of_unknown_years(hospital_id))).one()[0]
    await engine.dispose()
    print(json.dumps([kept, unknown]))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])))
"""


async def weekly(db: AsyncSession, clinic: Clinic, day: date) -> UUID:
    row = template_row(clinic, weekday=day.weekday(), on_holidays=HolidayRule.CLOSED, room=f"{day:%d}")
    template_id = await upsert_template(db, row, by="staff:test", now=NOW)
    assert template_id is not None
    return template_id


async def days_of(db: AsyncSession, template_id: UUID) -> set[date]:
    """Days of this January on which a template has a session."""
    days = await db.scalars(select(ClinicSession.date).where(ClinicSession.template_id == template_id))
    return {day for day in days if day in JANUARY}


async def session_of(db: AsyncSession, template_id: UUID) -> ClinicSession:
    wanted = select(ClinicSession).where(ClinicSession.template_id == template_id, ClinicSession.date == OFF)
    return (await db.scalars(wanted)).one()


async def with_the_notice(tmp_path: Path, database: str, hospital_id: int) -> tuple[int, int]:
    """Plan in a process that has the new calendar; answers what stays on holidays and what is unknown."""
    package = tmp_path / "chinese_calendar"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "constants.py").write_text(NOTICE, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PLANS_ANEW, database, str(hospital_id), NOW.isoformat()),
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    kept, unknown = json.loads(out.splitlines()[-1])
    return kept, unknown


async def test_a_published_year_is_planned_anew_but_for_what_somebody_touched(
    db: AsyncSession, database: str, tmp_path: Path
) -> None:
    first = await make_clinic(db, rules=REACH)
    hospital_id = first.hospital_id
    clinics = [first, *[await make_clinic(db, hospital_id=hospital_id) for _ in range(2)]]
    untouched, booked, edited = [await weekly(db, clinic, OFF) for clinic in clinics]
    await materialise(db, hospital_id=hospital_id, now=NOW)
    await put(db, (await slots_of(db, await session_of(db, booked)))[:1], {Bucket.BOOKED: 1})
    by_hand = await session_of(db, edited)
    await db.execute(update(ClinicSession).where(ClinicSession.id == by_hand.id).values(version=2))
    before = [await days_of(db, template_id) for template_id in (untouched, booked, edited)]
    unknown = (await db.execute(sessions_of_unknown_years(hospital_id))).one()[0]
    days = (
        await db.scalars(select(ClinicSession.date).where(ClinicSession.hospital_id == hospital_id))
    ).all()
    told = await kept_on_holidays(db, hospital_id=hospital_id, now=NOW)
    await db.commit()

    after = await with_the_notice(tmp_path, database, hospital_id)

    assert (told, unknown) == (0, sum(day.year > LAST_YEAR for day in days))
    assert all(OFF in days and WORKED not in days for days in before)
    assert after == (2, 0)
    assert await days_of(db, untouched) == before[0] - {OFF} | {WORKED}
    assert await days_of(db, booked) == before[1] | {WORKED}
    assert await days_of(db, edited) == before[2] | {WORKED}


async def test_new_year_is_never_sold_where_clinics_rest_on_holidays_published_or_not(
    db: AsyncSession, database: str, tmp_path: Path
) -> None:
    clinic = await make_clinic(db, rules=REACH)
    template_id = await weekly(db, clinic, JANUARY[0])

    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)
    before = await days_of(db, template_id)
    await db.commit()
    await with_the_notice(tmp_path, database, clinic.hospital_id)

    assert JANUARY[7] in before
    assert JANUARY[0] not in before | await days_of(db, template_id)
