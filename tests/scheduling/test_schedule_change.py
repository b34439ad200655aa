from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.models import Bucket, ClinicSession, PlaceLog, ScheduleChange, SessionState, Slot
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.places import Move, move
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, counters, make_clinic, make_session, slots_of

pytestmark = pytest.mark.anyio
_TODAY = local_date(utc_now())
MONDAY = _TODAY + timedelta(days=14 - _TODAY.weekday())
"""Of the week after next: never today, whenever midnight comes."""
NEXT = MONDAY + timedelta(days=7)


class Planner:
    """A planner of one hospital at the front door."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str], hospital_id: int) -> None:
        self._client = client
        self._headers = headers
        self._path = f"/api/v1/staff/hospitals/{hospital_id}/schedule-changes"

    async def propose(self, **body: object) -> dict[str, Any]:
        answer = await self._client.post(self._path, json=body, headers=self._headers)
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def deed(self, change: dict[str, Any], deed: str) -> httpx.Response:
        path = f"/api/v1/staff/schedule-changes/{change['change']['id']}/{deed}"
        return await self._client.post(path, headers=self._headers)

    async def list(self) -> list[dict[str, Any]]:
        answer = await self._client.get(self._path, headers=self._headers)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def planner(db: AsyncSession, client: httpx.AsyncClient, clinic: Clinic) -> Planner:
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    return Planner(client, headers, clinic.hospital_id)


def copy_week(**more: object) -> dict[str, Any]:
    return {
        "kind": "copy_week",
        "from_week": str(MONDAY),
        "to_week": str(NEXT),
        "with_holidays": True,
        **more,
    }


def selected(kind: str, **more: object) -> dict[str, Any]:
    return {"kind": kind, "from": str(MONDAY), "to": str(NEXT + timedelta(days=6)), **more}


async def sessions_of_week(db: AsyncSession, monday: dt.date) -> list[ClinicSession]:
    rows = await db.scalars(
        select(ClinicSession)
        .where(ClinicSession.date.between(monday, monday + timedelta(days=6)))
        .order_by(ClinicSession.starts_at)
        .execution_options(populate_existing=True)
    )
    return list(rows.all())


async def draft(db: AsyncSession, clinic: Clinic, *, slots: int = 1, **overrides: Any) -> ClinicSession:
    values = {"date": MONDAY, "capacity": 5, "pools": {Bucket.FROZEN: 5}, **overrides}
    return await make_session(db, clinic=clinic, slots=slots, state=SessionState.DRAFT, **values)


async def test_a_week_is_copied_as_drafts_like_its_sessions_and_the_copy_is_undone(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    source = await make_session(
        db, clinic=clinic, date=MONDAY, slots=3, capacity=4, pools={Bucket.BOOKED: 2}, room="301"
    )
    await make_session(
        db, clinic=clinic, date=MONDAY + timedelta(days=1), state=SessionState.SUSPENDED, room="301"
    )
    admin = await planner(db, client, clinic)

    proposed = await admin.propose(**copy_week())
    before_applying = await sessions_of_week(db, NEXT)
    applied = await admin.deed(proposed, "apply")
    (copy,) = await sessions_of_week(db, NEXT)
    copied_slots = [(slot.capacity, slot.frozen, slot.free) for slot in await slots_of(db, copy)]
    undone = await admin.deed(proposed, "undo")

    assert (proposed["change"]["possible"], proposed["change"]["refused"]) == (1, 0)
    assert proposed["items"][0]["before"] is None
    assert proposed["items"][0]["after"]["capacities"] == [4, 4, 4]
    assert before_applying == []
    assert (applied.status_code, applied.json()["change"]["state"]) == (200, "applied")
    assert applied.json()["items"][0]["session_id"] == str(copy.id)
    assert (copy.state, copy.room, copy.starts_at) == (
        SessionState.DRAFT,
        "301",
        source.starts_at + timedelta(days=7),
    )
    assert copied_slots == [(4, 4, 0)] * 3
    assert (undone.status_code, undone.json()["change"]["state"]) == (200, "undone")
    assert await sessions_of_week(db, NEXT) == []
    assert [slot.booked for slot in await slots_of(db, source)] == [2, 2, 2]
    assert await broken_slots(db) == []


async def test_who_changed_what_is_listed_and_in_the_trail(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, date=MONDAY)
    admin = await planner(db, client, clinic)
    proposed = await admin.propose(**copy_week())
    unseen = await admin.list()
    await admin.deed(proposed, "apply")
    await admin.deed(proposed, "undo")

    listed = await admin.list()

    assert unseen == []
    assert [(one["kind"], one["state"], one["undone_by"]) for one in listed] == [
        ("copy_week", "undone", "李管理")
    ]
    actions = await db.scalars(
        select(AuditEntryRow.action).where(AuditEntryRow.subject.like("schedule-change:%"))
    )
    assert sorted(actions) == ["schedule-change.apply", "schedule-change.propose", "schedule-change.undo"]


async def test_what_cannot_be_copied_says_why_and_the_rest_is_copied(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    other = replace(await make_clinic(db, hospital_id=clinic.hospital_id), campus_id=clinic.campus_id)
    third = replace(await make_clinic(db, hospital_id=clinic.hospital_id), campus_id=clinic.campus_id)
    for one, room in ((clinic, "301"), (other, "302"), (third, "303")):
        await make_session(db, clinic=one, date=MONDAY, room=room)
    busy = await make_session(db, clinic=clinic, date=NEXT, room="500")
    taken = await make_session(db, clinic=third, date=NEXT, room="302", starts=dt.time(8, 15))
    admin = await planner(db, client, clinic)

    proposed = await admin.propose(**copy_week())
    await admin.deed(proposed, "apply")

    refused = {
        item["after"]["room"]: item["refused"] and (item["refused"]["code"], item["refused"]["session_id"])
        for item in proposed["items"]
    }
    assert refused == {
        "301": ("doctor-busy", str(busy.id)),
        "302": ("room-busy", str(taken.id)),
        "303": ("doctor-busy", str(taken.id)),
    }
    assert (proposed["change"]["possible"], proposed["change"]["refused"]) == (0, 3)
    assert {one.id for one in await sessions_of_week(db, NEXT)} == {busy.id, taken.id}


async def test_holidays_past_days_and_missing_prices_are_not_filled(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db, prices=False)
    await make_session(db, clinic=clinic, date=MONDAY)
    await make_session(db, clinic=clinic, date=dt.date(2025, 9, 22), days=0)
    admin = await planner(db, client, clinic)

    unpriced = await admin.propose(**copy_week())
    past = await admin.propose(
        kind="copy_week", from_week="2025-09-22", to_week="2025-09-29", with_holidays=False
    )

    assert [item["refused"]["code"] for item in unpriced["items"]] == ["fee-missing"]
    assert [item["refused"]["code"] for item in past["items"]] == ["session-in-past"]


async def test_rooms_places_and_release_are_set_alike_and_put_back(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    plain = await make_session(
        db, clinic=clinic, date=MONDAY, slots=2, capacity=5, released=False, pools={Bucket.BOOKED: 1}
    )
    full = await make_session(
        db,
        clinic=clinic,
        date=MONDAY,
        starts=dt.time(14),
        capacity=5,
        pools={Bucket.BOOKED: 4},
        released=False,
    )
    waiting = await draft(db, clinic, date=NEXT, release_at=utc_now())
    was = plain.release_at
    admin = await planner(db, client, clinic)

    proposed = await admin.propose(
        **selected("set", room="新室", capacity_per_slot=3, release_days_before=1, release_time="12:30:00")
    )
    await admin.deed(proposed, "apply")
    after = [one.room for one in await sessions_of_week(db, MONDAY)]
    slots = [(slot.capacity, slot.free, slot.booked) for slot in await slots_of(db, plain)]
    released = {slot.released_at for slot in await slots_of(db, plain)}
    drafted = [(slot.capacity, slot.frozen) for slot in await slots_of(db, waiting)]
    await admin.deed(proposed, "undo")

    codes = {item["session_id"]: item["refused"] and item["refused"]["code"] for item in proposed["items"]}
    assert codes == {str(plain.id): None, str(full.id): "places-taken", str(waiting.id): None}
    assert after == ["新室", full.room]
    assert slots == [(3, 2, 1)] * 2
    assert released == {at_local(MONDAY - timedelta(days=1), dt.time(12, 30))}
    assert drafted == [(3, 3)]
    back = await db.get_one(ClinicSession, (plain.hospital_id, plain.id), populate_existing=True)
    assert (back.room, back.release_at, back.version) == (plain.room, was, 3)
    assert [(slot.capacity, slot.free, slot.booked) for slot in await slots_of(db, plain)] == [(5, 4, 1)] * 2
    assert await broken_slots(db) == []


async def test_drafts_are_published_together_and_then_cannot_be_undone(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db, rules={"desk_percent": 20})
    waiting = await draft(db, clinic, slots=2)
    on_sale = await make_session(db, clinic=clinic, date=NEXT)
    admin = await planner(db, client, clinic)

    proposed = await admin.propose(**selected("publish"))
    await admin.deed(proposed, "apply")
    undone = await admin.deed(proposed, "undo")

    assert [item["session_id"] for item in proposed["items"]] == [str(waiting.id)]
    assert [(slot.desk, slot.frozen) for slot in await slots_of(db, waiting)] == [(1, 0)] * 2
    assert (undone.status_code, undone.json()["code"]) == (409, "change-in-use")
    assert undone.json()["session_ids"] == [str(waiting.id)]
    assert [slot.free for slot in await slots_of(db, on_sale)] == [5]
    assert await broken_slots(db) == []


async def test_removed_drafts_come_back_and_published_ones_stay(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    await draft(db, clinic, slots=2, room="301")
    kept = await make_session(db, clinic=clinic, date=NEXT)
    admin = await planner(db, client, clinic)

    proposed = await admin.propose(**selected("remove"))
    await admin.deed(proposed, "apply")
    left = [one.id for one in await sessions_of_week(db, MONDAY)]
    undone = await admin.deed(proposed, "undo")

    (back,) = await sessions_of_week(db, MONDAY)
    assert left == []
    assert undone.status_code == 200
    assert (back.room, back.state) == ("301", SessionState.DRAFT)
    assert [(slot.capacity, slot.frozen) for slot in await slots_of(db, back)] == [(5, 5)] * 2
    assert [one.id for one in await sessions_of_week(db, NEXT)] == [kept.id]


async def test_a_copy_that_was_published_is_not_undone(db: AsyncSession, client: httpx.AsyncClient) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, date=MONDAY)
    admin = await planner(db, client, clinic)
    copied = await admin.propose(**copy_week())
    await admin.deed(copied, "apply")
    await admin.deed(await admin.propose(**selected("publish")), "apply")

    undone = await admin.deed(copied, "undo")

    assert (undone.status_code, undone.json()["code"], undone.json()["count"]) == (409, "change-in-use", 1)
    assert len(await sessions_of_week(db, NEXT)) == 1


async def test_a_copy_that_was_changed_since_is_not_undone(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, date=MONDAY)
    admin = await planner(db, client, clinic)
    copied = await admin.propose(**copy_week())
    await admin.deed(copied, "apply")
    (copy,) = await sessions_of_week(db, NEXT)
    room = await admin.propose(**selected("set", room="新室", session_ids=[str(copy.id)]))
    await admin.deed(room, "apply")

    undone = await admin.deed(copied, "undo")

    assert (undone.status_code, undone.json()["code"]) == (409, "change-in-use")
    assert undone.json()["session_ids"] == [str(copy.id)]
    assert [one.room for one in await sessions_of_week(db, NEXT)] == ["新室"]


async def test_what_was_set_is_not_put_back_once_it_is_on_sale(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    waiting = await draft(db, clinic)
    admin = await planner(db, client, clinic)
    more = await admin.propose(**selected("set", capacity_per_slot=8))
    await admin.deed(more, "apply")
    await admin.deed(await admin.propose(**selected("publish")), "apply")

    undone = await admin.deed(more, "undo")

    assert (undone.status_code, undone.json()["code"]) == (409, "change-in-use")
    assert [slot.capacity for slot in await slots_of(db, waiting)] == [8]


@pytest.mark.parametrize("deed", ["apply", "undo"])
async def test_doing_it_twice_changes_nothing_the_second_time(
    db: AsyncSession, client: httpx.AsyncClient, deed: str
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, date=MONDAY)
    admin = await planner(db, client, clinic)
    proposed = await admin.propose(**copy_week())
    if deed == "undo":
        await admin.deed(proposed, "apply")

    first, second = await admin.deed(proposed, deed), await admin.deed(proposed, deed)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert len(await sessions_of_week(db, NEXT)) == (1 if deed == "apply" else 0)


async def test_a_preview_that_is_not_true_any_more_is_not_applied(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    session = await make_session(db, clinic=clinic, date=MONDAY, capacity=5)
    (slot,) = await slots_of(db, session)
    admin = await planner(db, client, clinic)
    fewer = await admin.propose(**selected("set", capacity_per_slot=2))
    copied = await admin.propose(**copy_week())
    await take(db, slot, places=3)
    await make_session(db, clinic=clinic, date=NEXT)
    await db.commit()

    answers = [await admin.deed(one, "apply") for one in (fewer, copied)]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "change-stale")] * 2
    assert await counters(db, slot.id) == {"free": 2, "booked": 3}
    assert (await sessions_of_week(db, MONDAY))[0].version == 1
    assert await db.scalar(select(func.count()).where(ScheduleChange.state == "applied")) == 0


async def take(db: AsyncSession, slot: Slot, *, places: int = 1) -> bool:
    """A booking, as far as places are concerned."""
    taken = Move(
        hospital_id=slot.hospital_id,
        slot_id=slot.id,
        source=Bucket.FREE,
        target=Bucket.BOOKED,
        reason="booked",
        places=places,
    )
    return await move(db, [taken])


@pytest.mark.parametrize("deed", ["apply", "undo"])
async def test_no_booking_is_lost_to_a_change_that_is_made_at_the_same_time(
    db: AsyncSession, sessions: Sessions, client: httpx.AsyncClient, deed: str
) -> None:
    clinic = await make_clinic(db)
    session = await make_session(db, clinic=clinic, date=MONDAY, capacity=3 if deed == "undo" else 8)
    (slot,) = await slots_of(db, session)
    admin = await planner(db, client, clinic)
    proposed = await admin.propose(**selected("set", capacity_per_slot=8 if deed == "undo" else 3))
    if deed == "undo":
        await admin.deed(proposed, "apply")

    async def book() -> bool:
        async with transaction(sessions) as own:
            return await take(own, slot)

    booked = [asyncio.create_task(book()) for _ in range(3)]
    deeds = [asyncio.create_task(admin.deed(proposed, deed)) for _ in range(2)]
    late = [asyncio.create_task(book()) for _ in range(3)]
    won = sum(await asyncio.gather(*booked, *late))
    answers = [one.status_code for one in await asyncio.gather(*deeds)]

    places = await counters(db, slot.id)
    assert places["booked"] == won
    assert set(answers) in ({200}, {409})
    expected = 3 if answers[0] == 200 else 8
    assert sum(places.values()) == expected
    assert won == min(6, expected)
    assert await broken_slots(db) == []
    assert await db.scalar(select(func.count()).where(PlaceLog.reason == "booked")) == won


async def test_two_planners_who_copy_the_same_week_make_it_once(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    for day in range(4):
        await make_session(db, clinic=clinic, date=MONDAY + timedelta(days=day))
    admin = await planner(db, client, clinic)
    first, second = await admin.propose(**copy_week()), await admin.propose(**copy_week())

    answers = await asyncio.gather(admin.deed(first, "apply"), admin.deed(second, "apply"))

    assert sorted(one.status_code for one in answers) == [200, 409]
    assert len(await sessions_of_week(db, NEXT)) == 4
    assert await broken_slots(db) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "burn"}, "kind"),
        ({}, "kind"),
        ({"kind": "copy_week", "from_week": "2026-11-24", "to_week": "2026-11-30"}, "copy_week.from_week"),
        ({"kind": "copy_week", "from_week": "2026-11-23", "to_week": "2026-11-23"}, "copy_week.to_week"),
        ({"kind": "set", "from": "2026-11-23", "to": "2026-11-29"}, "set.room"),
        (
            {"kind": "set", "from": "2026-11-23", "to": "2026-11-29", "release_time": "12:00"},
            "set.release_days_before",
        ),
        ({"kind": "publish", "from": "2026-11-23", "to": "2027-11-29"}, "publish.to"),
        ({"kind": "remove", "from": "2026-11-23", "to": "2026-11-22"}, "remove.to"),
    ],
)
async def test_a_change_that_says_too_little_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, wrong: dict[str, object], field: str
) -> None:
    clinic = await make_clinic(db)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answer = await client.post(
        f"/api/v1/staff/hospitals/{clinic.hospital_id}/schedule-changes", json=wrong, headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_planners_of_another_hospital_find_no_change(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic, foreign = await make_clinic(db), await make_clinic(db)
    await make_session(db, clinic=clinic, date=MONDAY)
    admin = await planner(db, client, clinic)
    proposed = await admin.propose(**copy_week())
    stranger = await planner(db, client, foreign)

    answers = [await stranger.deed(proposed, deed) for deed in ("apply", "undo")]

    assert [one.status_code for one in answers] == [404, 404]
    assert await sessions_of_week(db, NEXT) == []
