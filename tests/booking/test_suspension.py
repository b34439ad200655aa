from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Update, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState, CreditEvent
from guahao.booking.queries.law import broken_slots
from guahao.booking.reactions import REACTIONS
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.confirm import confirm
from guahao.booking.service.reschedule import reschedule
from guahao.booking.service.suspension import (
    refund_undecided,
    resume_appointments,
    suspend_appointments,
)
from guahao.kernel.db import Sessions
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.relay import Relay
from guahao.notification.models import Notice, NoticeKind, NoticeState
from guahao.payment.models import OrderState, RefundReason
from guahao.scheduling.models import ClinicSession, SessionState, Slot, Suspension
from guahao.scheduling.policy.refusals import SessionStateConflict
from guahao.scheduling.service.returns import finish_sessions
from guahao.scheduling.service.suspend import resume, suspend
from tests.factories.booking import appointment, book, hold, make_booker, order, request_of
from tests.factories.payment import pay, refunds_of
from tests.factories.scheduling import counters, make_clinic, make_slot

pytestmark = pytest.mark.anyio
BY = "staff:test"


async def stop(db: AsyncSession, slot: Slot) -> None:
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)


async def state_of(db: AsyncSession, id_: UUID) -> AppointmentState:
    return (await appointment(db, id_)).state


async def test_a_suspension_gives_the_booked_a_choice_and_ends_unpaid_holds(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=4, days=5)
    booked = await book(db, await make_booker(db), slot.id)
    held = await hold(db, await make_booker(db), slot.id)

    await stop(db, slot)

    row = await appointment(db, booked.id)
    assert row.state is AppointmentState.SUSPENDED
    assert row.decide_by == row.starts_at - timedelta(hours=24)
    assert await state_of(db, held.appointment_id) is AppointmentState.CANCELLED_BY_HOSPITAL
    assert (await order(db, held.order_id)).state is OrderState.CLOSED
    assert await counters(db, slot.id) == {"booked": 1, "frozen": 3}
    assert await broken_slots(db) == 0


@pytest.mark.parametrize(
    ("starts_in", "left"),
    [
        (timedelta(hours=3), timedelta(hours=2)),
        (timedelta(hours=25), timedelta(hours=2)),
        (timedelta(hours=26), timedelta(hours=2)),
        (timedelta(hours=27), timedelta(hours=3)),
    ],
)
async def test_whoever_is_told_late_has_two_hours_to_choose(
    db: AsyncSession, starts_in: timedelta, left: timedelta
) -> None:
    slot = await make_slot(db, days=5)
    booked = await book(db, await make_booker(db), slot.id)
    soon = func.now() + starts_in
    await db.execute(
        update(Slot).where(Slot.id == slot.id).values(starts_at=soon, ends_at=soon + timedelta(minutes=30))
    )
    now = await db.scalar(func.now())

    await stop(db, slot)
    await refund_undecided(db)

    row = await appointment(db, booked.id)
    assert row.state is AppointmentState.SUSPENDED
    assert row.decide_by is not None
    assert abs(row.decide_by - now - left) < timedelta(seconds=30)


async def test_a_hold_paid_during_a_suspension_gets_the_same_choice(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    plan = await hold(db, await make_booker(db), slot.id)
    await pay(db, plan.order_id)

    await stop(db, slot)
    await confirm(db, order_id=plan.order_id)

    assert await state_of(db, plan.appointment_id) is AppointmentState.SUSPENDED
    assert await counters(db, slot.id) == {"booked": 1, "frozen": 1}


async def test_choosing_to_cancel_refunds_without_counting_and_freezes_the_place(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1, days=5, level="expert")
    row = await book(db, booker, slot.id)
    await stop(db, slot)

    await cancel(db, appointment_id=row.id, by=Canceller(actor="x", account_id=booker.account_id))

    assert await state_of(db, row.id) is AppointmentState.CANCELLED_BY_HOSPITAL
    (refund,) = await refunds_of(db, row.order_id)
    assert (refund.reason, refund.amount_fen) == (RefundReason.HOSPITAL, 5000)
    assert (await db.scalars(select(CreditEvent))).all() == []
    assert await counters(db, slot.id) == {"frozen": 1}


async def test_choosing_another_day_moves_the_paid_order_along(db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, capacity=1, days=5)
    other = await make_slot(db, clinic=clinic, capacity=1, days=6)
    row = await book(db, booker, slot.id)
    await stop(db, slot)

    plan = await reschedule(db, appointment_id=row.id, request=request_of(booker, other.id))

    assert await state_of(db, plan.appointment_id) is AppointmentState.BOOKED
    assert await state_of(db, row.id) is AppointmentState.RESCHEDULED
    assert await counters(db, slot.id) == {"frozen": 1}
    assert await counters(db, other.id) == {"booked": 1}
    assert (await db.scalars(select(CreditEvent))).all() == []


async def test_who_does_not_choose_in_time_gets_the_fee_back(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await stop(db, slot)
    assert await refund_undecided(db) == 0
    past = func.now() - timedelta(seconds=1)
    await db.execute(update(Appointment).values(decide_by=past))

    assert await refund_undecided(db) == 1

    assert await state_of(db, row.id) is AppointmentState.CANCELLED_BY_HOSPITAL
    assert [one.reason for one in await refunds_of(db, row.order_id)] == [RefundReason.HOSPITAL]
    assert await counters(db, slot.id) == {"frozen": 2}


async def test_a_resumed_session_gives_the_undecided_their_place_back(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await stop(db, slot)

    await resume(db, slot.session_id, by=BY)
    await resume_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)

    again = await appointment(db, row.id)
    assert (again.state, again.decide_by) == (AppointmentState.BOOKED, None)
    assert await counters(db, slot.id) == {"booked": 1, "free": 1}


async def test_a_suspension_told_after_the_resumption_changes_nothing(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await suspend(db, slot.session_id, reason="误操作", by=BY)
    await resume(db, slot.session_id, by=BY)

    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)

    assert await state_of(db, row.id) is AppointmentState.BOOKED


async def let_it_be_over(db: AsyncSession, slot: Slot, *, is_finished: bool = True) -> None:
    """Let the session have ended an hour ago; unless the job has yet to come, it is finished."""
    past = {"starts_at": func.now() - timedelta(hours=3), "ends_at": func.now() - timedelta(hours=1)}
    await db.execute(update(ClinicSession).where(ClinicSession.id == slot.session_id).values(past))
    begun = {"starts_at": past["starts_at"], "ends_at": func.now() - timedelta(hours=2, minutes=30)}
    await db.execute(update(Slot).where(Slot.id == slot.id).values(begun))
    await db.execute(update(Appointment).where(Appointment.slot_id == slot.id).values(begun))
    if is_finished:
        await finish_sessions(db)


async def test_a_suspension_is_not_lost_when_the_session_ends_before_it_is_handled(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await let_it_be_over(db, slot)

    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    await db.execute(update(Appointment).values(decide_by=func.now() - timedelta(seconds=1)))
    await refund_undecided(db)

    assert await state_of(db, row.id) is AppointmentState.CANCELLED_BY_HOSPITAL
    assert [one.reason for one in await refunds_of(db, row.order_id)] == [RefundReason.HOSPITAL]
    session = await db.get_one(ClinicSession, (slot.hospital_id, slot.session_id), populate_existing=True)
    assert (session.lifecycle, session.state) == (SessionState.FINISHED, SessionState.SUSPENDED)


async def test_a_session_that_took_place_after_all_gives_the_place_back_though_it_is_over(
    db: AsyncSession,
) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await stop(db, slot)
    await resume(db, slot.session_id, by=BY)
    await let_it_be_over(db, slot)

    await resume_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)

    assert await state_of(db, row.id) is AppointmentState.BOOKED
    assert await refunds_of(db, row.order_id) == []


@pytest.mark.parametrize("is_finished", [True, False])
async def test_a_suspended_session_that_is_over_cannot_be_resumed(
    db: AsyncSession, is_finished: bool
) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)
    await let_it_be_over(db, slot, is_finished=is_finished)

    with pytest.raises(SessionStateConflict) as refused:
        await resume(db, slot.session_id, by=BY)

    assert refused.value.extra == {"state": "finished"}


@pytest.mark.parametrize("is_finished", [True, False])
async def test_a_session_that_is_over_is_not_suspended_and_nobody_gets_a_fee_back(
    db: AsyncSession, is_finished: bool
) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await let_it_be_over(db, slot, is_finished=is_finished)

    with pytest.raises(SessionStateConflict) as refused:
        await suspend(db, slot.session_id, reason="医生生病", by=BY)

    assert refused.value.extra == {"state": "finished"}
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    assert await state_of(db, row.id) is AppointmentState.BOOKED


async def test_each_suspension_stays_written_down(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    for reason in ("医生生病", "设备检修"):
        await suspend(db, slot.session_id, reason=reason, by=BY)
        await resume(db, slot.session_id, by="staff:other")
    await suspend(db, slot.session_id, reason="医生开会", by=BY)

    rows = await db.scalars(select(Suspension).order_by(Suspension.suspended_at))

    assert [(row.reason, row.suspended_by, row.lifted_by) for row in rows] == [
        ("医生生病", BY, "staff:other"),
        ("设备检修", BY, "staff:other"),
        ("医生开会", BY, None),
    ]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            update(Suspension).values(lifted_at=func.now(), lifted_by="nobody"),
            "clinic_session_suspension_is_open",
        ),
        (update(ClinicSession).values(lifecycle="suspended"), "clinic_session_lifecycle_known"),
        (update(Suspension).values(lifted_at=func.now()), "suspension_lifted_whole"),
    ],
)
async def test_the_database_keeps_a_session_and_its_suspension_together(
    db: AsyncSession, statement: Update, constraint: str
) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)

    with pytest.raises(IntegrityError, match=constraint):
        await db.execute(statement)


async def test_a_resumed_session_refunds_nobody_before_it_is_told(db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    row = await book(db, await make_booker(db), slot.id)
    await stop(db, slot)
    await db.execute(update(Appointment).values(decide_by=func.now() - timedelta(seconds=1)))
    await resume(db, slot.session_id, by=BY)

    assert [await refund_undecided(db), await refund_undecided(db)] == [1, 0]

    again = await appointment(db, row.id)
    assert (again.state, again.decide_by) == (AppointmentState.BOOKED, None)
    assert (await order(db, row.order_id)).state is OrderState.PAID


async def test_giving_up_a_place_counts_for_nobody_before_the_suspension_is_told(db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"cancel_deadline_days_before": 7})
    booker, mover = await make_booker(db), await make_booker(db)
    slot = await make_slot(db, clinic=clinic, capacity=2, days=5)
    other = await make_slot(db, clinic=clinic, days=6)
    row, moved = await book(db, booker, slot.id), await book(db, mover, slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by=BY)

    await cancel(db, appointment_id=row.id, by=Canceller(actor="x", account_id=booker.account_id))
    await reschedule(db, appointment_id=moved.id, request=request_of(mover, other.id))

    assert await state_of(db, row.id) is AppointmentState.CANCELLED_BY_HOSPITAL
    assert (await db.scalars(select(CreditEvent))).all() == []
    assert await counters(db, slot.id) == {"frozen": 2}


async def told(sessions: Sessions) -> None:
    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass


async def notices(db: AsyncSession) -> list[tuple[NoticeKind, NoticeState]]:
    rows = await db.scalars(select(Notice).order_by(Notice.id).execution_options(populate_existing=True))
    return sorted((row.kind, row.state) for row in rows)


async def test_a_payment_travels_to_the_booking_and_to_its_notices(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=2, days=5)
    plan = await hold(db, await make_booker(db), slot.id)
    await pay(db, plan.order_id)
    await db.commit()

    await told(sessions)

    assert await state_of(db, plan.appointment_id) is AppointmentState.BOOKED
    assert await notices(db) == [
        (NoticeKind.BOOKED, NoticeState.PLANNED),
        (NoticeKind.DAY_BEFORE, NoticeState.PLANNED),
        (NoticeKind.HOURS_BEFORE, NoticeState.PLANNED),
    ]
    assert set(await db.scalars(select(EventRow.state))) <= {EventState.DONE, EventState.UNHEARD}


async def test_after_a_move_no_reminder_of_the_old_time_is_left(sessions: Sessions, db: AsyncSession) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, days=5)
    other = await make_slot(db, clinic=clinic, days=6)
    row = await book(db, booker, slot.id)
    await db.commit()
    await told(sessions)
    plan = await reschedule(db, appointment_id=row.id, request=request_of(booker, other.id))
    await db.commit()

    await told(sessions)

    old = select(Notice.state).where(Notice.subject == f"appointment:{row.id}")
    new = select(Notice.kind).where(
        Notice.subject == f"appointment:{plan.appointment_id}", Notice.state == NoticeState.PLANNED
    )
    assert set(await db.scalars(old)) == {NoticeState.CANCELLED}
    assert set(await db.scalars(new)) == {
        NoticeKind.RESCHEDULED,
        NoticeKind.DAY_BEFORE,
        NoticeKind.HOURS_BEFORE,
    }
