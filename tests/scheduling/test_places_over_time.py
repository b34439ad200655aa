from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.jobs import JOBS
from guahao.scheduling.models import (
    Bucket,
    CoolingPlace,
    HolidayRule,
    Period,
    PlaceLog,
    SessionAddon,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.refusals import (
    DoctorBusy,
    FeeMissing,
    RoomBusy,
    SessionInPast,
    SessionStateConflict,
)
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.addon import AddonLimitReached, SlotOver, add_places
from guahao.scheduling.service.places import Move, PlacesMissing, move
from guahao.scheduling.service.publish import (
    ExtraSession,
    add_session,
    publish_session,
)
from guahao.scheduling.service.returns import finish_sessions, release_cooling, return_reserves
from guahao.scheduling.service.suspend import suspend
from guahao.scheduling.service.templates import upsert_template
from tests.factories.scheduling import (
    LONG_AGO,
    Clinic,
    counters,
    make_clinic,
    make_session,
    make_slot,
    put,
    slots_of,
    template_row,
)
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
BY = "staff:test"
NOW = utc_now()
LATER = NOW + timedelta(days=1)
DAY = local_date(NOW) + timedelta(days=5)


async def returning(db: AsyncSession, slot: Slot, **moments: dt.datetime | None) -> None:
    for name, moment in moments.items():
        setattr(slot, name, moment)
    await db.flush()


async def test_a_pool_goes_back_on_sale_at_its_time_and_others_stay(db: AsyncSession) -> None:
    slot = await make_slot(db, pools={Bucket.ELDERLY: 2, Bucket.REFERRAL: 1})
    await returning(db, slot, elderly_returns_at=LONG_AGO, referral_returns_at=LATER)

    assert await return_reserves(db) == 1
    assert await return_reserves(db) == 0

    assert await counters(db, slot.id) == {"free": 4, "referral": 1}
    assert await broken_slots(db) == []


async def test_every_pool_of_a_slot_returns_in_one_run(db: AsyncSession) -> None:
    slot = await make_slot(db, pools={Bucket.DESK: 1, Bucket.ELDERLY: 1, Bucket.REFERRAL: 1, Bucket.LATER: 1})
    moments = {f"{name}_returns_at": LONG_AGO for name in ("desk", "elderly", "referral", "later")}
    await returning(db, slot, **moments)

    assert await return_reserves(db) == 1

    assert await counters(db, slot.id) == {"free": 5}


async def test_cooling_places_are_sold_again_when_their_time_is_over(db: AsyncSession) -> None:
    slot = await make_slot(db, pools={Bucket.COOLING: 3})
    for until in (LONG_AGO, LONG_AGO, LATER):
        db.add(CoolingPlace(hospital_id=slot.hospital_id, id=new_id(), slot_id=slot.id, until=until))
    await db.flush()

    assert await release_cooling(db) == 2
    assert await release_cooling(db) == 0

    assert await counters(db, slot.id) == {"free": 4, "cooling": 1}
    assert (await db.scalars(select(CoolingPlace.until))).all() == [LATER]
    assert await broken_slots(db) == []


async def test_no_place_that_cooled_goes_on_sale_in_a_session_that_was_suspended_meanwhile(
    db: AsyncSession, sessions: Sessions
) -> None:
    slot = await make_slot(db, capacity=5, pools={Bucket.COOLING: 2})
    for _ in range(2):
        db.add(CoolingPlace(hospital_id=slot.hospital_id, id=new_id(), slot_id=slot.id, until=LONG_AGO))
    await db.commit()

    async def suspend_it() -> None:
        async with transaction(sessions) as own:
            await suspend(own, slot.session_id, reason="医生生病", by=BY)

    async def release() -> None:
        async with transaction(sessions) as own:
            await release_cooling(own)

    async with sessions() as first:
        await first.execute(select(Slot.id).where(Slot.id == slot.id).with_for_update())
        suspending = asyncio.create_task(suspend_it())
        await until_somebody_waits(sessions)
        releasing = asyncio.create_task(release())
        await until_somebody_waits(sessions, least=2)
        await first.commit()
    await asyncio.gather(suspending, releasing)

    assert await counters(db, slot.id) == {"frozen": 5}
    assert await broken_slots(db) == []


async def test_a_cooling_row_without_its_place_is_a_defect_that_changes_nothing(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        slot = await make_slot(db)
        db.add(CoolingPlace(hospital_id=slot.hospital_id, id=new_id(), slot_id=slot.id, until=LONG_AGO))

    with pytest.raises(PlacesMissing):
        async with transaction(sessions) as db:
            await release_cooling(db)

    async with transaction(sessions) as db:
        assert await counters(db, slot.id) == {"free": 5}
        assert await db.scalar(select(func.count()).select_from(CoolingPlace)) == 1


async def test_sessions_that_are_over_are_finished(db: AsyncSession) -> None:
    over = await make_session(db, starts_at=utc_now() - timedelta(hours=2))
    running = await make_session(db, starts_at=utc_now() - timedelta(minutes=5))

    assert await finish_sessions(db) == 1
    assert await finish_sessions(db) == 0

    await db.refresh(over)
    await db.refresh(running)
    assert (over.state, running.state) == (SessionState.FINISHED, SessionState.PUBLISHED)


async def test_the_law_job_finds_a_counter_that_its_log_does_not_give(db: AsyncSession) -> None:
    whole, broken = await make_slot(db), await make_slot(db, pools={Bucket.HELD: 1})
    broken.held, broken.free = 0, 5
    await db.flush()

    assert await broken_slots(db) == [broken.id]
    assert await broken_slots(db, hospital_id=whole.hospital_id) == []


def test_every_job_has_a_name_of_its_own() -> None:
    names = [job.name for job in JOBS]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["pool 3", "add 2"], 2),
        (["pool 3", "add 2", "give 2"], 0),
        (["pool 3", "add 2", "give 1"], 1),
        (["pool 3", "give 2", "add 2"], 2),
        (["pool 3", "give 3", "add 2", "give 1"], 1),
        (["pool 3", "add 1", "give 3", "add 1"], 1),
    ],
)
async def test_what_the_desk_did_not_give_out_returns_but_for_add_on_places(
    db: AsyncSession, steps: list[str], left: int
) -> None:
    session = await make_session(db, capacity=20)
    (slot,) = await slots_of(db, session)
    for step in steps:
        deed, places = step.split()
        await DEEDS[deed](db, slot, int(places))
    slot.desk_returns_at = NOW - timedelta(minutes=1)
    await db.flush()

    await return_reserves(db)
    await return_reserves(db)

    assert (await counters(db, slot.id)).get("desk", 0) == left


async def _pool(db: AsyncSession, slot: Slot, places: int) -> None:
    await put(db, [slot], {Bucket.DESK: places})


async def _add(db: AsyncSession, slot: Slot, places: int) -> None:
    await add_places(db, slot.id, session_id=slot.session_id, places=places, reason="复查", by=BY, now=NOW)


async def _give(db: AsyncSession, slot: Slot, places: int) -> None:
    given = Move(
        hospital_id=slot.hospital_id,
        slot_id=slot.id,
        source=Bucket.DESK,
        target=Bucket.BOOKED,
        reason="book",
        places=places,
    )
    assert await move(db, [given])


DEEDS = {"pool": _pool, "add": _add, "give": _give}


async def test_add_on_places_go_to_the_desk_and_can_be_traced(db: AsyncSession) -> None:
    session = await make_session(db, capacity=10, slots=2)
    first, second = await slots_of(db, session)

    made = await add_places(db, first.id, session_id=session.id, places=2, reason="术后复查", by=BY, now=NOW)

    assert await counters(db, first.id) == {"addons": 2, "free": 10, "desk": 2}
    assert await counters(db, second.id) == {"free": 10}
    stored = await db.get_one(SessionAddon, (session.hospital_id, made.id))
    assert (stored.doctor_id, stored.places, stored.reason, stored.added_by) == (
        session.doctor_id,
        2,
        "术后复查",
        BY,
    )
    logged = await db.execute(select(PlaceLog.reason, PlaceLog.source, PlaceLog.target, PlaceLog.places))
    assert logged.all() == [("added", None, Bucket.DESK, 2)]
    assert await broken_slots(db) == []


async def test_add_on_places_stay_with_the_desk_when_its_pool_returns(db: AsyncSession) -> None:
    session = await make_session(db, capacity=10, pools={Bucket.DESK: 3})
    (slot,) = await slots_of(db, session)
    await add_places(db, slot.id, session_id=session.id, places=1, reason="术后复查", by=BY, now=NOW)
    await returning(db, slot, desk_returns_at=LONG_AGO)

    await return_reserves(db)

    assert await return_reserves(db) == 0
    assert await counters(db, slot.id) == {"addons": 1, "free": 10, "desk": 1}


@pytest.mark.parametrize(("places", "is_allowed"), [(1, True), (2, True), (3, False)])
async def test_add_on_places_end_at_the_rules_share_of_the_session(
    db: AsyncSession, places: int, is_allowed: bool
) -> None:
    session = await make_session(db, capacity=10, slots=2)
    first = (await slots_of(db, session))[0]

    async def add() -> None:
        await add_places(
            db, first.id, session_id=session.id, places=places, reason="术后复查", by=BY, now=NOW
        )

    if is_allowed:
        await add()
        assert (await counters(db, first.id))["addons"] == places
        return
    with pytest.raises(AddonLimitReached) as refused:
        await add()
    assert refused.value.extra == {"left": 2, "limit": 2}
    assert await counters(db, first.id) == {"free": 10}
    assert await db.scalar(select(func.count()).select_from(SessionAddon)) == 0


async def test_add_on_places_at_once_do_not_pass_the_limit_together(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        session = await make_session(db, capacity=10, slots=3)
        slots = await slots_of(db, session)

    async def add(number: int) -> bool:
        try:
            async with transaction(sessions) as db:
                await add_places(
                    db,
                    slots[number % 3].id,
                    session_id=session.id,
                    places=1,
                    reason="术后复查",
                    by=BY,
                    now=NOW,
                )
        except AddonLimitReached:
            return False
        return True

    done = await asyncio.gather(*(add(number) for number in range(8)))

    assert sum(done) == 3
    async with transaction(sessions) as db:
        assert sum(slot.addons for slot in await slots_of(db, session)) == 3
        assert await broken_slots(db) == []


async def test_add_on_places_need_a_slot_of_the_session_that_has_not_begun(db: AsyncSession) -> None:
    session = await make_session(db, capacity=10, starts_at=NOW - timedelta(minutes=40), slots=2)
    other = await make_slot(db)
    over, running = await slots_of(db, session)

    for slot_id, problem in ((over.id, SlotOver), (running.id, SlotOver), (other.id, NotFound)):
        with pytest.raises(problem):
            await add_places(db, slot_id, session_id=session.id, places=1, reason="复查", by=BY, now=NOW)

    assert await counters(db, over.id) == await counters(db, running.id) == {"free": 10}
    assert await counters(db, other.id) == {"free": 5}


async def test_a_suspended_session_gets_no_add_on_places(db: AsyncSession) -> None:
    session = await make_session(db, capacity=10)
    (slot,) = await slots_of(db, session)
    await suspend(db, session.id, reason="医生生病", by=BY)

    with pytest.raises(SessionStateConflict):
        await add_places(db, slot.id, session_id=session.id, places=1, reason="复查", by=BY, now=NOW)

    assert await counters(db, slot.id) == {"frozen": 10}


def extra(clinic: Clinic, **overrides: object) -> ExtraSession:
    values = {
        "doctor_id": clinic.doctor_id,
        "department_id": clinic.department_id,
        "campus_id": clinic.campus_id,
        "date": DAY,
        "period": Period.EVENING,
        "starts": dt.time(18),
        "ends": EndTime.at(dt.time(20)),
        "slot_min": 30,
        "capacity_per_slot": 5,
        "room": "301",
        "level": "general",
    }
    return ExtraSession(**values | overrides)


async def test_an_extra_session_is_on_sale_at_once(db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"elderly_percent": 10, "referral_percent": 20})

    session = await add_session(
        db, extra(clinic), hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW
    )

    slots = await slots_of(db, session)
    assert (session.state, session.template_id) == (SessionState.PUBLISHED, None)
    assert (sum(slot.free for slot in slots), sum(slot.elderly for slot in slots)) == (14, 2)


@pytest.mark.parametrize(
    ("whose", "room", "refusal"), [("own", "901", DoctorBusy), ("other", "301", RoomBusy)]
)
async def test_an_extra_session_takes_nothing_from_a_weekly_clinic_that_is_yet_to_be_made(
    db: AsyncSession, whose: str, room: str, refusal: type[Problem]
) -> None:
    clinic = await make_clinic(db)
    other = replace(await make_clinic(db, hospital_id=clinic.hospital_id), campus_id=clinic.campus_id)
    far = local_date(NOW) + timedelta(days=60)
    weekly = template_row(
        clinic, room="301", weekday=far.weekday(), on_holidays=HolidayRule.OPEN, valid_from=far
    )
    await upsert_template(db, weekly, by=BY, now=NOW)
    wanted = extra({"own": clinic, "other": other}[whose], date=far, starts=dt.time(9), room=room)

    with pytest.raises(refusal) as refused:
        await add_session(db, wanted, hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW)

    assert "08:00–10:00" in refused.value.title
    free = replace(wanted, starts=dt.time(10))
    await add_session(db, free, hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW)


async def test_a_draft_cannot_be_sold_until_it_is_published(db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"elderly_percent": 10, "referral_percent": 20})
    session = await add_session(
        db, extra(clinic), hospital_id=clinic.hospital_id, is_draft=True, by=BY, now=NOW
    )
    drafted = [slot.frozen for slot in await slots_of(db, session)]

    await publish_session(db, session.id, by=BY, now=NOW)
    await publish_session(db, session.id, by=BY, now=NOW)

    slots = await slots_of(db, session)
    assert drafted == [5, 5, 5, 5]
    assert session.state is SessionState.PUBLISHED
    assert [slot.frozen for slot in slots] == [0, 0, 0, 0]
    assert (sum(slot.free for slot in slots), sum(slot.referral for slot in slots)) == (14, 4)
    assert await broken_slots(db) == []


async def test_an_extra_session_is_refused_when_doctor_or_room_is_taken(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await add_session(db, extra(clinic), hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW)

    for wanted, problem in (
        (extra(clinic, room="302"), DoctorBusy),
        (extra(other, campus_id=clinic.campus_id), RoomBusy),
        (
            extra(clinic, starts=dt.time(12), ends=EndTime.at(dt.time(13)), date=DAY - timedelta(days=30)),
            SessionInPast,
        ),
        (extra(clinic, doctor_id=new_id(clinic.hospital_id)), NotFound),
    ):
        with pytest.raises(problem):
            await add_session(db, wanted, hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW)

    assert await db.scalar(select(func.count()).select_from(Slot)) == 4


async def test_a_session_without_a_price_is_not_made(db: AsyncSession) -> None:
    clinic = await make_clinic(db, prices=False)

    with pytest.raises(FeeMissing):
        await add_session(db, extra(clinic), hospital_id=clinic.hospital_id, is_draft=False, by=BY, now=NOW)

    assert await db.scalar(select(func.count()).select_from(Slot)) == 0


async def test_suspending_while_places_are_taken_loses_none(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        session = await make_session(db, capacity=20, slots=2)
        slots = await slots_of(db, session)

    async def take(number: int) -> bool:
        slot = slots[number % 2]
        async with sessions() as db:
            taken = Move(
                hospital_id=slot.hospital_id,
                slot_id=slot.id,
                source=Bucket.FREE,
                target=Bucket.HELD,
                reason="held",
                is_sale=True,
            )
            is_taken = await move(db, [taken])
            await (db.commit() if is_taken else db.rollback())
            return is_taken

    async def close() -> None:
        async with transaction(sessions) as db:
            await suspend(db, session.id, reason="医生生病", by=BY)

    taken, *_ = await asyncio.gather(asyncio.gather(*(take(number) for number in range(60))), close())

    async with transaction(sessions) as db:
        after = await slots_of(db, session)
        assert sum(slot.free for slot in after) == 0
        assert sum(slot.held for slot in after) == sum(taken)
        assert sum(slot.frozen for slot in after) == 40 - sum(taken)
        assert await broken_slots(db) == []
