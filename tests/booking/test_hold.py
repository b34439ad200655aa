from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking import policy
from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.hold import write_hold
from guahao.booking.service.plan import PoolEmpty, SlotSoldOut, plan_hold
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from guahao.payment.models import Order, OrderState
from guahao.scheduling.models import Bucket, SessionState
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import (
    appointment,
    book,
    events,
    hold,
    hold_once,
    make_booker,
    moves_of,
    order,
    request_of,
)
from tests.factories.person import make_person
from tests.factories.scheduling import counters, make_clinic, make_session, make_slot, slots_of

pytestmark = pytest.mark.anyio


async def nothing_is_booked(db: AsyncSession) -> bool:
    await db.rollback()
    appointments = await db.scalar(select(func.count()).select_from(Appointment))
    orders = await db.scalar(select(func.count()).select_from(Order))
    return (appointments, orders, await events(db)) == (0, 0, [])


async def test_a_held_place_has_an_order_a_log_line_an_event_and_an_audit_entry(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=2, fee_fen=5000)

    plan = await hold(db, booker, slot.id)

    row = await appointment(db, plan.appointment_id)
    owed = await order(db, plan.order_id)
    assert (row.state, row.number, row.rule_version) == (AppointmentState.HELD, None, 1)
    assert (row.person_id, row.slot_id, row.session_id) == (booker.person_id, slot.id, slot.session_id)
    assert (owed.state, owed.amount_fen, owed.expires_at) == (OrderState.CREATED, 5000, row.hold_expires_at)
    assert await counters(db, slot.id) == {"free": 1, "held": 1}
    assert await moves_of(db, slot.id) == [(1, "hold", "free", "held")]
    assert await events(db) == ["booking.appointment.held"]
    trail = (await db.scalars(select(AuditEntryRow))).one()
    assert (trail.actor, trail.action) == (f"account:{booker.account_id}", "appointment.hold")
    assert trail.subject == f"appointment:{plan.appointment_id}"


async def test_a_free_appointment_is_booked_at_once_with_the_next_number(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=3, fee_fen=0)

    plans = [await hold(db, await make_booker(db), slot.id) for _ in range(3)]

    rows = [await appointment(db, plan.appointment_id) for plan in plans]
    assert [(row.state, row.number) for row in rows] == [(AppointmentState.BOOKED, n) for n in (1, 2, 3)]
    assert (await order(db, plans[0].order_id)).state is OrderState.PAID
    assert await counters(db, slot.id) == {"booked": 3}
    assert await events(db) == ["booking.appointment.confirmed"] * 3


async def test_the_hold_ends_by_the_databases_clock(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db)

    plan = await hold(db, booker, slot.id)

    now = (await db.scalars(select(func.clock_timestamp()))).one()
    assert plan.hold_expires_at is not None
    assert timedelta(minutes=14, seconds=55) < plan.hold_expires_at - now <= timedelta(minutes=15)


async def test_the_last_place_goes_once(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    first, second = await make_booker(db), await make_booker(db)
    await db.commit()

    await hold_once(sessions, first, slot.id)
    with pytest.raises(SlotSoldOut):
        await hold_once(sessions, second, slot.id)

    assert await counters(db, slot.id) == {"held": 1}


async def test_a_full_slot_tells_how_many_places_come_later(db: AsyncSession) -> None:
    session = await make_session(db, capacity=1, slots=3)
    early, *_ = await slots_of(db, session)
    await hold(db, await make_booker(db), early.id)

    with pytest.raises(policy.SlotFull) as refusal:
        await hold(db, await make_booker(db), early.id)

    assert refusal.value.extra == {"later_free": 2}
    assert "后面还有 2 个号" in refusal.value.title


async def test_a_place_that_goes_between_reading_and_writing_is_refused(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    slow, quick = await make_booker(db), await make_booker(db)
    await db.commit()
    slot_id = slot.id
    planned = await plan_hold(db, request_of(slow, slot.id))
    await hold_once(sessions, quick, slot.id)

    with pytest.raises(SlotSoldOut):
        await write_hold(db, planned)

    await db.rollback()
    assert (await db.scalars(select(Appointment.account_id))).all() == [quick.account_id]
    assert await counters(db, slot_id) == {"held": 1}


async def test_a_session_suspended_between_reading_and_writing_sells_nothing(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    booker = await make_booker(db)
    await db.commit()
    slot_id = slot.id
    planned = await plan_hold(db, request_of(booker, slot.id))
    async with transaction(sessions) as other:
        await suspend(other, slot.session_id, reason="医生生病", by="staff:test")

    with pytest.raises(Problem):
        await write_hold(db, planned)

    await db.rollback()
    assert await counters(db, slot_id) == {"frozen": 1}


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"released": False}, "slot-not-released"),
        ({"state": SessionState.SUSPENDED}, "session-suspended"),
        ({"state": SessionState.FINISHED}, "slot-over"),
        ({"starts_at": datetime(2024, 3, 1, 1, tzinfo=UTC), "date": date(2024, 3, 1)}, "slot-over"),
        ({"days": 15}, "outside-booking-window"),
        ({"capacity": 0}, "slot-sold-out"),
        ({"sex_limit": Sex.MALE}, "department-sex-limit"),
        ({"max_age_years": 14}, "department-age-limit"),
    ],
)
async def test_each_rule_refuses_with_its_code_and_leaves_nothing(
    db: AsyncSession, overrides: dict[str, object], code: str
) -> None:
    booker = await make_booker(db, birth_date=date(1990, 1, 1), sex=Sex.FEMALE)
    slot = await make_slot(db, **overrides)
    await db.commit()

    with pytest.raises(Problem) as refusal:
        await hold(db, booker, slot.id)

    assert refusal.value.code == code
    assert await nothing_is_booked(db)


async def test_an_unknown_slot_and_a_strangers_patient_do_not_exist(db: AsyncSession) -> None:
    mine, other = await make_booker(db), await make_booker(db)
    slot = await make_slot(db)
    await db.commit()

    with pytest.raises(NotFound):
        await hold(db, mine, new_id(slot.hospital_id))
    with pytest.raises(NotFound):
        await hold(db, mine, slot.id, patient_id=other.patient_id)

    assert await nothing_is_booked(db)


async def test_one_person_books_a_session_once_through_whichever_account(db: AsyncSession) -> None:
    person = await make_person(db)
    first, second = await make_booker(db, person=person), await make_booker(db, person=person)
    session = await make_session(db, slots=2)
    early, late = await slots_of(db, session)
    plan = await hold(db, first, early.id)

    with pytest.raises(policy.AlreadyBooked) as refusal:
        await hold(db, second, late.id)

    assert refusal.value.extra["appointment_id"] == str(plan.appointment_id)
    assert await counters(db, late.id) == {"free": 5}


async def test_two_departments_at_overlapping_times_are_refused(db: AsyncSession) -> None:
    booker = await make_booker(db)
    here = await make_clinic(db)
    there = await make_clinic(db, hospital_id=here.hospital_id)
    slot = (await slots_of(db, await make_session(db, clinic=here)))[0]
    same_time = (await slots_of(db, await make_session(db, clinic=there)))[0]
    await hold(db, booker, slot.id)

    with pytest.raises(policy.TimeConflict):
        await hold(db, booker, same_time.id)


async def test_the_unique_index_names_the_rule_when_the_lock_is_passed_by(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db)
    await db.commit()
    planned = await plan_hold(db, request_of(booker, slot.id))
    again = await plan_hold(db, request_of(booker, slot.id))
    await write_hold(db, planned)

    with pytest.raises(policy.AlreadyBooked):
        await write_hold(db, again)


async def test_staff_draw_from_a_pool_and_the_booking_is_paid_on_site(db: AsyncSession) -> None:
    booker = await make_booker(db, birth_date=date(1950, 1, 1))
    slot = await make_slot(db, capacity=1, pools={Bucket.ELDERLY: 1})

    plan = await hold(db, booker, slot.id, channel="desk", pool=Bucket.ELDERLY)

    row = await appointment(db, plan.appointment_id)
    assert (row.state, row.number, row.channel) == (AppointmentState.BOOKED, 1, "desk")
    assert (await order(db, plan.order_id)).state is OrderState.CREATED
    assert await counters(db, slot.id) == {"booked": 1}
    with pytest.raises(PoolEmpty):
        await hold(db, await make_booker(db), slot.id, channel="desk", pool=Bucket.REFERRAL)


async def test_overruling_skips_the_persons_limits_but_not_the_slot(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"per_day_hospital": 1})
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    morning = await make_slot(db, clinic=clinic)
    later = await make_slot(db, clinic=other, starts=time(14))
    await hold(db, booker, morning.id)
    with pytest.raises(policy.DailyLimit):
        await hold(db, booker, later.id)

    await hold(db, booker, later.id, channel="desk", is_overruling=True, overruling_reason="急诊转来")

    trail = (await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "appointment.book"))).one()
    assert trail.data["overruling_reason"] == "急诊转来"


async def test_a_burst_for_one_place_books_one(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=3)
    bookers = [await make_booker(db) for _ in range(20)]
    await db.commit()

    async def attempt(number: int) -> bool:
        try:
            await hold_once(sessions, bookers[number], slot.id)
        except Problem:
            return False
        return True

    won = await asyncio.gather(*(attempt(number) for number in range(20)))

    assert sum(won) == 3
    assert await counters(db, slot.id) == {"held": 3}
    assert [seq for seq, *_ in await moves_of(db, slot.id)] == [1, 2, 3]


async def test_one_person_in_two_accounts_at_once_stays_within_the_limit(
    sessions: Sessions, db: AsyncSession
) -> None:
    person = await make_person(db)
    clinic = await make_clinic(db, rules={"per_day_hospital": 1, "per_week": 1})
    bookers = [await make_booker(db, person=person) for _ in range(6)]
    places = [
        await make_slot(
            db,
            clinic=await make_clinic(db, hospital_id=clinic.hospital_id),
            starts=time(8 + number),
        )
        for number in range(6)
    ]
    await db.commit()

    async def attempt(number: int) -> bool:
        try:
            await hold_once(sessions, bookers[number], places[number].id)
        except (policy.DailyLimit, policy.WeeklyLimit):
            return False
        return True

    won = await asyncio.gather(*(attempt(number) for number in range(6)))

    assert sum(won) == 1


async def test_a_paid_hold_becomes_a_booked_appointment(db: AsyncSession) -> None:
    slot = await make_slot(db)

    row = await book(db, await make_booker(db), slot.id)

    assert (row.state, row.number) == (AppointmentState.BOOKED, 1)
    assert await counters(db, slot.id) == {"free": 4, "booked": 1}
