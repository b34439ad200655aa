"""Every way in which a place returns, for every level of doctor; and what giving it up unpaid costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import BookingBlock, Channel, CreditEvent, CreditKind
from guahao.booking.policy import UnpaidHoldsLimit
from guahao.booking.queries.law import broken_slots
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.credit import excuse
from guahao.booking.service.expire import end_hold, expire_holds
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.reschedule import reschedule
from guahao.booking.service.suspension import suspend_appointments
from guahao.kernel.clock import utc_now
from guahao.payment.service.order import payment_closed
from guahao.scheduling.models import CoolingPlace, Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import Booker, book, hold, make_booker, overdue, request_of
from tests.factories.payment import open_payment, pay_late
from tests.factories.scheduling import Clinic, counters, make_clinic, make_slot

pytestmark = pytest.mark.anyio

BY = "staff:00000000-0000-0000-0000-000000000001"
Way = Callable[[AsyncSession, Booker, Slot], Awaitable[None]]


def own(booker: Booker) -> Canceller:
    return Canceller(actor=f"account:{booker.account_id}", account_id=booker.account_id)


async def patient_gives_up_unpaid(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    plan = await hold(db, booker, slot.id)
    await cancel(db, appointment_id=plan.appointment_id, by=own(booker))


async def staff_give_up_unpaid(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    plan = await hold(db, booker, slot.id)
    await cancel(db, appointment_id=plan.appointment_id, by=Canceller(actor=BY, is_staff=True))


async def hold_expires(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    plan = await hold(db, booker, slot.id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)


async def hold_expires_once_the_provider_has_closed(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    await end_hold(db, order_id=plan.order_id)


async def patient_cancels_paid(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=own(booker))


async def staff_cancel_paid(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=Canceller(actor=BY, is_staff=True))


async def staff_cancel_excused(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=Canceller(actor=BY, is_staff=True, is_excused=True))


async def staff_cancel_for_the_hospital(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    await cancel(db, appointment_id=row.id, by=Canceller(actor=BY, is_staff=True, is_hospital_fault=True))


async def patient_moves(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    clinic = await make_clinic(db, hospital_id=slot.hospital_id)
    other = await make_slot(db, clinic=clinic, days=5)
    await reschedule(db, appointment_id=row.id, request=request_of(booker, other.id))


async def suspension_ends_a_hold(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    await hold(db, booker, slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)


async def patient_gives_up_a_hold_of_a_suspended_session(
    db: AsyncSession, booker: Booker, slot: Slot
) -> None:
    plan = await hold(db, booker, slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await cancel(db, appointment_id=plan.appointment_id, by=own(booker))


async def patient_cancels_a_suspended_one(db: AsyncSession, booker: Booker, slot: Slot) -> None:
    row = await book(db, booker, slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    await cancel(db, appointment_id=row.id, by=own(booker))


UNPAID: tuple[Way, ...] = (
    patient_gives_up_unpaid,
    staff_give_up_unpaid,
    hold_expires,
    hold_expires_once_the_provider_has_closed,
)
PAID: tuple[Way, ...] = (
    patient_cancels_paid,
    staff_cancel_paid,
    staff_cancel_excused,
    staff_cancel_for_the_hospital,
    patient_moves,
)
SUSPENDED: tuple[Way, ...] = (
    suspension_ends_a_hold,
    patient_gives_up_a_hold_of_a_suspended_session,
    patient_cancels_a_suspended_one,
)


@pytest.mark.parametrize("level", ["general", "expert", "special"])
@pytest.mark.parametrize("way", [*UNPAID, *PAID, *SUSPENDED])
async def test_a_scarce_place_cools_whatever_ended_the_appointment(
    db: AsyncSession, way: Way, level: str
) -> None:
    slot = await make_slot(db, capacity=1, level=level)

    await way(db, await make_booker(db), slot)

    scarce = "cooling" if level != "general" else "free"
    bucket = "frozen" if way in SUSPENDED else scarce
    assert await counters(db, slot.id) == {bucket: 1}
    assert await db.scalar(select(func.count()).select_from(CoolingPlace)) == (bucket == "cooling")
    assert await broken_slots(db) == 0


@pytest.mark.parametrize("way", [*UNPAID, *PAID, *SUSPENDED])
async def test_only_a_hold_that_ended_unpaid_by_the_person_counts_as_one(db: AsyncSession, way: Way) -> None:
    slot = await make_slot(db)

    await way(db, await make_booker(db), slot)

    kinds = list(await db.scalars(select(CreditEvent.kind)))
    assert (CreditKind.UNPAID in kinds) is (way in UNPAID)


async def rounds(db: AsyncSession, booker: Booker, clinic: Clinic, way: Way, *, count: int) -> int:
    """Take and give up a place of the clinic so often; answers how often it was let."""
    for number in range(count):
        slot = await make_slot(db, clinic=clinic, level="expert", days=2 + number)
        try:
            await way(db, booker, slot)
        except UnpaidHoldsLimit:
            return number
    return count


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("way", UNPAID)
async def test_holding_and_giving_up_ends_with_the_limit(db: AsyncSession, way: Way, limit: int) -> None:
    clinic = await make_clinic(db, rules={"unpaid_per_day": limit})

    let = await rounds(db, await make_booker(db), clinic, way, count=10)

    assert let == limit
    assert await db.scalar(select(func.count()).select_from(BookingBlock)) == 0


async def refusal(
    db: AsyncSession, booker: Booker, clinic: Clinic, *, days: int = 9, **overrides: Any
) -> Any:
    slot = await make_slot(db, clinic=clinic, days=days)
    try:
        await hold(db, booker, slot.id, **overrides)
    except UnpaidHoldsLimit as problem:
        return problem.extra
    return None


async def test_the_limit_ends_a_day_after_the_first_and_names_that_moment(db: AsyncSession) -> None:
    clinic, booker = await make_clinic(db, rules={"unpaid_per_day": 2}), await make_booker(db)
    await rounds(db, booker, clinic, patient_gives_up_unpaid, count=2)
    first, second = timedelta(hours=23), timedelta(hours=2)
    for ago in (first, second):
        await db.execute(
            update(CreditEvent)
            .where(CreditEvent.appointment_id == await _newest_credit(db))
            .values(occurred_at=func.now() - ago)
        )

    refused = await refusal(db, booker, clinic)
    until = datetime.fromisoformat(refused["until"])
    await db.execute(update(CreditEvent).values(occurred_at=CreditEvent.occurred_at - timedelta(hours=1)))

    assert refused["limit"] == 2
    assert abs(until - utc_now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert await refusal(db, booker, clinic, days=10) is None


async def _newest_credit(db: AsyncSession) -> Any:
    newest = select(CreditEvent.appointment_id).order_by(
        CreditEvent.occurred_at.desc(), CreditEvent.appointment_id
    )
    return await db.scalar(newest.limit(1))


async def test_the_limit_is_of_one_person_at_one_hospital_and_not_of_the_desk(db: AsyncSession) -> None:
    clinic, booker = await make_clinic(db, rules={"unpaid_per_day": 1}), await make_booker(db)
    elsewhere = await make_clinic(db, rules={"unpaid_per_day": 1})
    await rounds(db, booker, clinic, patient_gives_up_unpaid, count=1)

    assert await refusal(db, booker, clinic) is not None
    assert await refusal(db, booker, elsewhere) is None
    assert await refusal(db, await make_booker(db), clinic, days=10) is None
    assert await refusal(db, booker, clinic, days=11, channel=Channel.DESK) is None


async def test_what_staff_excuse_counts_no_longer(db: AsyncSession) -> None:
    clinic, booker = await make_clinic(db, rules={"unpaid_per_day": 1}), await make_booker(db)
    await rounds(db, booker, clinic, hold_expires, count=1)
    (appointment_id,) = await db.scalars(select(CreditEvent.appointment_id))

    await excuse(db, appointment_id=appointment_id, reason="系统故障", actor=BY, now=utc_now())

    assert await refusal(db, booker, clinic) is None


async def test_late_money_gets_a_cooling_place_back_and_nothing_counts(db: AsyncSession) -> None:
    clinic, booker = await make_clinic(db, rules={"unpaid_per_day": 1}), await make_booker(db)
    slot = await make_slot(db, clinic=clinic, capacity=1, level="expert")
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    await end_hold(db, order_id=plan.order_id)
    cooling = await counters(db, slot.id)
    await pay_late(db, payment)

    await accept_late_money(db, order_id=plan.order_id)

    assert cooling == {"cooling": 1}
    assert await counters(db, slot.id) == {"booked": 1}
    assert await db.scalar(select(func.count()).select_from(CoolingPlace)) == 0
    assert list(await db.scalars(select(CreditEvent.kind))) == []
    assert await broken_slots(db) == 0
