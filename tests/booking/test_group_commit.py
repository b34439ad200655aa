from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from fastapi import Response
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.api_patient.group_commit import GroupCommit
from guahao.booking.api_patient.schemas import HeldOut
from guahao.booking.models import Appointment
from guahao.booking.queries.law import broken_slots
from guahao.booking.service.book import BookingRequest
from guahao.booking.service.plan import HoldPlan, plan_holds
from guahao.kernel.db import Sessions
from guahao.kernel.errors import Problem, Unavailable
from guahao.kernel.idempotency import Claim, IdempotencyKey
from guahao.scheduling.models import PlaceLog, Slot
from tests.factories.booking import Booker, hold, make_booker, request_of
from tests.factories.person import make_person
from tests.factories.scheduling import counters, make_clinic, make_session, make_slot, slots_of

pytestmark = pytest.mark.anyio


def wish(booker: Booker, slot_id: UUID, key: str | None = None, **overrides: Any) -> BookingRequest:
    claim = Claim(owner=str(booker.account_id), route="POST /x", key=key, body=b"{}") if key else None
    return BookingRequest(
        hold=request_of(booker, slot_id, **overrides),
        claim=claim,
        answer_of=lambda plan: HeldOut.of(plan).model_dump_json(),
    )


async def all_of(sessions: Sessions, *wishes: BookingRequest) -> list[Response | str]:
    """Ask for everything in one turn; answers or the codes of refusals."""
    group = GroupCommit(sessions, most_waiting=2000)

    async def one(asked: BookingRequest) -> Response | str:
        try:
            return await group.book(asked)
        except Problem as problem:
            return problem.code

    return await asyncio.gather(*(one(asked) for asked in wishes))


async def test_a_full_queue_refuses_at_once_and_books_whoever_waits(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=10)
    bookers = [await make_booker(db) for _ in range(7)]
    await db.commit()
    group = GroupCommit(sessions, most_waiting=5)

    async def ask(booker: Booker) -> int | tuple[str, int | None]:
        try:
            return (await group.book(wish(booker, slot.id))).status_code
        except Unavailable as problem:
            return problem.code, problem.extra["retry_after_s"]

    answers = await asyncio.gather(*(ask(booker) for booker in bookers))

    assert answers == [201] * 5 + [("temporarily-unavailable", 3)] * 2
    assert await count(db) == 5


async def count(db: AsyncSession) -> int:
    return (await db.scalar(select(func.count()).select_from(Appointment))) or 0


async def test_wishes_of_one_moment_are_booked_in_one_transaction(
    sessions: Sessions, db: AsyncSession
) -> None:
    session = await make_session(db, capacity=10, slots=2)
    slots = await slots_of(db, session)
    bookers = [await make_booker(db) for _ in range(12)]
    await db.commit()

    answers = await all_of(sessions, *(wish(one, slots[n % 2].id, f"k{n}") for n, one in enumerate(bookers)))

    assert {one.status_code for one in answers if isinstance(one, Response)} == {201}
    transactions = await db.scalars(select(func.count(Appointment.created_at.distinct())))
    assert transactions.one() <= 3
    assert await counters(db, slots[0].id) == {"free": 4, "held": 6}
    assert await counters(db, slots[1].id) == {"free": 4, "held": 6}
    assert await broken_slots(db) == 0
    kept = (await db.scalars(select(IdempotencyKey.status))).all()
    assert kept == [201] * 12


async def test_a_batch_shares_out_exactly_the_places_that_are_there(
    sessions: Sessions, db: AsyncSession
) -> None:
    session = await make_session(db, capacity=3, slots=2)
    early, late = await slots_of(db, session)
    bookers = [await make_booker(db) for _ in range(20)]
    await db.commit()

    answers = await all_of(sessions, *(wish(one, early.id) for one in bookers))

    assert sum(isinstance(one, Response) for one in answers) == 3
    assert [one for one in answers if isinstance(one, str)] == ["slot-full"] * 17
    assert await count(db) == 3
    assert await counters(db, early.id) == {"held": 3}
    assert await counters(db, late.id) == {"free": 3}
    logged = select(PlaceLog.seq).where(PlaceLog.slot_id == early.id).order_by(PlaceLog.seq)
    assert (await db.scalars(logged)).all() == [1, 2, 3]


async def test_one_person_twice_in_a_batch_is_judged_one_after_the_other(
    sessions: Sessions, db: AsyncSession
) -> None:
    person = await make_person(db)
    first, second = await make_booker(db, person=person), await make_booker(db, person=person)
    clinic = await make_clinic(db)
    slot, same_time = (
        await make_slot(db, clinic=clinic),
        await make_slot(db, clinic=await make_clinic(db, hospital_id=clinic.hospital_id)),
    )
    here, there = slot.id, same_time.id
    await db.commit()

    planned = await plan_holds(
        db, [request_of(first, here), request_of(second, here), request_of(first, there)]
    )
    await db.rollback()
    answers = await all_of(sessions, wish(first, here), wish(second, here), wish(first, there))

    codes = [one.code if isinstance(one, Problem) else type(one) for one in planned]
    assert codes == [HoldPlan, "already-booked", "time-conflict"]
    assert sorted(one for one in answers if isinstance(one, str)) == ["already-booked", "time-conflict"]
    assert await count(db) == 1


async def test_a_strangers_patient_in_a_batch_with_its_owner_does_not_exist(db: AsyncSession) -> None:
    owner, stranger = await make_booker(db), await make_booker(db)
    slot = await make_slot(db)
    foreign = request_of(stranger, slot.id, patient_id=owner.patient_id)

    planned = await plan_holds(db, [request_of(owner, slot.id), foreign])

    assert isinstance(planned[0], HoldPlan)
    assert isinstance(planned[1], Problem)
    assert planned[1].code == "not-found"


async def test_the_same_key_twice_in_a_batch_books_once_and_answers_twice(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker, other = await make_booker(db), await make_booker(db)
    slot = await make_slot(db)
    await db.commit()
    group = GroupCommit(sessions, most_waiting=2000)
    asked = [wish(booker, slot.id, "k1"), wish(booker, slot.id, "k1"), wish(other, slot.id, "k1")]

    answers = await asyncio.gather(*(group.book(one) for one in asked), return_exceptions=True)

    names = [type(one).__name__ for one in answers]
    assert names[2] == "Response"
    assert sorted(names[:2]) in (["Replayed", "Response"], ["RequestInProgress", "Response"])
    assert await count(db) == 2


async def test_a_refused_wish_leaves_its_key_free_and_the_others_booked(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker, busy = await make_booker(db), await make_booker(db)
    slot = await make_slot(db, capacity=3)
    await hold(db, busy, slot.id)
    await db.commit()

    answers = await all_of(sessions, wish(busy, slot.id, "b"), wish(booker, slot.id, "a"))

    assert answers[0] == "already-booked"
    assert isinstance(answers[1], Response)
    assert (await db.scalars(select(IdempotencyKey.key))).all() == ["a"]


async def test_free_appointments_of_a_batch_get_dense_numbers(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=8, fee_fen=0)
    bookers = [await make_booker(db) for _ in range(8)]
    await db.commit()

    await all_of(sessions, *(wish(one, slot.id) for one in bookers))

    numbers = (await db.scalars(select(Appointment.number).order_by(Appointment.number))).all()
    assert numbers == list(range(1, 9))
    assert await counters(db, slot.id) == {"booked": 8}


async def test_a_batch_that_meets_a_fault_is_booked_one_by_one(sessions: Sessions, db: AsyncSession) -> None:
    slot = await make_slot(db, capacity=5)
    bookers = [await make_booker(db) for _ in range(6)]
    for statement in _FAULT:
        await db.execute(text(statement))
    await db.commit()

    answers = await all_of(sessions, *(wish(one, slot.id) for one in bookers))

    assert sum(isinstance(one, Response) for one in answers) == 5
    assert [one for one in answers if isinstance(one, str)] == ["slot-sold-out"]
    assert await counters(db, slot.id) == {"held": 5}
    await db.execute(text("DROP TRIGGER fault ON appointment"))
    await db.commit()


_FAULT = (
    """CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) FROM written) > 1 THEN RAISE EXCEPTION 'several' USING ERRCODE = '40P01'; END IF;
  RETURN NULL; END $$""",
    """CREATE TRIGGER fault AFTER INSERT ON appointment REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION fault()""",
)


async def test_a_locked_slot_does_not_stop_other_slots(sessions: Sessions, db: AsyncSession) -> None:
    locked, open_ = await make_slot(db), await make_slot(db)
    bookers = [await make_booker(db) for _ in range(4)]
    await db.commit()
    group = GroupCommit(sessions, most_waiting=2000)
    async with sessions() as holder:
        await holder.execute(select(Slot).where(Slot.id == locked.id).with_for_update())
        stuck = asyncio.create_task(group.book(wish(bookers[0], locked.id)))
        await asyncio.sleep(0)

        answer = await asyncio.wait_for(group.book(wish(bookers[1], open_.id)), 10)

        assert answer.status_code == 201
        assert not stuck.done()
        await holder.rollback()
    assert (await stuck).status_code == 201
