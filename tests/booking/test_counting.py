"""What counts towards the limits of a day, a week and a month: bookings that were made, over or not."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import Appointment
from guahao.booking.queries.history import histories
from guahao.booking.service.reschedule import reschedule
from guahao.catalog.policy.rules import Rules
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Slot
from tests.factories.booking import Booker, appointment, book, hold, make_booker, request_of
from tests.factories.payment import database_time
from tests.factories.scheduling import make_clinic, make_slot

pytestmark = pytest.mark.anyio


def ago(**parts: float) -> Any:
    return func.now() - timedelta(**parts)


async def change(db: AsyncSession, id_: UUID, **values: Any) -> None:
    await db.execute(update(Appointment).where(Appointment.id == id_).values(values))


async def made_ago(db: AsyncSession, booker: Booker, slot_id: UUID, *, days: int) -> Appointment:
    row = await book(db, booker, slot_id)
    await change(db, row.id, created_at=ago(days=days))
    return await appointment(db, row.id)


async def test_a_move_is_no_new_booking_to_the_limits_of_a_week_and_a_month(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"per_week": 1, "per_30_days": 2})
    slots = [await make_slot(db, clinic=clinic, days=days) for days in range(2, 8)]
    oldest = await made_ago(db, booker, slots[0].id, days=20)
    made = await made_ago(db, booker, slots[1].id, days=8)

    moved = made
    for target in slots[2:4]:
        plan = await reschedule(db, appointment_id=moved.id, request=request_of(booker, target.id))
        moved = await appointment(db, plan.appointment_id)

    assert moved.first_made_at == made.created_at < moved.created_at
    with pytest.raises(policy.MonthlyLimit):
        await hold(db, booker, slots[4].id)
    await change(db, oldest.id, created_at=ago(days=31))
    await hold(db, booker, slots[4].id)
    with pytest.raises(policy.WeeklyLimit):
        await hold(db, booker, slots[5].id)


@pytest.mark.parametrize(("days", "is_counted"), [(8, True), (29, True), (31, False)])
async def test_a_visit_that_is_over_counts_for_thirty_days_from_its_booking(
    db: AsyncSession, days: int, *, is_counted: bool
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"per_week": 1, "per_30_days": 1})
    old = await made_ago(db, booker, (await make_slot(db, clinic=clinic, days=2)).id, days=days)
    past = {"date": local_date(utc_now()) - timedelta(days=2), "starts_at": ago(days=2, hours=1)}
    await change(db, old.id, **past, ends_at=ago(days=2))
    target = await make_slot(db, clinic=clinic, days=4)

    if is_counted:
        with pytest.raises(policy.MonthlyLimit):
            await hold(db, booker, target.id)
    else:
        await hold(db, booker, target.id)


@pytest.mark.parametrize(("days", "is_counted"), [(0, True), (1, False)])
async def test_a_visit_over_today_counts_for_today_however_long_ago_it_was_booked(
    db: AsyncSession, days: int, *, is_counted: bool
) -> None:
    booker, slot = await make_booker(db), await make_slot(db, days=2)
    old = await made_ago(db, booker, slot.id, days=31)
    day = local_date(await database_time(db)) - timedelta(days=days)
    await change(db, old.id, date=day, starts_at=ago(days=1, hours=2), ends_at=ago(days=1, hours=1))

    pair = (slot.hospital_id, booker.person_id)
    history = (await histories(db, [pair]))[pair]

    assert [one.date for one in history.standing] == ([day] if is_counted else [])
    target = on_sale(slot, day, old.department_id)
    case = policy.Case(slot=target, patient=None, history=history, rules=Rules(per_day_hospital=1))
    others = policy.refusal(
        case, door=policy.Door.DESK, unknown=policy.ABOUT_PATIENTS | {policy.Check.SESSION, policy.Check.HOUR}
    )
    assert isinstance(others, policy.DepartmentDayLimit) is is_counted


def on_sale(slot: Slot, day: date, department_id: UUID) -> Any:
    """Another session of the same department on that day, as the rules look at it."""
    return SimpleNamespace(
        hospital_id=slot.hospital_id,
        session_id=new_id(slot.hospital_id),
        department_id=department_id,
        date=day,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        now=utc_now(),
    )
