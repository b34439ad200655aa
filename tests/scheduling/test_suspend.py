from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.errors import NotFound
from guahao.kernel.events import EventRow
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Bucket, ClinicSession, CoolingPlace, SessionState, Slot
from guahao.scheduling.policy.refusals import RoomBusy, SessionStateConflict
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.addon import add_places
from guahao.scheduling.service.returns import return_reserves
from guahao.scheduling.service.suspend import resume, suspend
from tests.factories.scheduling import LONG_AGO, counters, make_clinic, make_session, slots_of

pytestmark = pytest.mark.anyio
BY = "staff:test"


async def test_suspending_freezes_whatever_could_be_sold_and_keeps_patients(db: AsyncSession) -> None:
    pools = {Bucket.HELD: 1, Bucket.BOOKED: 2, Bucket.ELDERLY: 1, Bucket.LATER: 1, Bucket.COOLING: 1}
    session = await make_session(db, capacity=10, slots=2, pools=pools)
    first, second = await slots_of(db, session)
    for slot in (first, second):
        db.add(CoolingPlace(hospital_id=slot.hospital_id, id=new_id(), slot_id=slot.id, until=LONG_AGO))
    await db.flush()

    await suspend(db, session.id, reason="医生生病", by=BY)

    assert await counters(db, first.id) == {"held": 1, "booked": 2, "frozen": 7}
    assert await counters(db, second.id) == {"held": 1, "booked": 2, "frozen": 7}
    assert await broken_slots(db) == []
    assert (await db.scalars(select(CoolingPlace))).all() == []
    assert (await db.scalars(select(EventRow.name))).all() == ["scheduling.session.suspended"]
    assert (session.state, session.suspended_reason) == (SessionState.SUSPENDED, "医生生病")


async def test_suspending_twice_changes_nothing_the_second_time(db: AsyncSession) -> None:
    session = await make_session(db, capacity=5)
    await suspend(db, session.id, reason="医生生病", by=BY)

    again = await suspend(db, session.id, reason="另一个原因", by=BY)

    assert again.suspended_reason == "医生生病"
    assert (await db.scalars(select(EventRow.name))).all() == ["scheduling.session.suspended"]


async def test_resuming_puts_frozen_places_on_sale_again(db: AsyncSession) -> None:
    session = await make_session(db, capacity=5, pools={Bucket.BOOKED: 1, Bucket.COOLING: 1})
    (slot,) = await slots_of(db, session)
    db.add(CoolingPlace(hospital_id=slot.hospital_id, id=new_id(), slot_id=slot.id, until=LONG_AGO))
    await suspend(db, session.id, reason="医生生病", by=BY)

    await resume(db, session.id, by=BY)

    assert await counters(db, slot.id) == {"booked": 1, "free": 4}
    assert await broken_slots(db) == []
    assert session.state is SessionState.PUBLISHED


async def test_resuming_gives_every_pool_its_own_places_back(db: AsyncSession) -> None:
    pools = {Bucket.DESK: 2, Bucket.ELDERLY: 1, Bucket.REFERRAL: 1, Bucket.LATER: 3}
    session = await make_session(db, capacity=10, pools=pools)
    (slot,) = await slots_of(db, session)
    before = await counters(db, slot.id)

    for _ in range(2):
        await suspend(db, session.id, reason="医生生病", by=BY)
        await resume(db, session.id, by=BY)

    assert await counters(db, slot.id) == before
    assert before == {"free": 3, "desk": 2, "elderly": 1, "referral": 1, "later": 3}
    assert await broken_slots(db) == []


async def test_an_add_on_place_stays_the_desks_when_its_session_takes_place_after_all(
    db: AsyncSession,
) -> None:
    session = await make_session(db, capacity=10)
    (slot,) = await slots_of(db, session)
    await add_places(db, slot.id, session_id=session.id, places=1, reason="复查", by=BY, now=utc_now())
    await suspend(db, session.id, reason="医生生病", by=BY)

    await resume(db, session.id, by=BY)
    await db.execute(update(Slot).values(desk_returns_at=LONG_AGO))
    await return_reserves(db)

    assert await counters(db, slot.id) == {"addons": 1, "free": 10, "desk": 1}


@pytest.mark.parametrize("state", [SessionState.DRAFT, SessionState.FINISHED])
async def test_a_session_that_is_not_on_sale_cannot_be_suspended(
    db: AsyncSession, state: SessionState
) -> None:
    session = await make_session(db, state=state)

    with pytest.raises(SessionStateConflict) as refused:
        await suspend(db, session.id, reason="医生生病", by=BY)

    assert refused.value.extra == {"state": state.value}
    (slot,) = await slots_of(db, session)
    assert await counters(db, slot.id) == {"free": 5}


async def test_an_unknown_session_is_not_found(db: AsyncSession) -> None:
    await make_session(db)

    with pytest.raises(NotFound):
        await suspend(db, new_id(1), reason="医生生病", by=BY)

    assert (await db.scalars(select(ClinicSession.state))).all() == [SessionState.PUBLISHED]


async def test_a_substitute_takes_the_room_of_a_suspended_session_which_then_cannot_resume(
    db: AsyncSession,
) -> None:
    clinic = await make_clinic(db)
    stopped = await make_session(db, clinic=clinic, room="301")
    await suspend(db, stopped.id, reason="医生生病", by=BY)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await make_session(db, clinic=replace(other, campus_id=clinic.campus_id), room="301")

    with pytest.raises(RoomBusy):
        await resume(db, stopped.id, by=BY)
