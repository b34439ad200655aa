from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.queries.law import broken_slots
from guahao.booking.reactions import REACTIONS
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.confirm import confirm
from guahao.booking.service.expire import end_hold, expire_holds
from guahao.booking.service.plan import HoldPlan
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.relay import Relay
from guahao.payment.models import Order, OrderState, Payment, PaymentState, Refund, RefundReason
from guahao.payment.service.facts import apply_paid
from guahao.payment.service.order import payment_closed
from tests.factories.booking import appointment, events, hold, make_booker, order, overdue
from tests.factories.payment import open_payment, paid
from tests.factories.payment import pay as pay_order
from tests.factories.scheduling import counters, make_slot

pytestmark = pytest.mark.anyio

HELD, BOOKED, EXPIRED = AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.EXPIRED


async def told(sessions: Sessions) -> None:
    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass


async def paying(db: AsyncSession, slot_id: UUID) -> tuple[HoldPlan, Payment]:
    """A hold whose payment is open at a provider and whose time is over."""
    plan = await hold(db, await make_booker(db), slot_id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    return plan, payment


async def state_of(db: AsyncSession, plan: HoldPlan) -> tuple[AppointmentState, OrderState]:
    return (await appointment(db, plan.appointment_id)).state, (await order(db, plan.order_id)).state


async def test_a_hold_with_an_open_payment_keeps_its_place_until_the_provider_has_closed_it(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan, payment = await paying(db, slot.id)

    assert [await expire_holds(db), await expire_holds(db)] == [1, 0]
    assert await state_of(db, plan) == (HELD, OrderState.CLOSING)
    assert await counters(db, slot.id) == {"held": 1}
    await payment_closed(db, payment_id=payment.id)
    await db.commit()
    await told(sessions)

    assert await state_of(db, plan) == (EXPIRED, OrderState.CLOSED)
    assert await counters(db, slot.id) == {"free": 1}
    assert (await events(db)).count("booking.appointment.expired") == 1
    assert await broken_slots(db) == 0


async def test_a_hold_whose_provider_answers_that_it_was_paid_is_booked(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan, payment = await paying(db, slot.id)
    await expire_holds(db)

    await apply_paid(db, paid(payment))
    await payment_closed(db, payment_id=payment.id)
    await db.commit()
    await told(sessions)

    assert await state_of(db, plan) == (BOOKED, OrderState.PAID)
    assert await counters(db, slot.id) == {"booked": 1}
    assert (await db.scalars(select(Refund))).all() == []


async def test_a_hold_paid_in_the_last_second_is_left_to_its_confirmation(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    await pay_order(db, plan.order_id)
    await overdue(db, plan.appointment_id)

    assert [await expire_holds(db), await expire_holds(db)] == [1, 0]
    assert await state_of(db, plan) == (HELD, OrderState.PAID)
    await db.commit()
    await told(sessions)

    assert await state_of(db, plan) == (BOOKED, OrderState.PAID)
    assert await counters(db, slot.id) == {"booked": 1}


async def test_holds_that_wait_for_a_provider_keep_no_other_hold_from_ending(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=120)
    waiting = [(await paying(db, slot.id))[0] for _ in range(60)]
    unpaid = await hold(db, await make_booker(db), slot.id)
    await overdue(db, unpaid.appointment_id)

    done = [await expire_holds(db) for _ in range(3)]

    assert done == [50, 11, 0]
    assert await state_of(db, unpaid) == (EXPIRED, OrderState.CLOSED)
    assert {await state_of(db, plan) for plan in waiting} == {(HELD, OrderState.CLOSING)}
    assert await counters(db, slot.id) == {"free": 60, "held": 60}


async def test_ending_a_hold_twice_or_at_once_frees_one_place(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    plan, payment = await paying(db, slot.id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    await db.commit()

    async def end() -> None:
        async with transaction(sessions) as other:
            await end_hold(other, order_id=plan.order_id)

    await asyncio.gather(*(end() for _ in range(5)))
    await end()

    assert await counters(db, slot.id) == {"free": 1}
    assert (await events(db)).count("booking.appointment.expired") == 1


async def test_a_crash_before_the_commit_of_an_expiry_leaves_the_hold_due(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=2)
    (plan, _), unpaid = await paying(db, slot.id), await hold(db, await make_booker(db), slot.id)
    await overdue(db, unpaid.appointment_id)
    await db.commit()

    async with sessions() as other:
        await expire_holds(other)
        await other.rollback()

    assert await state_of(db, plan) == (HELD, OrderState.PAYING)
    assert await state_of(db, unpaid) == (HELD, OrderState.CREATED)
    assert await counters(db, slot.id) == {"held": 2}
    assert await expire_holds(db) == 2


async def test_a_hold_that_waits_for_its_end_can_still_be_cancelled(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)

    await cancel(
        db, appointment_id=plan.appointment_id, by=Canceller(actor="x", account_id=booker.account_id)
    )
    await payment_closed(db, payment_id=payment.id)
    await db.commit()
    await told(sessions)

    assert await state_of(db, plan) == (AppointmentState.CANCELLED_BY_PATIENT, OrderState.CLOSED)
    assert await counters(db, slot.id) == {"free": 1}


async def test_money_for_a_cancelled_hold_goes_back_in_full_once(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await cancel(
        db, appointment_id=plan.appointment_id, by=Canceller(actor="x", account_id=booker.account_id)
    )
    await db.refresh(payment)
    assert payment.state is PaymentState.CLOSING

    await apply_paid(db, paid(payment))
    await db.commit()
    await told(sessions)
    await confirm(db, order_id=plan.order_id)

    assert await state_of(db, plan) == (AppointmentState.CANCELLED_BY_PATIENT, OrderState.REFUNDING)
    (refund,) = (await db.scalars(select(Refund))).all()
    assert (refund.reason, refund.amount_fen) == (RefundReason.LATE, payment.amount_fen)
    assert await counters(db, slot.id) == {"free": 1}


async def test_row_20_expiry_closing_and_payment_at_once_end_in_one_of_two_ways(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=12)
    made = [await paying(db, slot.id) for _ in range(12)]
    await db.commit()

    async def attempt(work: object) -> None:
        try:
            await work  # type: ignore[misc]  # any coroutine
        except Problem:
            return

    async def expire() -> None:
        async with transaction(sessions) as other:
            await expire_holds(other)

    async def pay(payment: Payment) -> None:
        async with transaction(sessions) as other:
            await apply_paid(other, paid(payment))

    async def close(payment: Payment) -> None:
        async with transaction(sessions) as other:
            await payment_closed(other, payment_id=payment.id)

    both = [attempt(work(payment)) for _, payment in made[::2] for work in (pay, close)]
    closed = [attempt(close(payment)) for _, payment in made[1::2]]
    await asyncio.gather(expire(), *both, *closed, expire(), told(sessions))
    await expire()
    await told(sessions)

    paid_for = {await state_of(db, plan) for plan, _ in made[::2]}
    assert paid_for == {(BOOKED, OrderState.PAID)}
    assert {await state_of(db, plan) for plan, _ in made[1::2]} <= {
        (EXPIRED, OrderState.CLOSED),
        (HELD, OrderState.CLOSING),
    }
    assert await broken_slots(db) == 0
    assert set(await db.scalars(select(EventRow.state))) <= {EventState.DONE, EventState.UNHEARD}


async def test_a_hold_keeps_its_place_to_its_last_moment(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2)
    early, over = [await hold(db, await make_booker(db), slot.id) for _ in range(2)]
    for plan, left_s in ((early, 20), (over, -1)):
        at = func.clock_timestamp() + timedelta(seconds=left_s)
        await db.execute(
            update(Appointment).where(Appointment.id == plan.appointment_id).values(hold_expires_at=at)
        )
        await db.execute(update(Order).where(Order.id == plan.order_id).values(expires_at=at))

    ended = await expire_holds(db)

    assert ended == 1
    assert await state_of(db, early) == (HELD, OrderState.CREATED)
    assert await state_of(db, over) == (EXPIRED, OrderState.CLOSED)
    assert await counters(db, slot.id) == {"held": 1, "free": 1}
    await pay_order(db, early.order_id)
    assert (await state_of(db, early))[1] is OrderState.PAID


async def test_an_expiry_marks_what_it_has_seen_and_nothing_else(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2)
    plan, _ = await paying(db, slot.id)
    other = await hold(db, await make_booker(db), slot.id)

    await expire_holds(db)

    assert (await appointment(db, plan.appointment_id)).expiring_at is not None
    assert (await appointment(db, other.appointment_id)).expiring_at is None
    await db.execute(update(Appointment).values(expiring_at=None))
    assert await expire_holds(db) == 1
