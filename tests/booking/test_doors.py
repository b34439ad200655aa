"""Every door that takes a place makes every check but those it waives by name."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

import guahao.booking
from guahao.booking.models import (
    Appointment,
    AppointmentState,
    BookingBlock,
    Channel,
)
from guahao.booking.policy import WAIVED, Check, Door
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.hold import write_hold, write_holds
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.plan import HoldPlan, plan_holds
from guahao.booking.service.reschedule import reschedule
from guahao.catalog.models import Department, RuleSetRow
from guahao.catalog.queries import Rules, forget_rules
from guahao.kernel.clock import CHINA, utc_now
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from guahao.scheduling.models import Bucket, Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import Booker, appointment, book, hold, make_booker, overdue, request_of
from tests.factories.scheduling import LONG_AGO, Clinic, counters, make_clinic, make_session, slots_of

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A slot on sale, and somebody with a booking elsewhere and a hold here that ran out."""

    db: AsyncSession
    clinic: Clinic
    slot: Slot
    booker: Booker
    booked: Appointment
    late: UUID


async def world_of(db: AsyncSession) -> World:
    clinic = await make_clinic(db)
    session = await make_session(db, clinic=clinic, pools={Bucket.ELDERLY: 1})
    (slot,) = await slots_of(db, session)
    booker = await make_booker(db)
    late = (await hold(db, booker, slot.id)).appointment_id
    await overdue(db, late)
    await expire_holds(db)
    booked = await book(db, booker, await slot_elsewhere(db, clinic, days=6, starts=dt.time(8)))
    return World(db=db, clinic=clinic, slot=slot, booker=booker, booked=booked, late=late)


async def slot_elsewhere(db: AsyncSession, clinic: Clinic, *, days: int, starts: dt.time) -> UUID:
    """A slot of another department of the hospital."""
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    (slot,) = await slots_of(db, await make_session(db, clinic=other, days=days, starts=starts))
    return slot.id


async def change_rules(world: World, rules: Rules) -> None:
    hospital_id = world.clinic.hospital_id
    world.db.add(
        RuleSetRow(
            hospital_id=hospital_id,
            version=2,
            effective_from=LONG_AGO,
            rules=msgspec.to_builtins(rules),
            created_by="test",
        )
    )
    await world.db.flush()
    forget_rules(hospital_id)


async def close_department(world: World) -> None:
    own = update(Department).where(
        Department.hospital_id == world.clinic.hospital_id, Department.id == world.clinic.department_id
    )
    await world.db.execute(own.values(is_active=False))


async def begin_quiet_hours(world: World) -> None:
    now, hour = utc_now().astimezone(CHINA), timedelta(hours=1)
    await change_rules(
        world,
        replace(Rules(), quiet_from=(now - hour).time(), quiet_until=(now + hour).time()),
    )


async def see_men_only(world: World) -> None:
    own = update(Department).where(
        Department.hospital_id == world.clinic.hospital_id, Department.id == world.clinic.department_id
    )
    await world.db.execute(own.values(sex_limit=Sex.MALE))


async def ask_for_an_elderly_place(_world: World) -> None:
    """The test asks for it; nothing else is to be arranged."""


async def block(world: World) -> None:
    now = utc_now()
    world.db.add(
        BookingBlock(
            hospital_id=world.clinic.hospital_id,
            id=new_id(world.clinic.hospital_id),
            person_id=world.booker.person_id,
            reason="test",
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=7),
        )
    )
    await world.db.flush()


async def give_up_unpaid(world: World) -> None:
    for days in range(7, 7 + Rules().unpaid_per_day):
        slot_id = await slot_elsewhere(world.db, world.clinic, days=days, starts=dt.time(8))
        (plan,) = await plan_holds(world.db, [request_of(world.booker, slot_id)])
        if isinstance(plan, Problem):
            return
        await write_hold(world.db, plan)
        await overdue(world.db, plan.appointment_id)
        await expire_holds(world.db)


async def move_to_and_fro(world: World) -> None:
    other = await make_clinic(world.db, hospital_id=world.clinic.hospital_id)
    there, here = await slots_of(world.db, await make_session(world.db, clinic=other, days=8, slots=2))
    row_id = (await book(world.db, world.booker, there.id)).id
    for number in range(Rules().moves_per_day):
        request = request_of(world.booker, (there if number % 2 else here).id)
        row_id = (await reschedule(world.db, appointment_id=row_id, request=request)).appointment_id


async def book_the_same_hour(world: World) -> None:
    await book(
        world.db, world.booker, await slot_elsewhere(world.db, world.clinic, days=3, starts=dt.time(8))
    )


async def book_the_same_day(world: World) -> None:
    for hour in range(10, 10 + Rules().per_day_hospital):
        slot_id = await slot_elsewhere(world.db, world.clinic, days=3, starts=dt.time(hour))
        await book(world.db, world.booker, slot_id)


REASONS: dict[Check, tuple[Callable[[World], Awaitable[None]], str]] = {
    Check.SESSION: (close_department, "department-closed"),
    Check.HOUR: (begin_quiet_hours, "booking-closed-now"),
    Check.PATIENT: (see_men_only, "department-sex-limit"),
    Check.POOL: (ask_for_an_elderly_place, "elderly-place-only"),
    Check.BLOCK: (block, "booking-blocked"),
    Check.UNPAID: (give_up_unpaid, "unpaid-holds-limit"),
    Check.MOVES: (move_to_and_fro, "moves-limit"),
    Check.CLASH: (book_the_same_hour, "time-conflict"),
    Check.COUNT: (book_the_same_day, "daily-limit"),
}


async def hold_online(world: World, pool: Bucket) -> None:
    await hold(world.db, world.booker, world.slot.id, pool=pool)


async def hold_in_a_batch(world: World, pool: Bucket) -> None:
    other = await make_booker(world.db)
    away = (await slots_of(world.db, await make_session(world.db)))[0].id
    requests = [request_of(other, away), request_of(world.booker, world.slot.id, pool=pool)]
    first, planned = await plan_holds(world.db, requests)
    assert isinstance(first, HoldPlan)
    if isinstance(planned, Problem):
        raise planned
    await write_holds(world.db, [first, planned])


async def hold_at_desk(world: World, pool: Bucket) -> None:
    await hold(world.db, world.booker, world.slot.id, pool=pool, channel=Channel.DESK)


async def overrule(world: World, pool: Bucket) -> None:
    await hold(
        world.db,
        world.booker,
        world.slot.id,
        pool=pool,
        channel=Channel.DESK,
        is_overruling=True,
        overruling_reason="医生同意",
    )


async def move_online(world: World, pool: Bucket) -> None:
    request = request_of(world.booker, world.slot.id, pool=pool)
    await reschedule(world.db, appointment_id=world.booked.id, request=request)


async def move_at_desk(world: World, pool: Bucket) -> None:
    request = request_of(world.booker, world.slot.id, pool=pool, channel=Channel.PHONE)
    await reschedule(world.db, appointment_id=world.booked.id, request=request)


async def move_out_of_a_suspended_session(world: World, pool: Bucket) -> None:
    await suspend(world.db, world.booked.session_id, reason="医生生病", by="staff:test")
    await move_online(world, pool)


async def pay_late(world: World, pool: Bucket) -> None:
    """Says by itself only that it refused, since the money goes back."""
    assert pool is Bucket.FREE
    await accept_late_money(world.db, order_id=(await appointment(world.db, world.late)).order_id)
    if (await appointment(world.db, world.late)).state is AppointmentState.EXPIRED:
        raise RefusedLate


class RefusedLate(Exception):
    """The money that came late went back."""


NEWCOMERS = {Check.BLOCK, Check.UNPAID}
DOORS: dict[str, tuple[Callable[[World, Bucket], Awaitable[None]], Door, set[Check]]] = {
    "online": (hold_online, Door.ONLINE, {Check.MOVES}),
    "online in a batch": (hold_in_a_batch, Door.ONLINE, {Check.MOVES}),
    "desk": (hold_at_desk, Door.DESK, NEWCOMERS | {Check.MOVES}),
    "desk overruling": (
        overrule,
        Door.OVERRULED,
        NEWCOMERS | {Check.MOVES, Check.POOL, Check.CLASH, Check.COUNT},
    ),
    "move": (move_online, Door.MOVE, NEWCOMERS),
    "move at the desk": (move_at_desk, Door.HELPED_MOVE, NEWCOMERS | {Check.MOVES}),
    "move out of a suspended session": (
        move_out_of_a_suspended_session,
        Door.HELPED_MOVE,
        NEWCOMERS | {Check.MOVES},
    ),
    "late money": (pay_late, Door.LATE_MONEY, {Check.HOUR, Check.UNPAID, Check.MOVES}),
}
CASES = [
    (door, check) for door in DOORS for check in Check if (door, check) != ("late money", Check.POOL)
]  # late money takes again what was held online, where no pool can be asked for


def test_every_check_and_every_door_is_tried_here_and_waives_what_is_said_here() -> None:
    assert list(REASONS) == list(Check)
    assert {door: set(WAIVED[door]) for door in Door} == {door: waived for _, door, waived in DOORS.values()}


@pytest.mark.parametrize(("door", "check"), CASES)
async def test_a_door_makes_every_check_that_it_does_not_waive(
    db: AsyncSession, door: str, check: Check
) -> None:
    world = await world_of(db)
    arrange, code = REASONS[check]
    take, _, waived = DOORS[door]
    await arrange(world)
    before = await counters(db, world.slot.id)
    appointments = await live(world)

    try:
        await take(world, Bucket.ELDERLY if check is Check.POOL else Bucket.FREE)
        answer = None
    except Problem as problem:
        answer = problem.code
    except RefusedLate:
        answer = "refused-late"

    if check in waived:
        assert answer is None
        assert await counters(db, world.slot.id) != before
    else:
        assert answer == ("refused-late" if door == "late money" else code)
        assert (await counters(db, world.slot.id), await live(world)) == (before, appointments)


async def live(world: World) -> int:
    own = select(func.count()).where(
        Appointment.person_id == world.booker.person_id, Appointment.ended_at.is_(None)
    )
    return await world.db.scalar(own) or 0


def test_a_booking_is_planned_and_judged_in_one_place_only() -> None:
    """A new door that plans or judges for itself would make its own choice of checks."""
    folder = Path(guahao.booking.__file__).parent
    calls = {
        (path.relative_to(folder).as_posix(), called)
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in {"HoldPlan", "policy.refusal"}
    }

    assert calls == {
        ("service/plan.py", "HoldPlan"),
        ("service/plan.py", "policy.refusal"),
        ("queries/trial.py", "policy.refusal"),
    }
