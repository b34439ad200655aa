from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment
from guahao.booking.service.hold import write_holds
from guahao.booking.service.plan import HoldPlan, HoldRequest, plan_holds
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.scheduling.models import ClinicSession, PlaceLog, Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import make_booker, request_of
from tests.factories.scheduling import counters, make_session, make_slot, slots_of
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio


async def book(sessions: Sessions, *requests: HoldRequest) -> list[str]:
    """Plan and write a batch; "ok" or the code of the refusal for each."""
    async with transaction(sessions) as db:
        planned = await plan_holds(db, requests)
        plans = [plan for plan in planned if isinstance(plan, HoldPlan)]
        if plans:
            await write_holds(db, plans)
        return [one.code if isinstance(one, Problem) else "ok" for one in planned]


async def test_a_batch_that_gives_numbers_locks_its_sessions_in_one_order(
    sessions: Sessions, db: AsyncSession
) -> None:
    made = [await make_session(db, capacity=4, fee_fen=0) for _ in range(2)]
    first, last = sorted(made, key=lambda one: (one.hospital_id, one.id))
    slots = [(await slots_of(db, one))[0].id for one in (last, first)]
    requests = [request_of(await make_booker(db), slot_id) for slot_id in slots]
    await db.commit()

    async with sessions() as other:
        by_first = select(ClinicSession.id).where(ClinicSession.id == first.id)
        await other.execute(by_first.with_for_update(key_share=True))
        booking = asyncio.create_task(book(sessions, *requests))
        await until_somebody_waits(sessions)
        by_last = select(ClinicSession.id).where(ClinicSession.id == last.id)
        assert await other.scalar(by_last.with_for_update(key_share=True, nowait=True)) == last.id
        await other.rollback()

    assert await booking == ["ok", "ok"]


async def test_a_suspension_and_a_batch_in_its_session_wait_for_each_other(
    sessions: Sessions, db: AsyncSession
) -> None:
    session = await make_session(db, capacity=4, slots=2, fee_fen=0)
    early, late = await slots_of(db, session)
    requests = [request_of(await make_booker(db), slot.id) for slot in (early, late)]
    await db.commit()

    async with sessions() as desk:
        locked = select(ClinicSession.id).where(ClinicSession.id == session.id)
        await desk.execute(locked.with_for_update(key_share=True))
        booking = asyncio.create_task(book(sessions, *requests))
        await until_somebody_waits(sessions)
        await suspend(desk, session.id, reason="医生生病", by="staff:test")
        await desk.commit()

    assert await booking == ["slot-sold-out", "slot-sold-out"]
    assert await counters(db, early.id) == {"frozen": 4}
    assert (await db.scalars(select(Appointment.id))).all() == []


async def test_a_slot_withdrawn_while_a_batch_waits_for_it_does_not_exist_and_the_others_are_booked(
    sessions: Sessions, db: AsyncSession
) -> None:
    gone, other = await make_slot(db, capacity=4), await make_slot(db, capacity=4)
    requests = [request_of(await make_booker(db), slot.id) for slot in (gone, other)]
    await db.commit()

    async with sessions() as office:
        await office.execute(delete(PlaceLog).where(PlaceLog.slot_id == gone.id))
        await office.execute(delete(Slot).where(Slot.id == gone.id))
        booking = asyncio.create_task(book(sessions, *requests))
        await until_somebody_waits(sessions)
        await office.commit()

    assert await booking == ["not-found", "ok"]
    assert await counters(db, other.id) == {"free": 3, "held": 1}
