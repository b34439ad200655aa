from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentState,
    Channel,
    CreditEvent,
    CreditKind,
)
from guahao.booking.queries.law import broken_slots
from guahao.booking.reactions import REACTIONS
from guahao.booking.service import reschedule
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.confirm import confirm
from guahao.booking.service.plan import HoldPlan, SlotSoldOut
from guahao.kernel.clock import CHINA
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.kernel.relay import Relay
from guahao.payment.models import OrderState, RefundReason
from guahao.scheduling.models import Bucket
from tests.factories.booking import (
    Booker,
    appointment,
    book,
    events,
    hold,
    make_booker,
    moves_of,
    order,
    request_of,
)
from tests.factories.payment import let_refunds_arrive, open_payment, pay_late, refunds_of
from tests.factories.scheduling import counters, make_clinic, make_session, make_slot, slots_of

pytestmark = pytest.mark.anyio
CLERK = "staff:clerk"


async def move(db: AsyncSession, row: Appointment, booker: Booker, slot_id: object) -> HoldPlan:
    request = request_of(booker, slot_id)  # type: ignore[arg-type]  # ids of any kind are tried
    return await reschedule.reschedule(db, appointment_id=row.id, request=request)


async def test_a_move_takes_the_new_place_keeps_the_order_and_frees_the_old_place(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)

    plan = await move(db, old, booker, late.id)

    new = await appointment(db, plan.appointment_id)
    assert (new.state, new.number, new.rescheduled_from) == (AppointmentState.BOOKED, 2, old.id)
    assert new.order_id == old.order_id
    assert (await appointment(db, old.id)).state is AppointmentState.RESCHEDULED
    assert (await order(db, old.order_id)).state is OrderState.PAID
    assert await counters(db, early.id) == {"free": 1}
    assert await counters(db, late.id) == {"booked": 1}
    assert (await events(db))[-1] == "booking.appointment.rescheduled"
    assert (await moves_of(db, early.id))[-1][1:] == ("reschedule", "booked", "free")
    assert await broken_slots(db) == 0


async def test_a_payment_told_after_the_move_keeps_the_money_where_it_went(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)
    await move(db, old, booker, late.id)

    await confirm(db, order_id=old.order_id)

    assert (await order(db, old.order_id)).state is OrderState.PAID
    assert "payment.refund.requested" not in await events(db)


async def test_money_that_comes_after_a_move_and_a_cancellation_goes_back(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    plan = await hold(db, booker, early.id, actor=CLERK, channel=Channel.DESK)
    payment = await open_payment(db, plan.order_id)
    moved = await move(db, await appointment(db, plan.appointment_id), booker, late.id)
    await cancel(db, appointment_id=moved.appointment_id, by=Canceller(actor=CLERK, is_staff=True))
    await pay_late(db, payment)
    await db.commit()

    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass

    assert [row.amount_fen for row in await refunds_of(db, plan.order_id)] == [payment.amount_fen]
    assert (await order(db, plan.order_id)).state is OrderState.REFUNDING


async def test_money_for_a_desk_booking_is_kept_where_it_was_moved(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    plan = await hold(db, booker, early.id, actor=CLERK, channel=Channel.DESK)
    payment = await open_payment(db, plan.order_id)
    moved = await move(db, await appointment(db, plan.appointment_id), booker, late.id)
    await pay_late(db, payment)
    await db.commit()

    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass

    kept = await order(db, plan.order_id)
    assert (kept.state, kept.subject) == (OrderState.PAID, f"appointment:{moved.appointment_id}")
    assert await refunds_of(db, plan.order_id) == []
    assert (await appointment(db, moved.appointment_id)).state is AppointmentState.BOOKED


async def test_a_full_slot_leaves_the_old_place_untouched(sessions: Sessions, db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)
    await hold(db, await make_booker(db), late.id)
    await db.commit()

    with pytest.raises(SlotSoldOut):
        async with transaction(sessions) as other:
            await move(other, old, booker, late.id)

    assert (await appointment(db, old.id)).state is AppointmentState.BOOKED
    assert await counters(db, early.id) == {"booked": 1}
    assert await counters(db, late.id) == {"held": 1}


async def test_a_moved_appointment_can_be_cancelled_and_refunded_once(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2)
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)
    plan = await move(db, old, booker, late.id)

    by = Canceller(actor="x", account_id=booker.account_id)
    await cancel(db, appointment_id=plan.appointment_id, by=by)

    assert (await order(db, old.order_id)).state is OrderState.REFUNDING
    assert await counters(db, late.id) == {"free": 1}


async def test_only_a_booked_appointment_moves_and_only_to_another_slot(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, slots=2)
    early, late = await slots_of(db, session)
    plan = await hold(db, booker, early.id)
    held = await appointment(db, plan.appointment_id)

    with pytest.raises(reschedule.AppointmentNotPaid):
        await move(db, held, booker, late.id)
    booked = await book(db, await make_booker(db), late.id)
    with pytest.raises(NotFound):
        await move(db, booked, await make_booker(db), new_id(session.hospital_id))


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"fee_fen": 8000}, reschedule.RescheduleFeeDiffers),
        ({"released": False}, policy.SlotNotReleased),
        ({"capacity": 0}, SlotSoldOut),
    ],
)
async def test_the_rules_hold_for_the_new_slot(
    db: AsyncSession, overrides: dict[str, object], problem: type[Problem]
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2)).id)
    target = await make_slot(db, clinic=clinic, days=3, **overrides)

    with pytest.raises(problem):
        await move(db, old, booker, target.id)


async def test_a_move_to_a_cheaper_slot_gives_the_difference_back_once(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2, fee_fen=5000)).id)
    cheaper = await make_slot(db, clinic=clinic, days=3, fee_fen=3000)
    cheapest = await make_slot(db, clinic=clinic, days=4, fee_fen=1000)
    await db.commit()

    plan = await move(db, old, booker, cheaper.id)
    await db.commit()
    again = await move(db, await appointment(db, plan.appointment_id), booker, cheapest.id)
    await db.commit()
    by = Canceller(actor="x", account_id=booker.account_id)
    await cancel(db, appointment_id=again.appointment_id, by=by)

    assert [(row.reason, row.amount_fen) for row in await refunds_of(db, old.order_id)] == [
        (RefundReason.DIFFERENCE, 2000),
        (RefundReason.DIFFERENCE, 2000),
        (RefundReason.CANCELLED, 1000),
    ]
    assert await broken_slots(db) == 0


async def test_after_the_difference_has_arrived_the_order_is_partly_refunded(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2, fee_fen=5000)).id)
    plan = await move(db, old, booker, (await make_slot(db, clinic=clinic, days=3, fee_fen=3000)).id)
    assert (await order(db, old.order_id)).state is OrderState.REFUNDING

    await let_refunds_arrive(db, old.order_id)

    assert (await order(db, old.order_id)).state is OrderState.PART_REFUNDED
    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.BOOKED


async def test_moving_to_cheaper_slots_at_once_gives_one_difference_back(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2, fee_fen=5000)).id)
    targets = [await make_slot(db, clinic=clinic, days=days, fee_fen=3000) for days in (3, 4, 5)]
    await db.commit()

    async def attempt(slot_id: object) -> bool:
        try:
            async with transaction(sessions) as other:
                await move(other, old, booker, slot_id)
        except Problem:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(slot.id) for slot in targets))) == 1
    assert [row.amount_fen for row in await refunds_of(db, old.order_id)] == [2000]


async def test_a_crash_before_the_commit_of_a_cheaper_move_promises_nothing(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2, fee_fen=5000)).id)
    cheaper = await make_slot(db, clinic=clinic, days=3, fee_fen=3000)
    await db.commit()

    async with sessions() as other:
        await move(other, old, booker, cheaper.id)
        await other.rollback()

    assert await refunds_of(db, old.order_id) == []
    assert (await order(db, old.order_id)).state is OrderState.PAID


async def test_a_fee_that_is_paid_at_the_desk_cannot_be_given_back_in_part(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    dear = await make_slot(db, clinic=clinic, days=2, fee_fen=5000)
    same = await make_slot(db, clinic=clinic, days=3, fee_fen=5000)
    cheaper = await make_slot(db, clinic=clinic, days=4, fee_fen=3000)
    plan = await hold(db, booker, dear.id, channel=Channel.DESK)
    row = await appointment(db, plan.appointment_id)
    await db.commit()

    with pytest.raises(reschedule.RescheduleFeeDiffers) as refused:
        async with transaction(sessions) as other:
            await move(other, row, booker, cheaper.id)

    assert refused.value.extra == {"fee_fen": 3000}
    assert (await appointment(db, row.id)).state is AppointmentState.BOOKED
    assert (await move(db, row, booker, same.id)).number == 1


async def test_another_hospitals_slot_is_refused(db: AsyncSession) -> None:
    booker = await make_booker(db)
    old = await book(db, booker, (await make_slot(db)).id)
    elsewhere = await make_slot(db, starts=time(15))

    with pytest.raises(reschedule.RescheduleOtherHospital):
        await move(db, old, booker, elsewhere.id)
    with pytest.raises(reschedule.RescheduleSameSlot):
        await move(db, old, booker, old.slot_id)


async def test_a_late_move_counts_like_a_late_cancellation(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"cancel_deadline_days_before": 7})
    old = await book(db, booker, (await make_slot(db, clinic=clinic, days=2)).id)

    await move(db, old, booker, (await make_slot(db, clinic=clinic, days=3)).id)

    assert (await db.scalars(select(CreditEvent.kind))).all() == [CreditKind.CANCELLED_LATE]


async def test_two_people_trading_places_do_not_block_each_other(
    sessions: Sessions, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    one, two = await make_booker(db), await make_booker(db)
    here = await make_slot(db, clinic=clinic, days=2, capacity=4)
    there = await make_slot(db, clinic=clinic, days=3, capacity=4)
    first, second = await book(db, one, here.id), await book(db, two, there.id)
    await db.commit()

    async def swap(row: Appointment, booker: Booker, slot_id: object) -> None:
        async with transaction(sessions) as other:
            await move(other, row, booker, slot_id)

    await asyncio.gather(swap(first, one, there.id), swap(second, two, here.id))

    assert await counters(db, here.id) == {"free": 3, "booked": 1}
    assert await counters(db, there.id) == {"free": 3, "booked": 1}
    assert await broken_slots(db) == 0


async def test_moving_twice_at_once_moves_once(sessions: Sessions, db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=3, slots=3)
    early, *others = await slots_of(db, session)
    old = await book(db, booker, early.id)
    await db.commit()

    async def attempt(slot_id: object) -> bool:
        try:
            async with transaction(sessions) as other:
                await move(other, old, booker, slot_id)
        except Problem:
            return False
        return True

    won = await asyncio.gather(*(attempt(slot.id) for slot in others))

    assert sum(won) == 1
    assert await counters(db, early.id) == {"free": 3}
    assert await broken_slots(db) == 0


async def test_moved_and_cancelled_at_once_one_wins_and_the_places_are_exact(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=3, slots=2)
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)
    await db.commit()
    by = Canceller(actor="x", account_id=booker.account_id)

    async def attempt(change: Callable[[AsyncSession], Awaitable[object]]) -> bool:
        try:
            async with transaction(sessions) as other:
                await change(other)
        except Problem:
            return False
        return True

    moved, cancelled = await asyncio.gather(
        attempt(lambda other: move(other, old, booker, late.id)),
        attempt(lambda other: cancel(other, appointment_id=old.id, by=by)),
    )

    assert moved is not cancelled
    assert await counters(db, early.id) == {"free": 3}
    assert await counters(db, late.id) == ({"free": 2, "booked": 1} if moved else {"free": 3})
    assert len(await refunds_of(db, old.order_id)) == int(cancelled)
    assert await broken_slots(db) == 0


async def test_a_scarce_doctors_place_cools_when_its_patient_moves(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2, level="expert")
    early, late = await slots_of(db, session)
    old = await book(db, booker, early.id)

    await move(db, old, booker, late.id)

    assert await counters(db, early.id) == {Bucket.COOLING: 1}


async def test_moving_to_and_fro_ends_with_the_limit_of_a_day(db: AsyncSession) -> None:
    booker = await make_booker(db)
    session = await make_session(db, capacity=1, slots=2, level="expert")
    clinic = await make_session(db, hospital_id=session.hospital_id, days=5, slots=3, capacity=2)
    elsewhere = await slots_of(db, clinic)
    row = await book(db, booker, (await slots_of(db, session))[0].id)
    for slot in elsewhere:
        row = await appointment(db, (await move(db, row, booker, slot.id)).appointment_id)
    first = await db.scalar(
        select(func.min(AppointmentEvent.occurred_at)).where(AppointmentEvent.to_state == "rescheduled")
    )
    assert first is not None

    with pytest.raises(policy.MovesLimit) as refused:
        await move(db, row, booker, elsewhere[0].id)

    until = (first + timedelta(days=1)).astimezone(CHINA).isoformat(timespec="seconds")
    assert refused.value.extra == {"limit": 3, "until": until}
    assert (await appointment(db, row.id)).state is AppointmentState.BOOKED


async def test_moves_count_for_a_day_and_at_one_hospital_only(db: AsyncSession) -> None:
    booker = await make_booker(db)
    here, there = [await make_session(db, days=days, slots=5, capacity=1) for days in (3, 5)]
    slots = await slots_of(db, here)
    row = await book(db, booker, slots[0].id)
    for slot in slots[1:4]:
        row = await appointment(db, (await move(db, row, booker, slot.id)).appointment_id)
    other = await book(db, booker, (await slots_of(db, there))[0].id)

    away = await move(db, other, booker, (await slots_of(db, there))[1].id)
    yesterday = func.now() - timedelta(days=1)
    await db.execute(
        update(Appointment)
        .where(Appointment.slot_id == slots[0].id)
        .values(ended_at=yesterday, booked_at=yesterday, created_at=yesterday)
    )
    again = await move(db, row, booker, slots[4].id)

    assert (away.state, again.state) == (AppointmentState.BOOKED, AppointmentState.BOOKED)
