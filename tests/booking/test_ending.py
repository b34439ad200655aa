from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import (
    Appointment,
    AppointmentState,
    BookingBlock,
    CreditEvent,
    CreditKind,
    EventReason,
)
from guahao.booking.queries.law import broken_slots
from guahao.booking.queries.screen import allowed_now
from guahao.booking.reactions import REACTIONS
from guahao.booking.service.cancel import AppointmentBeingConfirmed, Canceller, cancel
from guahao.booking.service.confirm import confirm
from guahao.booking.service.credit import lift_block
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.transition import AppointmentEnded, Transition, transition
from guahao.catalog.models import RuleSetRow
from guahao.catalog.policy.rules import Rules
from guahao.catalog.queries import forget_rules
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.kernel.relay import Relay
from guahao.payment.models import OrderState, RefundReason
from guahao.payment.service import OrderNotPayable
from guahao.scheduling.models import CoolingPlace, Slot
from tests.factories.booking import (
    Booker,
    appointment,
    book,
    events,
    hold,
    hold_once,
    make_booker,
    moves_of,
    order,
    overdue,
)
from tests.factories.payment import pay, refunds_of
from tests.factories.payment import pay as pay_order
from tests.factories.scheduling import counters, make_clinic, make_slot

pytestmark = pytest.mark.anyio


def by(booker: Booker) -> Canceller:
    return Canceller(actor=f"account:{booker.account_id}", account_id=booker.account_id)


async def test_confirming_gives_dense_numbers_and_is_harmless_twice(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=3)
    plans = [await hold(db, await make_booker(db), slot.id) for _ in range(3)]
    for plan in (plans[2], plans[0]):
        await pay(db, plan.order_id)
        await confirm(db, order_id=plan.order_id)
        await confirm(db, order_id=plan.order_id)

    rows = [await appointment(db, plan.appointment_id) for plan in plans]

    assert [(row.state, row.number) for row in rows] == [
        (AppointmentState.BOOKED, 2),
        (AppointmentState.HELD, None),
        (AppointmentState.BOOKED, 1),
    ]
    assert await counters(db, slot.id) == {"held": 1, "booked": 2}
    assert await broken_slots(db) == 0


async def test_confirmations_at_once_number_without_gap_or_double(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=8)
    plans = [await hold(db, await make_booker(db), slot.id) for _ in range(8)]
    for plan in plans:
        await pay(db, plan.order_id)
    await db.commit()

    async def confirm_one(number: int) -> None:
        async with transaction(sessions) as other:
            await confirm(other, order_id=plans[number].order_id)

    await asyncio.gather(*(confirm_one(number) for number in [*range(8), *range(8)]))

    numbers = (await db.scalars(select(Appointment.number))).all()
    assert sorted(number or 0 for number in numbers) == list(range(1, 9))
    assert await counters(db, slot.id) == {"booked": 8}


async def test_an_order_is_paid_once(db: AsyncSession) -> None:
    plan = await hold(db, await make_booker(db), (await make_slot(db)).id)
    await pay(db, plan.order_id)

    with pytest.raises(OrderNotPayable):
        await pay(db, plan.order_id)
    with pytest.raises(NotFound):
        await pay(db, new_id(1))

    assert (await events(db)).count("payment.order.paid") == 1


async def test_a_hold_that_nobody_paid_expires_and_its_place_is_sold_again(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    assert await expire_holds(db) == 0
    await overdue(db, plan.appointment_id)

    assert await expire_holds(db) == 1

    row = await appointment(db, plan.appointment_id)
    assert (row.state, row.ended_at is not None) == (AppointmentState.EXPIRED, True)
    assert (await order(db, plan.order_id)).state is OrderState.CLOSED
    with pytest.raises(OrderNotPayable):
        await pay(db, plan.order_id)
    assert await counters(db, slot.id) == {"free": 1}
    again = await hold(db, await make_booker(db), slot.id)
    assert again.state is AppointmentState.HELD
    assert [line[1] for line in await moves_of(db, slot.id)] == ["hold", "expire", "hold"]
    assert await broken_slots(db) == 0


async def test_two_workers_expire_each_hold_once(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=6)
    for _ in range(6):
        plan = await hold(db, await make_booker(db), slot.id)
        await overdue(db, plan.appointment_id)
    await db.commit()

    async def work() -> int:
        async with transaction(sessions) as other:
            return await expire_holds(other)

    done = await asyncio.gather(*(work() for _ in range(3)))

    assert sum(done) == 6
    assert await counters(db, slot.id) == {"free": 6}


async def test_cancelling_a_hold_closes_its_order_and_lets_its_place_cool(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1, level="expert")
    plan = await hold(db, booker, slot.id)

    row = await cancel(db, appointment_id=plan.appointment_id, by=by(booker))

    assert row.state is AppointmentState.CANCELLED_BY_PATIENT
    assert (await order(db, plan.order_id)).state is OrderState.CLOSED
    assert await counters(db, slot.id) == {"cooling": 1}
    assert list(await db.scalars(select(CreditEvent.kind))) == [CreditKind.UNPAID]


async def test_cancelling_twice_returns_one_place_and_one_refund(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=2)
    row = await book(db, booker, slot.id)

    await cancel(db, appointment_id=row.id, by=by(booker))
    await cancel(db, appointment_id=row.id, by=by(booker))

    (refund,) = await refunds_of(db, row.order_id)
    assert (refund.reason, refund.requested_by) == (RefundReason.CANCELLED, f"account:{booker.account_id}")
    assert await counters(db, slot.id) == {"free": 2}
    assert (await db.scalars(select(CreditEvent.kind))).all() == [CreditKind.CANCELLED]


async def test_cancelling_at_once_from_two_phones_returns_one_place(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=2)
    row = await book(db, booker, slot.id)
    await db.commit()

    async def try_cancel() -> None:
        async with transaction(sessions) as other:
            await cancel(other, appointment_id=row.id, by=by(booker))

    await asyncio.gather(*(try_cancel() for _ in range(6)))

    assert await counters(db, slot.id) == {"free": 2}
    assert (await events(db)).count("payment.refund.requested") == 1


async def test_a_scarce_doctors_place_cools_before_it_is_sold_again(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1, level="expert")
    row = await book(db, booker, slot.id)

    await cancel(db, appointment_id=row.id, by=by(booker))

    cooling = (await db.scalars(select(CoolingPlace))).one()
    now = (await db.scalars(select(func.clock_timestamp()))).one()
    assert await counters(db, slot.id) == {"cooling": 1}
    assert timedelta(minutes=4) < cooling.until - now <= timedelta(minutes=120)


async def test_a_strangers_appointment_cannot_be_cancelled(db: AsyncSession) -> None:
    slot = await make_slot(db)
    row = await book(db, await make_booker(db), slot.id)

    with pytest.raises(NotFound):
        await cancel(db, appointment_id=row.id, by=by(await make_booker(db)))

    assert (await appointment(db, row.id)).state is AppointmentState.BOOKED


async def test_an_expired_appointment_cannot_be_cancelled(db: AsyncSession) -> None:
    booker = await make_booker(db)
    plan = await hold(db, booker, (await make_slot(db)).id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)

    with pytest.raises(AppointmentEnded):
        await cancel(db, appointment_id=plan.appointment_id, by=by(booker))


async def test_a_hold_whose_money_is_on_its_way_is_not_cancelled(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1)
    await db.commit()
    plan = await hold_once(sessions, booker, slot.id)
    async with transaction(sessions) as other:
        await pay(other, plan.order_id)

    with pytest.raises(AppointmentBeingConfirmed):
        async with transaction(sessions) as other:
            await cancel(other, appointment_id=plan.appointment_id, by=by(booker))

    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.HELD


async def test_money_for_an_appointment_that_ended_goes_back(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    await pay(db, plan.order_id)
    held = await appointment(db, plan.appointment_id)
    ended = Transition(appointment=held, to=AppointmentState.EXPIRED, reason=EventReason.UNPAID)
    await transition(db, ended)

    await confirm(db, order_id=plan.order_id)
    await confirm(db, order_id=plan.order_id)

    assert (await order(db, plan.order_id)).state is OrderState.REFUNDING
    assert (await events(db)).count("payment.refund.requested") == 1


async def begin(db: AsyncSession, row: Appointment) -> None:
    start = datetime(2024, 3, 1, 1, tzinfo=UTC)
    moved = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
    await db.execute(update(Slot).where(Slot.id == row.slot_id).values(moved))
    await db.execute(update(Appointment).where(Appointment.id == row.id).values(moved))


async def test_after_the_start_only_staff_cancel(db: AsyncSession) -> None:
    booker = await make_booker(db)
    row = await book(db, booker, (await make_slot(db)).id)
    await begin(db, row)

    with pytest.raises(policy.CancelTooLate):
        await cancel(db, appointment_id=row.id, by=by(booker))
    ended = await cancel(
        db, appointment_id=row.id, by=Canceller(actor="staff:1", is_staff=True, is_hospital_fault=True)
    )

    assert ended.state is AppointmentState.CANCELLED_BY_HOSPITAL
    (refund,) = await refunds_of(db, row.order_id)
    assert (refund.reason, refund.requested_by) == (RefundReason.HOSPITAL, "staff:1")
    assert (await db.scalars(select(CreditEvent))).all() == []


async def test_a_late_cancellation_is_refunded_and_counts(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"cancel_deadline_days_before": 7})
    row = await book(db, booker, (await make_slot(db, clinic=clinic)).id)

    await cancel(db, appointment_id=row.id, by=by(booker))

    assert (await order(db, row.order_id)).state is OrderState.REFUNDING
    assert (await db.scalars(select(CreditEvent.kind))).all() == [CreditKind.CANCELLED_LATE]


async def test_the_deadline_in_force_at_booking_counts(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    row = await book(db, booker, (await make_slot(db, clinic=clinic, days=5)).id)
    stricter = replace(Rules(), cancel_deadline_days_before=7)
    await db.execute(
        insert(RuleSetRow).values(
            hospital_id=clinic.hospital_id,
            version=2,
            effective_from=func.now() - timedelta(minutes=1),
            rules=msgspec.to_builtins(stricter),
            created_by="staff:1",
        )
    )
    forget_rules(clinic.hospital_id)

    assert (await allowed_now(db, row, kept=None, now=utc_now())).cancel_counts is False
    await cancel(db, appointment_id=row.id, by=by(booker))

    assert (await db.scalars(select(CreditEvent.kind))).all() == [CreditKind.CANCELLED]


async def test_a_late_cancellation_is_like_any_other_where_the_rules_say_so(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"cancel_deadline_days_before": 7, "late_cancel_counts": False})
    row = await book(db, booker, (await make_slot(db, clinic=clinic)).id)

    await cancel(db, appointment_id=row.id, by=by(booker))

    assert (await db.scalars(select(CreditEvent.kind))).all() == [CreditKind.CANCELLED]


async def test_the_third_cancellation_pauses_online_booking_until_it_is_lifted(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    for number in range(3):
        slot = await make_slot(db, clinic=clinic, days=number + 1)
        row = await book(db, booker, slot.id)
        await cancel(db, appointment_id=row.id, by=by(booker))
    slot = await make_slot(db, clinic=clinic, days=8, starts=time(15))
    await db.commit()
    slot_id = slot.id

    with pytest.raises(policy.BookingBlocked):
        await hold(db, booker, slot_id)
    await db.rollback()
    at_desk = await hold(db, booker, slot_id, channel="desk")
    assert at_desk.number == 1
    await db.rollback()

    block = (await db.scalars(select(BookingBlock))).one()
    assert block.ends_at - block.starts_at == timedelta(days=7)
    with pytest.raises(NotFound):
        await lift_block(db, block_id=block.id, hospital_id=block.hospital_id + 1, actor="staff:1")
    await lift_block(db, block_id=block.id, hospital_id=block.hospital_id, actor="staff:1")
    assert (await hold(db, booker, slot_id)).state is AppointmentState.HELD


async def test_excused_cancellations_do_not_pause(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    for number in range(3):
        row = await book(db, booker, (await make_slot(db, clinic=clinic, days=number + 1)).id)
        await cancel(db, appointment_id=row.id, by=Canceller(actor="staff:1", is_staff=True, is_excused=True))

    assert (await db.scalars(select(BookingBlock))).all() == []


async def test_a_crash_before_commit_leaves_no_trace_of_a_cancellation(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1)
    row = await book(db, booker, slot.id)
    await db.commit()

    async with sessions() as other:
        await cancel(other, appointment_id=row.id, by=by(booker))
        await other.rollback()

    assert (await appointment(db, row.id)).state is AppointmentState.BOOKED
    assert await counters(db, slot.id) == {"booked": 1}
    assert await broken_slots(db) == 0


async def test_expiry_and_payment_at_once_end_in_one_of_two_ways(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=8)
    plans = [await hold(db, await make_booker(db), slot.id) for _ in range(8)]
    for plan in plans:
        await overdue(db, plan.appointment_id)
    await db.commit()

    async def pay(number: int) -> None:
        try:
            async with transaction(sessions) as other:
                await pay_order(other, plans[number].order_id)
        except Problem:
            return

    async def expire() -> None:
        async with transaction(sessions) as other:
            await expire_holds(other)

    await asyncio.gather(*(pay(number) for number in range(8)), expire(), expire())
    await expire()
    while await Relay(sessions, REACTIONS).tell_batch():
        pass

    for plan in plans:
        ended = (await appointment(db, plan.appointment_id)).state, (await order(db, plan.order_id)).state
        assert ended in {
            (AppointmentState.BOOKED, OrderState.PAID),
            (AppointmentState.EXPIRED, OrderState.CLOSED),
        }
    assert await broken_slots(db) == 0
