from __future__ import annotations

import datetime as dt
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.kernel.clock import local_date, utc_now
from guahao.scheduling.models import Bucket, ClinicSession, SessionState, Slot
from guahao.scheduling.queries.law import broken_slots
from guahao.scheduling.service.materialise import materialise
from guahao.scheduling.service.templates import upsert_template
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import counters, make_clinic, make_session, slots_of, template_row

pytestmark = pytest.mark.anyio


def edit(session: ClinicSession, *slots: dict[str, Any], **overrides: object) -> dict[str, Any]:
    body = {
        "version": session.version,
        "room": session.room,
        "release_at": session.release_at.isoformat(),
        "slots": slots,
    }
    return body | overrides


def slot_edit(slot: Slot, capacity: int, **pools: int) -> dict[str, Any]:
    kept = {"desk": 0, "elderly": 0, "referral": 0, "later": 0} | pools
    return {"id": str(slot.id), "capacity": capacity, "pools": kept}


async def save(
    db: AsyncSession, client: httpx.AsyncClient, session: ClinicSession, body: dict[str, Any]
) -> httpx.Response:
    headers = await staff_headers(db, hospital_id=session.hospital_id)
    await db.commit()
    return await client.put(f"/api/v1/staff/sessions/{session.id}", json=body, headers=headers)


async def test_room_places_and_pools_are_changed_and_the_law_of_places_holds(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    session = await make_session(
        db, slots=3, capacity=6, pools={Bucket.BOOKED: 2, Bucket.DESK: 2, Bucket.LATER: 1}
    )
    first, second, third = await slots_of(db, session)
    body = edit(
        session, slot_edit(first, 9, desk=1, elderly=3), slot_edit(second, 3, desk=1), room="新诊室 5"
    )

    answer = await save(db, client, session, body)

    assert answer.status_code == 200
    assert (answer.json()["room"], answer.json()["version"]) == ("新诊室 5", 2)
    assert await counters(db, first.id) == {"booked": 2, "desk": 1, "elderly": 3, "free": 3}
    assert await counters(db, second.id) == {"booked": 2, "desk": 1}
    assert await counters(db, third.id) == {"booked": 2, "desk": 2, "later": 1, "free": 1}
    assert await broken_slots(db) == []
    actions = await db.scalars(select(AuditEntryRow.action))
    assert actions.all() == ["session.change"]


async def test_a_slot_never_gets_fewer_places_than_are_taken(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    session = await make_session(db, capacity=6, pools={Bucket.BOOKED: 2, Bucket.HELD: 1, Bucket.DESK: 2})
    (slot,) = await slots_of(db, session)

    answer = await save(db, client, session, edit(session, slot_edit(slot, 4, desk=2), room="别处"))

    assert (answer.status_code, answer.json()["code"], answer.json()["least"]) == (409, "places-taken", 5)
    assert await counters(db, slot.id) == {"booked": 2, "held": 1, "desk": 2, "free": 1}
    shown = await db.get_one(ClinicSession, (session.hospital_id, session.id), populate_existing=True)
    assert (shown.room, shown.version) == (session.room, 1)


async def test_the_second_of_two_editors_is_told(db: AsyncSession, client: httpx.AsyncClient) -> None:
    session = await make_session(db)
    body = edit(session, room="甲")
    await save(db, client, session, body)

    answer = await save(db, client, session, body | {"room": "乙"})

    assert (answer.status_code, answer.json()["code"]) == (409, "edit-conflict")
    assert (answer.json()["your_version"], answer.json()["current_version"]) == (1, 2)


async def test_a_room_that_is_taken_is_refused_naming_who_is_there(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    neighbour = await make_clinic(db, hospital_id=clinic.hospital_id)
    other = await make_session(
        db, clinic=replace(neighbour, campus_id=clinic.campus_id), room="301", starts=dt.time(8, 30)
    )
    session = await make_session(db, clinic=clinic, room="302", slots=2)

    answer = await save(db, client, session, edit(session, room="301"))

    refused = answer.json()
    assert (answer.status_code, refused["code"], refused["session_id"]) == (409, "room-busy", str(other.id))
    assert refused["title"].startswith("301在 ")
    assert "08:30–09:00 已有张医生出诊" in refused["title"]


async def test_the_release_moves_until_it_has_come(db: AsyncSession, client: httpx.AsyncClient) -> None:
    waiting = await make_session(db, released=False)
    later = waiting.release_at + timedelta(hours=3)
    moved = await save(db, client, waiting, edit(waiting, release_at=later.isoformat()))
    waiting.version = 2
    too_late = await save(db, client, waiting, edit(waiting, release_at=waiting.ends_at.isoformat()))
    on_sale = await make_session(db)
    answer = await save(db, client, on_sale, edit(on_sale, release_at=later.isoformat()))

    assert moved.status_code == 200
    assert [slot.released_at for slot in await slots_of(db, waiting)] == [later]
    assert (too_late.status_code, too_late.json()["code"]) == (422, "release-after-start")
    assert (answer.status_code, answer.json()["code"]) == (409, "session-released")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z"])
async def test_a_release_in_another_age_is_refused(
    db: AsyncSession, client: httpx.AsyncClient, moment: str
) -> None:
    session = await make_session(db, released=False)

    answer = await save(db, client, session, edit(session, release_at=moment))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_a_drafts_places_stay_frozen_when_it_grows_or_shrinks(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    session = await make_session(db, slots=2, capacity=5, pools={Bucket.FROZEN: 5}, state=SessionState.DRAFT)
    first, second = await slots_of(db, session)
    body = edit(session, {"id": str(first.id), "capacity": 8}, {"id": str(second.id), "capacity": 2})

    answer = await save(db, client, session, body)

    assert answer.status_code == 200
    assert await counters(db, first.id) == {"frozen": 8}
    assert await counters(db, second.id) == {"frozen": 2}
    assert await broken_slots(db) == []


@pytest.mark.parametrize("state", [SessionState.SUSPENDED, SessionState.FINISHED])
async def test_what_is_over_or_suspended_is_not_changed(
    db: AsyncSession, client: httpx.AsyncClient, state: SessionState
) -> None:
    session = await make_session(db, state=state)

    answer = await save(db, client, session, edit(session, room="新"))

    assert (answer.status_code, answer.json()["code"]) == (409, "session-state-conflict")


async def test_a_slot_of_another_session_is_not_found(db: AsyncSession, client: httpx.AsyncClient) -> None:
    session, other = await make_session(db), await make_session(db)
    (slot,) = await slots_of(db, other)

    answer = await save(db, client, session, edit(session, slot_edit(slot, 9)))

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert await counters(db, slot.id) == {"free": 5}


async def test_a_session_changed_by_hand_no_longer_follows_its_template(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db)
    day = local_date(utc_now()) + timedelta(days=2)
    row = template_row(clinic, weekday=day.weekday(), on_holidays="open")
    await upsert_template(db, row, by="staff:test", now=utc_now())
    await materialise(db, hospital_id=clinic.hospital_id, now=utc_now())
    sessions = (await db.scalars(select(ClinicSession).order_by(ClinicSession.date))).all()
    await save(db, client, sessions[0], edit(sessions[0], room="特别"))

    await upsert_template(db, replace(row, room="402"), by="staff:test", now=utc_now())
    await materialise(db, hospital_id=clinic.hospital_id, now=utc_now())

    rooms = await db.scalars(select(ClinicSession.room).order_by(ClinicSession.date))
    assert rooms.all() == ["特别", "402"][: len(sessions)] + ["402"] * (len(sessions) - 2)
