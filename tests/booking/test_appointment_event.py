"""Each way in which an appointment changes, and the one event that it leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import (
    TRANSITIONS,
    Appointment,
    AppointmentEvent,
    AppointmentState,
    Channel,
    EventChannel,
    EventReason,
)
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.confirm import confirm
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.hold import appointment_values
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.notices import resend
from guahao.booking.service.reschedule import reschedule
from guahao.booking.service.suspension import refund_undecided, resume_appointments, suspend_appointments
from guahao.booking.service.transition import AppointmentEnded, Transition, transition
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from guahao.payment.service.order import payment_closed
from guahao.scheduling.models import ClinicSession, Slot
from guahao.scheduling.service.suspend import resume, suspend
from tests.factories.booking import (
    Booker,
    appointment,
    book,
    hold,
    make_booker,
    overdue,
    request_of,
)
from tests.factories.payment import open_payment, pay, pay_late
from tests.factories.scheduling import Clinic, make_clinic, make_slot

pytestmark = pytest.mark.anyio

CLERK = "staff:clerk"
PAST = func.now() - timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A person and a slot, and another slot to move to."""

    db: AsyncSession
    clinic: Clinic
    booker: Booker
    slot: Slot
    other: Slot

    @property
    def patient(self) -> str:
        """The person as an audit actor."""
        return f"account:{self.booker.account_id}"

    async def held(self) -> UUID:
        return (await hold(self.db, self.booker, self.slot.id)).appointment_id

    async def booked(self) -> UUID:
        return (await book(self.db, self.booker, self.slot.id)).id

    async def suspended(self) -> UUID:
        id_ = await self.booked()
        await self.stop()
        return id_

    async def expired(self) -> UUID:
        id_ = await self.held()
        await self.lapse(id_)
        return id_

    async def lapse(self, id_: UUID) -> None:
        await overdue(self.db, id_)
        await expire_holds(self.db)

    async def stop(self) -> None:
        await suspend(self.db, self.slot.session_id, reason="医生生病", by=CLERK)
        await suspend_appointments(
            self.db, hospital_id=self.slot.hospital_id, session_id=self.slot.session_id
        )

    async def go_on(self) -> None:
        await resume(self.db, self.slot.session_id, by=CLERK)
        await resume_appointments(self.db, hospital_id=self.slot.hospital_id, session_id=self.slot.session_id)

    async def cancel(self, id_: UUID, *, staff: bool = False, **how: Any) -> None:
        by = Canceller(
            actor=CLERK if staff else self.patient,
            account_id=None if staff else self.booker.account_id,
            is_staff=staff,
            **how,
        )
        await cancel(self.db, appointment_id=id_, by=by)

    async def move(self, id_: UUID, **overrides: Any) -> UUID:
        request = request_of(self.booker, self.other.id, **overrides)
        return (await reschedule(self.db, appointment_id=id_, request=request)).appointment_id

    async def order_of(self, id_: UUID) -> UUID:
        return (await appointment(self.db, id_)).order_id

    async def pay(self, id_: UUID) -> None:
        await pay(self.db, await self.order_of(id_))


Deed = Callable[[Scene], Awaitable[UUID]]


async def _desk(scene: Scene) -> UUID:
    plan = await hold(
        scene.db, scene.booker, scene.slot.id, actor=CLERK, channel=Channel.PHONE, overruling_reason="复诊"
    )
    return plan.appointment_id


async def _moved_here(scene: Scene) -> UUID:
    return await scene.move(await scene.booked(), actor=CLERK, channel=Channel.DESK)


async def _paid(scene: Scene) -> UUID:
    return await scene.booked()


async def _paid_while_suspended(scene: Scene) -> UUID:
    id_ = await scene.held()
    await scene.pay(id_)
    await scene.stop()
    await confirm(scene.db, order_id=await scene.order_of(id_))
    return id_


async def _paid_late(scene: Scene) -> UUID:
    id_ = await scene.held()
    payment = await open_payment(scene.db, (await appointment(scene.db, id_)).order_id)
    await scene.lapse(id_)
    await payment_closed(scene.db, payment_id=payment.id)
    row = await appointment(scene.db, id_)
    await transition(
        scene.db, Transition(appointment=row, to=AppointmentState.EXPIRED, reason=EventReason.UNPAID)
    )
    await pay_late(scene.db, payment)
    await accept_late_money(scene.db, order_id=payment.order_id)
    return id_


async def _session_over(scene: Scene) -> UUID:
    id_ = await scene.held()
    await scene.pay(id_)
    begun = {"starts_at": utc_now() - timedelta(hours=2), "ends_at": utc_now() - timedelta(hours=1)}
    await scene.db.execute(
        update(ClinicSession).where(ClinicSession.id == scene.slot.session_id).values(begun)
    )
    await confirm(scene.db, order_id=await scene.order_of(id_))
    return id_


async def _cancelled_hold(scene: Scene) -> UUID:
    id_ = await scene.held()
    await scene.cancel(id_)
    return id_


async def _cancelled(scene: Scene) -> UUID:
    id_ = await scene.booked()
    await scene.cancel(id_)
    return id_


def _staff(begin: Callable[[Scene], Awaitable[UUID]], **how: Any) -> Deed:
    async def run(scene: Scene) -> UUID:
        id_ = await begin(scene)
        await scene.cancel(id_, staff=True, **how)
        return id_

    return run


async def _suspended_hold(scene: Scene) -> UUID:
    id_ = await scene.held()
    await scene.stop()
    return id_


async def _resumed(scene: Scene) -> UUID:
    id_ = await scene.suspended()
    await scene.go_on()
    return id_


async def _refund_chosen(scene: Scene) -> UUID:
    id_ = await scene.suspended()
    await scene.cancel(id_)
    return id_


async def _refund_chosen_before_it_was_told(scene: Scene) -> UUID:
    id_ = await scene.booked()
    await suspend(scene.db, scene.slot.session_id, reason="医生生病", by=CLERK)
    await scene.cancel(id_)
    return id_


async def _lapsed(scene: Scene) -> UUID:
    id_ = await scene.suspended()
    await scene.db.execute(update(Appointment).values(decide_by=PAST))
    await refund_undecided(scene.db)
    return id_


def _moved(begin: Callable[[Scene], Awaitable[UUID]]) -> Deed:
    async def run(scene: Scene) -> UUID:
        id_ = await begin(scene)
        await scene.move(id_)
        return id_

    return run


def _resent(begin: Callable[[Scene], Awaitable[UUID]]) -> Deed:
    async def run(scene: Scene) -> UUID:
        id_ = await begin(scene)
        await resend(scene.db, id_, actor=CLERK, now=utc_now())
        return id_

    return run


S, R, C = AppointmentState, EventReason, EventChannel
PATIENT = "patient"
Change = tuple[EventReason, AppointmentState | None, AppointmentState]

SCENES: dict[Change, tuple[Deed, str, EventChannel]] = {
    (R.HELD, None, S.HELD): (Scene.held, PATIENT, C.ONLINE),
    (R.BOOKED, None, S.BOOKED): (_desk, CLERK, C.PHONE),
    (R.MOVED_HERE, None, S.BOOKED): (_moved_here, CLERK, C.DESK),
    (R.PAID, S.HELD, S.BOOKED): (_paid, "system", C.SYSTEM),
    (R.PAID, S.HELD, S.SUSPENDED): (_paid_while_suspended, "system", C.SYSTEM),
    (R.PAID_LATE, S.EXPIRED, S.BOOKED): (_paid_late, "system", C.SYSTEM),
    (R.UNPAID, S.HELD, S.EXPIRED): (Scene.expired, "system", C.SYSTEM),
    (R.SESSION_OVER, S.HELD, S.EXPIRED): (_session_over, "system", C.SYSTEM),
    (R.PATIENT_REQUEST, S.HELD, S.CANCELLED_BY_PATIENT): (_cancelled_hold, PATIENT, C.ONLINE),
    (R.PATIENT_REQUEST, S.BOOKED, S.CANCELLED_BY_PATIENT): (_cancelled, PATIENT, C.ONLINE),
    (R.EXCUSED, S.HELD, S.CANCELLED_BY_PATIENT): (_staff(Scene.held, is_excused=True), CLERK, C.DESK),
    (R.EXCUSED, S.BOOKED, S.CANCELLED_BY_PATIENT): (_staff(Scene.booked, is_excused=True), CLERK, C.DESK),
    (R.HOSPITAL_REQUEST, S.HELD, S.CANCELLED_BY_HOSPITAL): (
        _staff(Scene.held, is_hospital_fault=True),
        CLERK,
        C.DESK,
    ),
    (R.HOSPITAL_REQUEST, S.BOOKED, S.CANCELLED_BY_HOSPITAL): (
        _staff(Scene.booked, is_hospital_fault=True),
        CLERK,
        C.DESK,
    ),
    (R.HOSPITAL_REQUEST, S.SUSPENDED, S.CANCELLED_BY_HOSPITAL): (
        _staff(Scene.suspended, is_hospital_fault=True),
        CLERK,
        C.DESK,
    ),
    (R.SESSION_SUSPENDED, S.BOOKED, S.SUSPENDED): (Scene.suspended, CLERK, C.SYSTEM),
    (R.SESSION_SUSPENDED, S.HELD, S.CANCELLED_BY_HOSPITAL): (_suspended_hold, CLERK, C.SYSTEM),
    (R.SESSION_RESUMED, S.SUSPENDED, S.BOOKED): (_resumed, CLERK, C.SYSTEM),
    (R.REFUND_CHOSEN, S.SUSPENDED, S.CANCELLED_BY_HOSPITAL): (_refund_chosen, PATIENT, C.ONLINE),
    (R.REFUND_CHOSEN, S.BOOKED, S.CANCELLED_BY_HOSPITAL): (
        _refund_chosen_before_it_was_told,
        PATIENT,
        C.ONLINE,
    ),
    (R.CHOICE_LAPSED, S.SUSPENDED, S.CANCELLED_BY_HOSPITAL): (_lapsed, "system", C.SYSTEM),
    (R.RESCHEDULED, S.BOOKED, S.RESCHEDULED): (_moved(Scene.booked), PATIENT, C.ONLINE),
    (R.RESCHEDULED, S.SUSPENDED, S.RESCHEDULED): (_moved(Scene.suspended), PATIENT, C.ONLINE),
    **{
        (R.NOTICES_RESENT, state, state): (_resent(begin), CLERK, C.DESK)
        for state, begin in (
            (S.BOOKED, Scene.booked),
            (S.SUSPENDED, Scene.suspended),
            (S.EXPIRED, Scene.expired),
            (S.CANCELLED_BY_PATIENT, _cancelled),
            (S.CANCELLED_BY_HOSPITAL, _refund_chosen),
        )
    },
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


def test_every_change_there_is_has_its_scene() -> None:
    known = {(reason, before, after) for reason, pairs in TRANSITIONS.items() for before, after in pairs}

    assert set(SCENES) == known


async def events_of(db: AsyncSession, id_: UUID) -> list[AppointmentEvent]:
    rows = await db.scalars(
        select(AppointmentEvent).where(AppointmentEvent.appointment_id == id_).order_by(AppointmentEvent.seq)
    )
    return list(rows)


@pytest.mark.parametrize("change", SCENES, ids=lambda change: f"{change[0]}-{change[1]}-{change[2]}")
async def test_a_change_leaves_one_event_with_who_which_way_and_why(scene: Scene, change: Change) -> None:
    deed, actor, channel = SCENES[change]

    id_ = await deed(scene)

    events = await events_of(scene.db, id_)
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    befores = [None, *(one.to_state for one in events)]
    assert [one.from_state for one in events] == befores[: len(events)]
    assert [one.occurred_at for one in events] == sorted(one.occurred_at for one in events)
    last = events[-1]
    assert (last.reason, last.from_state, last.to_state) == change
    assert (last.actor, last.channel) == (scene.patient if actor == PATIENT else actor, channel)
    row = await appointment(scene.db, id_)
    assert (row.state, row.event_seq) == (last.to_state, last.seq)
    if last.to_state in (S.EXPIRED, S.RESCHEDULED) and last.reason is not R.NOTICES_RESENT:
        assert row.ended_at == last.occurred_at


async def test_what_a_history_needs_stands_in_the_events(scene: Scene) -> None:
    old_id = await _desk(scene)
    new_id = await scene.move(old_id)

    old, new = await events_of(scene.db, old_id), await events_of(scene.db, new_id)

    assert [one.data for one in old] == [{"number": 1, "note": "复诊"}, {"moved_to": str(new_id)}]
    assert [one.data for one in new] == [{"number": 1, "moved_from": str(old_id)}]


async def test_the_database_refuses_a_state_without_its_event(scene: Scene) -> None:
    id_ = await scene.held()
    await scene.lapse(id_)
    refused = (
        ({"state": "booked"}, "appointment_moves_on"),
        ({"state": "held", "event_seq": 1}, "appointment_moves_on"),
        ({"event_seq": 1}, "appointment_moves_on"),
        ({"state": "cancelled_by_patient", "event_seq": 3}, "appointment_state_has_its_event"),
        ({"event_seq": 3}, "appointment_state_has_its_event"),
    )
    for values, constraint in refused:
        with pytest.raises(IntegrityError) as trouble:
            async with scene.db.begin_nested():
                await scene.db.execute(update(Appointment).values(values))
        assert constraint in str(trouble.value) or "next event only" in str(trouble.value)

    assert (await appointment(scene.db, id_)).state is S.EXPIRED


async def test_the_database_refuses_an_appointment_without_its_first_event(scene: Scene) -> None:
    plan = await hold(scene.db, scene.booker, scene.slot.id)
    row = appointment_values(plan) | {"id": new_id(scene.clinic.hospital_id), "state": S.RESCHEDULED}

    with pytest.raises(IntegrityError, match="appointment_state_has_its_event"):
        async with scene.db.begin_nested():
            await scene.db.execute(insert(Appointment).values(row | {"ended_at": utc_now()}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE appointment_event SET actor = 'nobody'",
        "DELETE FROM appointment_event",
        "TRUNCATE appointment_event CASCADE",
    ],
)
async def test_events_are_never_changed_nor_removed(scene: Scene, statement: str) -> None:
    id_ = await scene.held()

    with pytest.raises(IntegrityError, match="append-only"):
        async with scene.db.begin_nested():
            await scene.db.execute(text(statement))

    assert len(await events_of(scene.db, id_)) == 1


async def test_a_change_that_is_not_foreseen_is_refused_by_the_database_too(scene: Scene) -> None:
    id_ = await scene.held()
    event = AppointmentEvent(
        hospital_id=scene.clinic.hospital_id,
        appointment_id=id_,
        seq=2,
        from_state=S.HELD,
        to_state=S.RESCHEDULED,
        reason=R.RESCHEDULED,
        channel=C.ONLINE,
        actor=scene.patient,
        data={},
    )

    scene.db.add(event)

    with pytest.raises(IntegrityError, match="appointment_event_allowed"):
        await scene.db.flush()


async def test_what_ended_cannot_be_ended_again(scene: Scene) -> None:
    row = await appointment(scene.db, await scene.expired())
    again = Transition(appointment=row, to=S.CANCELLED_BY_PATIENT, reason=R.PATIENT_REQUEST)

    with pytest.raises(AppointmentEnded):
        await transition(scene.db, again)

    assert len(await events_of(scene.db, row.id)) == 2
