"""A weekly clinic of a file where a session stands already: both are told, and nothing is overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Campus, Department, Doctor, Hospital
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from guahao.scheduling.models import (
    Bucket,
    ClinicSession,
    ExceptionKind,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
)
from guahao.scheduling.policy.workdays import is_public_holiday
from guahao.scheduling.service.materialise import materialise_due
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.report import ImportReport
from tests.factories.scheduling import Clinic, make_session, slots_of
from tests.factories.scheduling import put as fill
from tests.factories.workbook import Change, Sheets, add, put, sheets, write_xlsx

pytestmark = pytest.mark.anyio

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def without_clinics(content: Sheets) -> None:
    content["出诊安排"].clear()


def weekly(day: date, **cells: Any) -> Change:
    """Doctor 1001 from 8 to 12 in room 301 on this day's weekday alone, holidays as well."""

    def change(content: Sheets) -> None:
        del content["出诊安排"][1:]
        put("出诊安排", 0, **{"星期": WEEKDAYS[day.weekday()], "节假日": "照常"} | cells)(content)

    return change


async def load(sessions: Sessions, tmp_path: Path, *changes: Change, dry_run: bool = False) -> ImportReport:
    path = write_xlsx(tmp_path / "h.xlsx", sheets(*changes))
    return await load_workbook(sessions, path, dry_run=dry_run)


async def clinic_of(db: AsyncSession, doctor: str = "1001") -> Clinic:
    """The hospital of the workbook, which has no weekly clinic yet."""
    hospital_id = await db.scalar(select(Hospital.id)) or 0
    ids = [
        await db.scalar(select(model.id).where(model.code == code))
        for model, code in ((Campus, "BY"), (Department, "XNK"), (Doctor, doctor))
    ]
    campus_id, department_id, doctor_id = (id_ for id_ in ids if id_ is not None)
    return Clinic(
        hospital_id=hospital_id, campus_id=campus_id, department_id=department_id, doctor_id=doctor_id
    )


async def by_hand(db: AsyncSession, clinic: Clinic, day: date, **overrides: Any) -> ClinicSession:
    """An hour from 10, outside any weekly clinic."""
    values = {"starts": time(10), "slots": 2, "room": "305", "level": "expert"} | overrides
    session = await make_session(db, clinic=clinic, date=day, **values)
    await db.commit()
    return session


async def materialise(sessions: Sessions) -> None:
    made = 1
    while made:
        async with transaction(sessions) as db:
            made = await materialise_due(db)


def coming(days: int = 3) -> date:
    return local_date(utc_now()) + timedelta(days=days)


@pytest.fixture
async def clinic(db: AsyncSession, sessions: Sessions, tmp_path: Path) -> Clinic:
    await load(sessions, tmp_path, without_clinics)
    clinic = await clinic_of(db)
    await db.commit()
    return clinic


async def test_xl4_a_session_of_the_same_doctor_is_told_with_the_row_and_left_as_it_is(
    clinic: Clinic, db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    session = await by_hand(db, clinic, day)

    checked = await load(sessions, tmp_path, weekly(day), dry_run=True)
    refused = await load(sessions, tmp_path, weekly(day))

    (fault,) = refused.faults
    assert checked.faults == refused.faults
    assert (fault.sheet, fault.row, fault.column, fault.value) == ("出诊安排", 2, "医生工号", "1001")
    assert fault.message == (
        f"医生林清晏（1001）{day} 10:00-11:00 已在诊室 305 有一次出诊，"
        "与本行当天的 08:00-12:00（诊室 301）重叠。"
        "那次出诊没有改动。请改正本行的时间或开始日期，或先在“排班”里给那次出诊改时间、办理停诊"
    )
    assert refused.is_refused
    assert await db.scalar(select(func.count()).select_from(ScheduleTemplate)) == 0
    await db.refresh(session)
    assert (session.room, session.version) == ("305", 1)


async def test_xl4_a_room_in_which_somebody_else_sits_is_told_with_the_number_of_days(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    other = replace(clinic, doctor_id=(await clinic_of(db, "1002")).doctor_id)
    for weeks in range(3):
        await by_hand(db, other, day + timedelta(weeks=weeks), room="301")

    report = await load(sessions, tmp_path, weekly(day))

    (fault,) = report.faults
    assert (fault.row, fault.column, fault.value) == (2, "诊室", "301")
    assert fault.message.startswith(
        f"诊室 301 {day} 10:00-11:00 已有医生沈云舒（1002）的一次出诊，"
        "与本行当天的 08:00-12:00（医生林清晏（1001））重叠，这样的日子共 3 天。"
    )


async def test_xl4_comes_out_of_the_same_dry_run_as_other_faults(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    await by_hand(db, clinic, day)

    report = await load(sessions, tmp_path, weekly(day), put("医生", 1, 号别="教授"), dry_run=True)

    assert [(fault.sheet, fault.code) for fault in report.faults] == [
        ("医生", "choice"),
        ("出诊安排", "doctor_has_session"),
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        {"starts": time(12)},
        {"starts": time(7)},
        {"state": SessionState.SUSPENDED},
        {"state": SessionState.FINISHED},
    ],
    ids=["right after", "right before", "suspended", "finished"],
)
async def test_xl4_what_takes_no_time_of_the_clinic_is_no_clash(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path, overrides: dict[str, Any]
) -> None:
    day = coming()
    await by_hand(db, clinic, day, **overrides)

    report = await load(sessions, tmp_path, weekly(day))

    assert report.faults == ()


@pytest.mark.parametrize("days", [-1, 1], ids=["the day before", "the day after"])
async def test_xl4_another_day_is_no_clash(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path, days: int
) -> None:
    await by_hand(db, clinic, coming(3 + days))

    assert (await load(sessions, tmp_path, weekly(coming()))).faults == ()


async def test_xl4_a_session_on_a_holiday_is_in_nobodys_way_who_is_closed_then(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    holiday = next(day for day in map(coming, range(1, 500)) if is_public_holiday(day))
    await by_hand(db, clinic, holiday)

    closed = await load(sessions, tmp_path, weekly(holiday, 节假日="停诊"), dry_run=True)
    opened = await load(sessions, tmp_path, weekly(holiday, 节假日="照常"), dry_run=True)

    assert closed.faults == ()
    assert [fault.code for fault in opened.faults] == ["doctor_has_session"]


async def test_xl4_a_day_on_which_the_doctor_is_off_is_no_clash(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    await by_hand(db, clinic, day)
    db.add(
        ScheduleException(
            hospital_id=clinic.hospital_id,
            id=new_id(clinic.hospital_id),
            date=day,
            kind=ExceptionKind.CANCELLED,
            doctor_id=clinic.doctor_id,
            reason="外出",
            created_by="system",
        )
    )
    await db.commit()

    assert (await load(sessions, tmp_path, weekly(day))).faults == ()


async def test_xl4_a_clinics_own_sessions_are_never_in_its_way(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    await load(sessions, tmp_path, weekly(day))
    await materialise(sessions)
    booked = await db.scalar(select(ClinicSession).where(ClinicSession.date == day))
    assert booked is not None
    await fill(db, (await slots_of(db, booked))[:1], {Bucket.BOOKED: 1})
    await db.commit()

    report = await load(sessions, tmp_path, weekly(day, 开始时间=time(9), 诊室="309"), dry_run=True)

    assert report.faults == ()
    assert len(report.touched) == 1


async def test_xl4_a_row_that_changes_neither_time_nor_room_is_not_asked_again(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    await load(sessions, tmp_path, weekly(day))
    await by_hand(db, clinic, day)

    unchanged = await load(sessions, tmp_path, weekly(day))
    fewer = await load(sessions, tmp_path, weekly(day, 每时段号数=2))
    later = await load(sessions, tmp_path, weekly(day, 开始时间=time(9)))

    assert (unchanged.is_unchanged, fewer.faults) == (True, ())
    assert [fault.code for fault in later.faults] == ["doctor_has_session"]


async def test_xl4_two_clinics_that_swap_rooms_are_not_in_each_others_way(
    db: AsyncSession, clinic: Clinic, sessions: Sessions, tmp_path: Path
) -> None:
    day = coming()
    assert clinic
    second = add("出诊安排", 0, 医生工号="1002", 诊室="302", 号别="普通")
    await load(sessions, tmp_path, weekly(day), second)
    await materialise(sessions)

    made = await db.scalar(select(func.count()).select_from(ClinicSession).where(ClinicSession.date == day))
    report = await load(
        sessions,
        tmp_path,
        weekly(day),
        second,
        put("出诊安排", 0, 诊室="302"),
        put("出诊安排", 1, 诊室="301"),
    )

    assert (made, report.faults, report.counts[-1].updated) == (2, (), 2)
