from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState, BookingBlock
from guahao.booking.queries.law import broken_slots
from guahao.booking.reactions import REACTIONS
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.late import accept_late_money
from guahao.identity.models.person import Patient
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.ids import new_id
from guahao.kernel.relay import Relay
from guahao.notification.models import Notice, NoticeKind, NoticeState
from guahao.payment.models import OrderState, Payment, PaymentState, Refund, RefundReason
from guahao.payment.service.facts import Applied
from guahao.payment.service.order import payment_closed
from guahao.scheduling.models import Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import (
    Booker,
    appointment,
    events,
    hold,
    make_booker,
    moves_of,
    order,
    overdue,
)
from tests.factories.payment import open_payment, pay_late
from tests.factories.scheduling import counters, make_clinic, make_slot

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Late:
    """An expired appointment whose payment a provider may still report."""

    booker: Booker
    appointment_id: UUID
    order_id: UUID
    payment: Payment


async def told(sessions: Sessions) -> None:
    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass


async def expired(db: AsyncSession, sessions: Sessions, slot: Slot) -> Late:
    booker = await make_booker(db)
    plan = await hold(db, booker, slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    await db.commit()
    await told(sessions)
    row = await appointment(db, plan.appointment_id)
    assert row.state is AppointmentState.EXPIRED
    return Late(booker=booker, appointment_id=row.id, order_id=row.order_id, payment=payment)


async def comes_late(db: AsyncSession, sessions: Sessions, late: Late) -> None:
    assert await pay_late(db, late.payment) is Applied.LATE
    await db.commit()
    await told(sessions)


async def refunds(db: AsyncSession) -> list[tuple[RefundReason, int]]:
    return [(row.reason, row.amount_fen) for row in await db.scalars(select(Refund))]


async def went_back(db: AsyncSession, late: Late) -> None:
    """The money went back in full, once, and the appointment stayed expired."""
    row = await appointment(db, late.appointment_id)
    assert (row.state, row.number) == (AppointmentState.EXPIRED, None)
    assert (await order(db, late.order_id)).state is OrderState.REFUNDING
    assert await refunds(db) == [(RefundReason.LATE, late.payment.amount_fen)]
    assert "booking.appointment.confirmed" not in await events(db)
    assert await broken_slots(db) == 0
    assert set(await db.scalars(select(EventRow.state))) <= {EventState.DONE, EventState.UNHEARD}


async def test_row_14_late_money_takes_the_free_place_again(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1, days=5)
    late = await expired(db, sessions, slot)

    await comes_late(db, sessions, late)

    row = await appointment(db, late.appointment_id)
    assert (row.state, row.number, row.ended_at) == (AppointmentState.BOOKED, 1, None)
    assert row.booked_at is not None
    assert (await order(db, late.order_id)).state is OrderState.PAID
    assert await counters(db, slot.id) == {"booked": 1}
    assert [line[1:] for line in await moves_of(db, slot.id)] == [
        ("hold", "free", "held"),
        ("expire", "held", "free"),
        ("rebook", "free", "booked"),
    ]
    assert await refunds(db) == []
    assert (await events(db)).count("booking.appointment.confirmed") == 1
    assert await broken_slots(db) == 0
    planned = select(Notice.kind).where(Notice.state == NoticeState.PLANNED)
    assert set(await db.scalars(planned)) == {
        NoticeKind.BOOKED,
        NoticeKind.DAY_BEFORE,
        NoticeKind.HOURS_BEFORE,
    }


async def test_row_14_late_money_for_a_place_that_is_taken_goes_back_exactly_once(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    await hold(db, await make_booker(db), slot.id)

    await comes_late(db, sessions, late)
    await accept_late_money(db, order_id=late.order_id)

    await went_back(db, late)
    assert await counters(db, slot.id) == {"held": 1}


async def test_late_money_known_twice_at_once_books_once(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=2)
    late = await expired(db, sessions, slot)
    await pay_late(db, late.payment)
    await db.commit()

    async def accept() -> None:
        async with transaction(sessions) as other:
            await accept_late_money(other, order_id=late.order_id)

    await asyncio.gather(*(accept() for _ in range(5)), told(sessions))
    await accept()

    assert (await appointment(db, late.appointment_id)).state is AppointmentState.BOOKED
    assert await counters(db, slot.id) == {"free": 1, "booked": 1}
    assert await refunds(db) == []
    assert (await events(db)).count("booking.appointment.confirmed") == 1


async def test_many_late_payments_for_few_places_book_as_many_as_there_are(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=6)
    lates = [await expired(db, sessions, slot) for _ in range(6)]
    for _ in range(4):
        await hold(db, await make_booker(db), slot.id)
    for late in lates:
        await pay_late(db, late.payment)
    await db.commit()

    await asyncio.gather(told(sessions), told(sessions))
    await told(sessions)

    rows = [await appointment(db, late.appointment_id) for late in lates]
    assert sorted(row.number for row in rows if row.number) == [1, 2]
    assert sorted(row.state for row in rows) == [AppointmentState.BOOKED] * 2 + [AppointmentState.EXPIRED] * 4
    assert len(await refunds(db)) == 4
    assert await counters(db, slot.id) == {"held": 4, "booked": 2}
    assert await broken_slots(db) == 0


async def test_a_crash_before_commit_leaves_late_money_to_be_told_again(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    await pay_late(db, late.payment)
    await db.commit()

    async with sessions() as other:
        await accept_late_money(other, order_id=late.order_id)
        await other.rollback()

    assert (await appointment(db, late.appointment_id)).state is AppointmentState.EXPIRED
    assert (await order(db, late.order_id)).state is OrderState.PAID_LATE
    assert await counters(db, slot.id) == {"free": 1}
    await told(sessions)
    assert (await appointment(db, late.appointment_id)).state is AppointmentState.BOOKED


async def test_late_money_for_a_hold_whose_end_is_not_told_yet_confirms_it(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    await payment_closed(db, payment_id=payment.id)
    assert await pay_late(db, payment) is Applied.LATE
    await accept_late_money(db, order_id=plan.order_id)
    await db.commit()

    await told(sessions)

    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.BOOKED
    assert (await order(db, plan.order_id)).state is OrderState.PAID
    assert await counters(db, slot.id) == {"booked": 1}
    assert await refunds(db) == []


async def test_late_money_goes_back_when_the_session_is_suspended(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    await suspend(db, slot.session_id, reason="医生生病", by="staff:test")

    await comes_late(db, sessions, late)

    await went_back(db, late)


async def test_late_money_goes_back_when_the_slot_has_begun(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    start = datetime(2024, 3, 1, 1, tzinfo=UTC)
    begun = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
    await db.execute(update(Slot).where(Slot.id == slot.id).values(begun))

    await comes_late(db, sessions, late)

    await went_back(db, late)


async def test_late_money_goes_back_when_the_slot_is_not_on_sale(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    later = func.now() + timedelta(hours=1)
    await db.execute(update(Slot).where(Slot.id == slot.id).values(released_at=later))

    await comes_late(db, sessions, late)

    await went_back(db, late)


async def test_late_money_goes_back_when_the_person_has_booked_the_department_again(
    sessions: Sessions, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, capacity=2)
    late = await expired(db, sessions, slot)
    await hold(db, late.booker, slot.id)

    await comes_late(db, sessions, late)

    await went_back(db, late)
    assert await counters(db, slot.id) == {"free": 1, "held": 1}


async def test_late_money_goes_back_when_the_person_is_paused(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    now = utc_now()
    block = BookingBlock(
        hospital_id=slot.hospital_id,
        id=new_id(slot.hospital_id),
        person_id=late.booker.person_id,
        reason="cancellations",
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
    )
    db.add(block)

    await comes_late(db, sessions, late)

    await went_back(db, late)


async def test_late_money_goes_back_when_the_patient_was_removed(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    gone = update(Patient).where(Patient.id == late.booker.patient_id).values(deleted_at=func.now())
    await db.execute(gone)

    await comes_late(db, sessions, late)

    await went_back(db, late)


async def test_an_index_that_refuses_the_return_sends_the_money_back(
    sessions: Sessions, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, capacity=2)
    late = await expired(db, sessions, slot)
    other = await hold(db, late.booker, slot.id)
    long_ago = func.now() - timedelta(days=40)  # further back than the limits look
    unseen = {"created_at": long_ago, "starts_at": long_ago, "ends_at": long_ago}
    await db.execute(update(Appointment).where(Appointment.id == other.appointment_id).values(unseen))

    await comes_late(db, sessions, late)

    assert (await appointment(db, late.appointment_id)).state is AppointmentState.EXPIRED
    assert await refunds(db) == [(RefundReason.LATE, late.payment.amount_fen)]
    assert await counters(db, slot.id) == {"free": 1, "held": 1}


async def test_late_money_for_an_appointment_that_does_not_exist_is_refused(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await accept_late_money(db, order_id=new_id(1))


async def test_a_second_payment_after_a_return_goes_back_and_the_booking_stands(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    late = await expired(db, sessions, slot)
    await comes_late(db, sessions, late)
    second = Payment(
        hospital_id=late.payment.hospital_id,
        id=new_id(late.payment.hospital_id),
        order_id=late.order_id,
        channel=late.payment.channel,
        state=PaymentState.CLOSED,
        amount_fen=late.payment.amount_fen,
        expires_at=late.payment.expires_at,
        due_at=late.payment.due_at,
    )
    db.add(second)
    await db.flush()

    assert await pay_late(db, second) is Applied.DUPLICATE
    await db.commit()
    await told(sessions)

    assert (await appointment(db, late.appointment_id)).state is AppointmentState.BOOKED
    assert await refunds(db) == [(RefundReason.DUPLICATE, second.amount_fen)]
