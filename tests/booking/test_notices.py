"""What an appointment owes its person follows from the appointment, in whatever order events are handled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentEvent, AppointmentState
from guahao.booking.reactions import REACTIONS
from guahao.kernel.db import Sessions
from guahao.kernel.events import EventRow
from guahao.kernel.relay import Relay
from guahao.notification.models import Notice, NoticeKind, NoticeState
from guahao.payment.service.order import payment_closed
from guahao.scheduling.service.suspend import resume, suspend
from tests.booking.test_appointment_event import CLERK, SCENES, Change, Scene
from tests.factories.booking import appointment, hold, make_booker, overdue
from tests.factories.payment import open_payment, pay, pay_late
from tests.factories.scheduling import make_clinic, make_slot

pytestmark = pytest.mark.anyio

History = Callable[[Scene], Awaitable[None]]
Plan = set[tuple[UUID, NoticeKind, datetime]]
KINDS = {
    AppointmentState.SUSPENDED: NoticeKind.SUSPENDED,
    AppointmentState.EXPIRED: NoticeKind.EXPIRED,
    AppointmentState.CANCELLED_BY_PATIENT: NoticeKind.CANCELLED,
    AppointmentState.CANCELLED_BY_HOSPITAL: NoticeKind.CANCELLED_BY_HOSPITAL,
}


@pytest.fixture
async def scene(db: AsyncSession) -> Scene:
    clinic = await make_clinic(db)
    return Scene(
        db=db,
        clinic=clinic,
        booker=await make_booker(db),
        slot=await make_slot(db, clinic=clinic, capacity=2, days=5),
        other=await make_slot(db, clinic=clinic, capacity=2, days=6),
    )


async def deliver(db: AsyncSession, row: EventRow) -> None:
    for reaction in REACTIONS:
        if reaction.event.name == row.name:
            await reaction.handle(db, msgspec.convert(row.payload, reaction.event))


async def deliver_all(db: AsyncSession, chance: random.Random) -> None:
    """Handle every event in a random order, what they publish too, and then all of them once more."""
    handled: set[UUID] = set()
    while rows := [row for row in await db.scalars(select(EventRow)) if row.id not in handled]:
        row = chance.choice(rows)
        await deliver(db, row)
        handled.add(row.id)
    again = list(await db.scalars(select(EventRow)))
    chance.shuffle(again)
    for row in again:
        await deliver(db, row)


async def planned(db: AsyncSession) -> Plan:
    rows = await db.execute(
        select(Notice.subject, Notice.kind, Notice.due_at).where(Notice.state == NoticeState.PLANNED)
    )
    return {(UUID(row.subject.partition(":")[2]), row.kind, row.due_at) for row in rows}


async def owed(db: AsyncSession) -> Plan:
    """What follows from the rows as they stand, by the hospital's usual rules."""
    found: Plan = set()
    rows = await db.execute(
        select(Appointment, AppointmentEvent)
        .join(
            AppointmentEvent,
            (AppointmentEvent.appointment_id == Appointment.id)
            & (AppointmentEvent.seq == Appointment.event_seq),
        )
        .execution_options(populate_existing=True)
    )
    for row, last in rows:
        kind = KINDS.get(row.state)
        if row.state is AppointmentState.BOOKED:
            usual = NoticeKind.RESCHEDULED if row.rescheduled_from else NoticeKind.BOOKED
            kind = NoticeKind.RESUMED if last.reason == "session_resumed" else usual
            found.add((row.id, NoticeKind.DAY_BEFORE, row.starts_at - timedelta(hours=24)))
            found.add((row.id, NoticeKind.HOURS_BEFORE, row.starts_at - timedelta(hours=2)))
        if kind is not None:
            found.add((row.id, kind, last.occurred_at))
    return found


async def _paid_and_suspended(scene: Scene) -> None:
    await scene.pay(await scene.held())
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)


async def _paid_suspended_and_resumed(scene: Scene) -> None:
    await _paid_and_suspended(scene)
    await resume(scene.db, scene.slot.session_id, by=CLERK)


async def _suspended_twice(scene: Scene) -> None:
    await scene.booked()
    for _ in range(2):
        await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)
        await resume(scene.db, scene.slot.session_id, by=CLERK)
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)


async def _free_and_cancelled(scene: Scene) -> None:
    free = await make_slot(scene.db, clinic=scene.clinic, days=4, fee_fen=0)
    plan = await hold(scene.db, scene.booker, free.id)
    await scene.cancel(plan.appointment_id)


async def _moved_while_suspended_and_cancelled(scene: Scene) -> None:
    id_ = await scene.booked()
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)
    await scene.cancel(await scene.move(id_))


async def _closed_and_paid_late(scene: Scene) -> None:
    id_ = await scene.held()
    payment = await open_payment(scene.db, await scene.order_of(id_))
    await overdue(scene.db, id_)
    await scene.lapse(id_)
    await payment_closed(scene.db, payment_id=payment.id)
    await pay_late(scene.db, payment)


async def _held_by_one_and_paid_by_another(scene: Scene) -> None:
    await scene.held()
    plan = await hold(scene.db, await make_booker(scene.db), scene.slot.id)
    await pay(scene.db, plan.order_id)
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)


HISTORIES: tuple[History, ...] = (
    _paid_and_suspended,
    _paid_suspended_and_resumed,
    _suspended_twice,
    _free_and_cancelled,
    _moved_while_suspended_and_cancelled,
    _closed_and_paid_late,
    _held_by_one_and_paid_by_another,
)


@pytest.mark.parametrize("history", HISTORIES)
async def test_events_handled_in_any_order_and_twice_end_in_the_plan_that_the_rows_owe(
    scene: Scene, history: History
) -> None:
    await history(scene)

    for seed in range(8):
        trial = await scene.db.begin_nested()
        await deliver_all(scene.db, random.Random(seed))

        assert await planned(scene.db) == await owed(scene.db)
        await trial.rollback()


@pytest.mark.parametrize("change", SCENES, ids=lambda change: f"{change[0]}-{change[1]}-{change[2]}")
async def test_after_each_change_the_plan_is_what_the_rows_owe(scene: Scene, change: Change) -> None:
    await SCENES[change][0](scene)

    for seed in range(2):
        trial = await scene.db.begin_nested()
        await deliver_all(scene.db, random.Random(seed))

        assert await planned(scene.db) == await owed(scene.db)
        await trial.rollback()


async def test_messages_sent_again_are_a_new_version_and_the_old_ones_are_called_off(scene: Scene) -> None:
    await SCENES[next(change for change in SCENES if change[0] == "notices_resent")][0](scene)
    await deliver_all(scene.db, random.Random(1))

    rows = await scene.db.execute(select(Notice.version, Notice.state))

    assert {tuple(row) for row in rows} == {(3, NoticeState.PLANNED)}


@pytest.mark.parametrize("trial", range(6))
async def test_two_events_of_one_appointment_told_at_once_end_in_the_plan_that_the_rows_owe(
    scene: Scene, sessions: Sessions, trial: int
) -> None:
    id_ = await scene.held()
    order_id = await scene.order_of(id_)
    await pay(scene.db, order_id)
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)
    await scene.db.execute(update(EventRow).values(due_at=func.now()))
    await scene.db.commit()
    relays = [Relay(sessions, REACTIONS) for _ in range(4)]

    while any(await asyncio.gather(*(relay.tell_batch() for relay in relays))):
        pass

    assert (await appointment(scene.db, id_)).state is AppointmentState.SUSPENDED
    plan = await planned(scene.db)
    assert plan == await owed(scene.db)
    assert {kind for _, kind, _ in plan} == {NoticeKind.SUSPENDED}
