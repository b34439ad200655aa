from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Doctor
from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    Bucket,
    ClinicSession,
    ExceptionKind,
    HolidayRule,
    PlaceLog,
    ScheduleClock,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.plan import DAYS_AHEAD
from guahao.scheduling.policy.refusals import DoctorBusy, RoomBusy
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.change_session import SessionEdit, change_session
from guahao.scheduling.service.exceptions import (
    ExceptionRow,
    SessionChangedByHand,
    SessionTouched,
    add_exception,
    remove_exception,
)
from guahao.scheduling.service.materialise import materialise, materialise_due
from guahao.scheduling.service.templates import (
    ExceptionExists,
    TemplateRow,
    template_of_row,
    upsert_template,
)
from tests.factories.scheduling import (
    Clinic,
    counters,
    make_clinic,
    make_session,
    put,
    slots_of,
    template_row,
)

pytestmark = pytest.mark.anyio
BY = "staff:test"
NOW = utc_now()
TODAY = local_date(NOW)
SOON = TODAY + timedelta(days=3)


def weekly(clinic: Clinic, **overrides: object) -> TemplateRow:
    return template_row(clinic, **{"weekday": SOON.weekday(), "on_holidays": HolidayRule.OPEN, **overrides})


async def sessions_of(db: AsyncSession) -> Sequence[ClinicSession]:
    statement = select(ClinicSession).order_by(ClinicSession.starts_at)
    return (await db.scalars(statement.execution_options(populate_existing=True))).all()


async def made_from(db: AsyncSession, clinic: Clinic, **overrides: object) -> Sequence[ClinicSession]:
    await upsert_template(db, weekly(clinic, **overrides), by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)
    return await sessions_of(db)


async def test_sessions_are_made_a_window_and_some_days_ahead(db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"booking_window_days": 7}, min_age_years=14, sex_limit="female")

    made = await made_from(db, clinic)

    assert [one.date for one in made] == [SOON, SOON + timedelta(days=7)]
    first = made[0]
    assert (first.starts_at, first.ends_at) == (
        at_local(SOON, dt.time(8)),
        at_local(SOON, dt.time(10)),
    )
    assert first.release_at == at_local(SOON - timedelta(days=7), dt.time(7))
    assert (first.fee_fen, first.room, first.level, first.state) == (
        5000,
        "301",
        "general",
        SessionState.PUBLISHED,
    )
    assert (first.sex_limit, first.min_age_years, first.max_age_years) == ("female", 14, 200)
    assert SOON + timedelta(days=7) <= TODAY + timedelta(days=7 + DAYS_AHEAD)


async def test_slots_start_in_their_pools_and_the_log_tells_so(db: AsyncSession) -> None:
    clinic = await make_clinic(
        db,
        rules={"elderly_percent": 10, "referral_percent": 20, "desk_percent": 5, "second_release_percent": 5},
    )

    first = (await made_from(db, clinic))[0]

    slots = await slots_of(db, first)
    assert [slot.capacity for slot in slots] == [5, 5, 5, 5]
    totals = {
        name: sum(getattr(slot, name) for slot in slots)
        for name in ("desk", "elderly", "referral", "later", "free")
    }
    assert totals == {"desk": 1, "elderly": 2, "referral": 4, "later": 1, "free": 12}
    assert slots[0].elderly_returns_at == slots[0].starts_at - timedelta(minutes=60)
    assert await broken_slots(db) == []


async def test_expert_sessions_keep_no_places_for_the_elderly(db: AsyncSession) -> None:
    first = (await made_from(db, await make_clinic(db), level="expert", own_level=True))[0]

    assert sum(slot.elderly for slot in await slots_of(db, first)) == 0


async def test_making_again_makes_nothing(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    made = await made_from(db, clinic)

    again = await materialise(db, hospital_id=clinic.hospital_id, now=NOW)

    assert again == 0
    assert [one.id for one in await sessions_of(db)] == [one.id for one in made]


async def test_two_runs_at_once_make_each_session_once(sessions: Sessions, db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    for weekday in range(7):
        await upsert_template(db, weekly(clinic, weekday=weekday), by=BY, now=NOW)
    await db.commit()

    async def run() -> int:
        async with transaction(sessions) as mine:
            return await materialise(mine, hospital_id=clinic.hospital_id, now=NOW)

    counts = await asyncio.gather(*(run() for _ in range(4)))

    dates = [one.date for one in await sessions_of(db)]
    assert len(dates) == len(set(dates)) == sum(counts)
    assert len(dates) in (14 + DAYS_AHEAD, 15 + DAYS_AHEAD)
    assert await broken_slots(db) == []


async def test_the_job_makes_what_is_due_and_then_rests(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    await upsert_template(db, weekly(clinic), by=BY, now=NOW)

    assert await materialise_due(db) > 0
    assert await materialise_due(db) == 0
    assert len(await sessions_of(db)) > 0
    assert await db.scalar(select(ScheduleClock.due_at > func.now() + timedelta(minutes=50))) is True


async def test_the_first_places_of_an_installation_are_shown_to_the_planner(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    await upsert_template(db, weekly(clinic), by=BY, now=NOW)
    await db.execute(text("SET LOCAL session_replication_role = replica"))
    await db.execute(text("TRUNCATE slot CASCADE"))
    await db.execute(text("SET LOCAL session_replication_role = origin"))
    counted = text("SELECT reltuples FROM pg_class WHERE oid = 'slot'::regclass")
    assert await db.scalar(counted) == -1

    await materialise_due(db)

    assert (await db.scalar(counted) or 0) > 0


async def test_nothing_is_made_for_doctors_who_left_or_without_a_price(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    doctor = await db.get_one(Doctor, (clinic.hospital_id, clinic.doctor_id))
    doctor.is_active = False
    await db.flush()

    assert await made_from(db, clinic) == []


async def test_a_busy_room_is_left_out_and_the_rest_is_made(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    taken = await make_session(db, clinic=clinic, room="301", date=SOON)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    elsewhere = Clinic(
        hospital_id=clinic.hospital_id,
        campus_id=clinic.campus_id,
        department_id=other.department_id,
        doctor_id=other.doctor_id,
    )

    made = await made_from(db, elsewhere)

    assert taken.date == SOON
    assert [one.date for one in made if one.template_id] == [
        SOON + timedelta(days=7 * week)
        for week in (1, 2)
        if SOON + timedelta(days=7 * week) <= TODAY + timedelta(days=17)
    ]


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"room": "302"}, DoctorBusy),
        ({"starts": dt.time(9, 59), "ends": EndTime.at(dt.time(11)), "room": "302"}, DoctorBusy),
    ],
)
async def test_a_doctor_cannot_have_two_templates_at_once(
    db: AsyncSession, overrides: dict[str, object], problem: type[Exception]
) -> None:
    clinic = await make_clinic(db)
    await upsert_template(db, template_row(clinic), by=BY, now=NOW)
    row = template_row(clinic, valid_from=dt.date(2026, 2, 1), **overrides)

    with pytest.raises(problem):
        await upsert_template(db, row, by=BY, now=NOW)

    with pytest.raises(NotFound):
        await template_of_row(db, row)


async def test_a_room_cannot_have_two_templates_at_once_but_one_after_the_other(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await upsert_template(db, template_row(clinic), by=BY, now=NOW)
    row = template_row(other, campus_id=clinic.campus_id)

    with pytest.raises(RoomBusy):
        await upsert_template(db, row, by=BY, now=NOW)

    after = template_row(other, campus_id=clinic.campus_id, starts=dt.time(10), ends=EndTime.at(dt.time(12)))
    assert await upsert_template(db, after, by=BY, now=NOW) is not None


async def test_a_doctor_of_another_hospital_is_not_found(db: AsyncSession) -> None:
    clinic, foreign = await make_clinic(db), await make_clinic(db)

    with pytest.raises(NotFound):
        await upsert_template(db, template_row(clinic, doctor_id=foreign.doctor_id), by=BY, now=NOW)


async def test_the_same_template_again_changes_nothing(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    made = await made_from(db, clinic)

    again = await upsert_template(db, weekly(clinic), by=BY, now=NOW)

    assert again is None
    assert [one.id for one in await sessions_of(db)] == [one.id for one in made]


async def test_a_changed_template_reaches_untouched_sessions_only(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    first, second = (await made_from(db, clinic))[:2]
    booked = (await slots_of(db, first))[0]
    await put(db, [booked], {Bucket.BOOKED: 1})
    logged = await db.scalar(select(func.count()).select_from(PlaceLog).where(PlaceLog.slot_id == booked.id))

    await made_from(db, clinic, capacity_per_slot=8, room="405")

    after = await sessions_of(db)
    assert after[0].id == first.id
    assert second.id not in [one.id for one in after]
    assert [(one.date, one.room) for one in after[:2]] == [(SOON, "301"), (second.date, "405")]
    assert [slot.capacity for slot in await slots_of(db, after[1])] == [8, 8, 8, 8]
    assert (
        await db.scalar(select(func.count()).select_from(PlaceLog).where(PlaceLog.slot_id == booked.id))
        == logged
    )
    assert await broken_slots(db) == []


async def test_a_cancelled_date_loses_its_untouched_session_and_gets_it_back(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    dates = [one.date for one in await made_from(db, clinic)]
    closed = ExceptionRow(
        hospital_id=clinic.hospital_id, date=SOON, kind=ExceptionKind.CANCELLED, reason="停电检修"
    )

    exception = await add_exception(db, closed, by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)
    without = [one.date for one in await sessions_of(db)]
    await remove_exception(db, exception.id, by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)

    assert without == dates[1:]
    assert [one.date for one in await sessions_of(db)] == dates


async def test_an_exception_is_refused_while_patients_have_places(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    first = (await made_from(db, clinic))[0]
    await put(db, [(await slots_of(db, first))[2]], {Bucket.HELD: 1})
    before = [await counters(db, slot.id) for slot in await slots_of(db, first)]
    touched = str(first.id)
    await db.commit()
    row = ExceptionRow(
        hospital_id=clinic.hospital_id,
        date=SOON,
        kind=ExceptionKind.CANCELLED,
        reason="停电检修",
        doctor_id=clinic.doctor_id,
    )

    with pytest.raises(SessionTouched) as refused:
        await add_exception(db, row, by=BY, now=NOW)
    await db.rollback()

    assert refused.value.extra == {"count": 1, "session_ids": [touched]}
    first = (await sessions_of(db))[0]
    assert [await counters(db, slot.id) for slot in await slots_of(db, first)] == before


async def test_one_date_has_one_exception_for_the_hospital(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    row = ExceptionRow(
        hospital_id=clinic.hospital_id, date=SOON, kind=ExceptionKind.CANCELLED, reason="停电检修"
    )
    await add_exception(db, row, by=BY, now=NOW)

    with pytest.raises(ExceptionExists):
        await add_exception(db, row, by=BY, now=NOW)


async def test_a_substitute_sees_the_doctors_patients_that_day(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await made_from(db, clinic)
    row = ExceptionRow(
        hospital_id=clinic.hospital_id,
        date=SOON,
        kind=ExceptionKind.SUBSTITUTE,
        reason="外出会诊",
        doctor_id=clinic.doctor_id,
        substitute_id=other.doctor_id,
    )

    await add_exception(db, row, by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)

    doctors = {one.date: one.doctor_id for one in await sessions_of(db)}
    assert doctors[SOON] == other.doctor_id
    assert doctors[SOON + timedelta(days=7)] == clinic.doctor_id
    assert await db.scalar(select(func.count()).select_from(Slot)) == 4 * len(doctors)


async def by_hand(db: AsyncSession, session: ClinicSession, room: str) -> None:
    edit = SessionEdit(version=session.version, room=room, release_at=session.release_at, slots={})
    await change_session(db, session.id, edit, by=BY, now=NOW)


def changed_day(clinic: Clinic, template_id: UUID | None) -> ExceptionRow:
    return ExceptionRow(
        hospital_id=clinic.hospital_id,
        date=SOON,
        kind=ExceptionKind.CHANGED,
        reason="设备检修",
        template_id=template_id,
        starts=dt.time(8),
        ends=EndTime.at(dt.time(9)),
        capacity_per_slot=5,
        room="302",
    )


async def test_what_was_changed_by_hand_survives_the_end_of_an_exception(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    made = await made_from(db, clinic)
    exception = await add_exception(db, changed_day(clinic, made[0].template_id), by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)
    await by_hand(db, (await sessions_of(db))[0], "505")

    await remove_exception(db, exception.id, by=BY, now=NOW)
    await materialise(db, hospital_id=clinic.hospital_id, now=NOW)

    first = (await sessions_of(db))[0]
    assert (first.date, first.room, first.ends_at) == (SOON, "505", at_local(SOON, dt.time(9)))


async def test_an_exception_is_refused_over_what_was_changed_by_hand(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    made = await made_from(db, clinic)
    await by_hand(db, made[0], "505")

    with pytest.raises(SessionChangedByHand) as refused:
        await add_exception(db, changed_day(clinic, made[0].template_id), by=BY, now=NOW)

    assert refused.value.extra["session_ids"] == [str(made[0].id)]
    assert (await sessions_of(db))[0].room == "505"
