from __future__ import annotations

import asyncio
from datetime import time, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, event, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from guahao.booking.models import Appointment
from guahao.kernel import idempotency
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.idempotency import IdempotencyKey
from guahao.sandbox.keys import SandboxKeys
from guahao.scheduling.models import Bucket, Slot
from tests.factories.booking import Booker, make_booker, name_everybody
from tests.factories.catalog import staff_headers
from tests.factories.person import make_patient
from tests.factories.scheduling import counters, make_clinic, make_slot
from tests.factories.till import Till
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
PATH = "/api/v1/appointments"


def wish(booker: Booker, slot: Slot) -> dict[str, str]:
    return {"slot_id": str(slot.id), "patient_id": str(booker.patient_id)}


async def post(
    client: httpx.AsyncClient, booker: Booker, slot: Slot, key: str | None = None
) -> httpx.Response:
    headers = booker.headers | ({"Idempotency-Key": key} if key else {})
    return await client.post(PATH, json=wish(booker, slot), headers=headers)


async def count(db: AsyncSession) -> int:
    return (await db.scalar(select(func.count()).select_from(Appointment))) or 0


async def stage(db: AsyncSession, **overrides: Any) -> tuple[Booker, Slot]:
    booker, slot = await make_booker(db), await make_slot(db, **overrides)
    await db.commit()
    return booker, slot


async def test_from_hold_to_cancelled_through_the_front_door(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, fee_fen=5000)
    other = await make_slot(db, clinic=clinic, fee_fen=5000, days=4)
    await name_everybody(db, app.state.key_ring)

    held = (await post(client, booker, slot)).json()
    assert (held["state"], held["number"]) == ("held", None)
    assert held["order"]["amount_fen"] == 5000
    keys = SandboxKeys.load(app.state.settings.keys_path / "sandbox")
    till = Till(app=app, client=client, sessions=sessions, keys=keys)
    await till.pay_whole(booker.headers, held["order"]["id"])
    booked = (await client.get(f"{PATH}/{held['id']}", headers=booker.headers)).json()
    assert (booked["state"], booked["number"]) == ("booked", 1)
    assert booked["allowed"]["cancel"] is True
    assert booked["patient"]["name"] == "王*明"
    moved = await client.post(
        f"{PATH}/{held['id']}/reschedule", json={"slot_id": str(other.id)}, headers=booker.headers
    )
    assert (moved.status_code, moved.json()["state"]) == (201, "booked")
    cancelled = await client.post(f"{PATH}/{moved.json()['id']}/cancel", headers=booker.headers)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled_by_patient")
    listed = (await client.get(PATH, headers=booker.headers)).json()
    assert [item["state"] for item in listed["items"]] == ["cancelled_by_patient", "rescheduled"]
    assert listed["items"][0]["order"]["state"] == "refunding"
    assert listed["next_cursor"] is None


async def test_the_compatible_route_answers_in_its_envelope(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db, fee_fen=0)

    answer = await client.post("/api/appointment", json=wish(booker, slot), headers=booker.headers)

    body = answer.json()
    assert (answer.status_code, body["code"], body["message"]) == (200, 200, "预约成功")
    assert (body["data"]["state"], body["data"]["number"]) == ("booked", 1)


async def test_the_same_key_answers_the_first_answer_again(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    first = await post(client, booker, slot, "k1")

    again = await post(client, booker, slot, "k1")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(db) == 1


async def test_the_same_key_with_another_body_is_refused(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await stage(db)
    other = await make_slot(db, days=5)
    await db.commit()
    await post(client, booker, slot, "k1")

    answer = await post(client, booker, other, "k1")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await count(db) == 1


async def test_a_key_that_is_being_worked_on_answers_in_progress(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    async with sessions() as blocking:
        await blocking.execute(select(Slot).where(Slot.id == slot.id).with_for_update())
        slow = asyncio.create_task(post(client, booker, slot, "k1"))
        await until_somebody_waits(sessions)

        answer = await post(client, booker, slot, "k1")

        assert (answer.status_code, answer.json()["code"]) == (409, "request-in-progress")
        assert answer.headers["retry-after"] == "1"
        await blocking.rollback()
    assert (await slow).status_code == 201
    assert await count(db) == 1


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await stage(db, capacity=0)
    refused = await post(client, booker, slot, "k1")
    assert (refused.status_code, refused.json()["code"]) == (409, "slot-sold-out")
    await db.execute(update(Slot).values(capacity=1, free=1))
    await db.commit()

    answer = await post(client, booker, slot, "k1")

    assert answer.status_code == 201


async def test_an_expired_key_is_a_new_request(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    await name_everybody(db, app.state.key_ring)
    first = (await post(client, booker, slot, "k1")).json()
    await client.post(f"{PATH}/{first['id']}/cancel", headers=booker.headers)
    await let_pass(db, timedelta(hours=48) - timedelta(minutes=1))

    still = await post(client, booker, slot, "k1")
    await let_pass(db, timedelta(minutes=1))
    second = await post(client, booker, slot, "k1")

    assert still.json() == first
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]


async def test_the_first_answer_is_kept_for_48_hours(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await stage(db)
    await post(client, booker, slot, "k1")
    await let_pass(db, timedelta(hours=48) - timedelta(minutes=1))
    before = await idempotency.forget_expired(db)

    await let_pass(db, timedelta(minutes=1))

    assert (before, await idempotency.forget_expired(db)) == (0, 1)
    assert (await db.scalars(select(IdempotencyKey.key))).all() == []


async def let_pass(db: AsyncSession, time: timedelta) -> None:
    """Let the kept answers grow older."""
    await db.execute(update(IdempotencyKey).values(expires_at=IdempotencyKey.expires_at - time))
    await db.commit()


async def test_two_keys_for_one_wish_book_once_and_name_the_appointment(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    first = (await post(client, booker, slot, "k1")).json()

    second = await post(client, booker, slot, "k2")

    assert (second.status_code, second.json()["code"]) == (409, "already-booked")
    assert second.json()["appointment_id"] == first["id"]
    assert await count(db) == 1


async def test_the_same_key_of_another_account_is_another_key(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    other = await make_booker(db)
    await db.commit()

    answers = [await post(client, booker, slot, "k1"), await post(client, other, slot, "k1")]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_100_identical_requests_at_once_make_one_booking(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)

    answers = await asyncio.gather(*(post(client, booker, slot, "k1") for _ in range(100)))

    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409, 503}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert len(made) == 1
    assert refused <= {"request-in-progress"}
    assert await count(db) == 1
    assert await counters(db, slot.id) == {"free": 4, "held": 1}


@pytest.mark.parametrize("key", ["", "x" * 129, "ключ", "a\tb"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, db: AsyncSession, key: str) -> None:
    booker, slot = await stage(db)

    answer = await client.post(
        PATH,
        json=wish(booker, slot),
        headers=[*booker.headers.items(), (b"Idempotency-Key", key.encode())],  # type: ignore[list-item]  # raw bytes
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-invalid")
    assert await count(db) == 0


async def test_another_accounts_appointment_and_order_do_not_exist(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await stage(db)
    stranger = await make_booker(db)
    await db.commit()
    held = (await post(client, booker, slot)).json()

    answers = [
        await client.get(f"{PATH}/{held['id']}", headers=stranger.headers),
        await client.post(f"{PATH}/{held['id']}/cancel", headers=stranger.headers),
        await client.post(
            f"{PATH}/{held['id']}/reschedule", json={"slot_id": str(slot.id)}, headers=stranger.headers
        ),
        await client.get(f"/api/v1/orders/{held['order']['id']}", headers=stranger.headers),
        await client.post(PATH, json=wish(booker, slot), headers=stranger.headers),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not-found")] * 5
    assert await counters(db, slot.id) == {"free": 4, "held": 1}


async def test_nobody_books_without_a_login(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await stage(db)

    answers = [
        await client.post(PATH, json=wish(booker, slot)),
        await client.post(PATH, json=wish(booker, slot), headers={"Authorization": "Bearer stolen"}),
        await client.get(PATH),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "not-logged-in")] * 3


async def test_lists_are_paged_newest_first(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    slots = [await make_slot(db, clinic=clinic, days=days) for days in (2, 3, 4)]
    await name_everybody(db, app.state.key_ring)
    made = [(await post(client, booker, slot)).json()["id"] for slot in slots]

    first = (await client.get(f"{PATH}?limit=2", headers=booker.headers)).json()
    rest = (await client.get(f"{PATH}?limit=2&cursor={first['next_cursor']}", headers=booker.headers)).json()

    assert [item["id"] for item in [*first["items"], *rest["items"]]] == made[::-1]
    assert rest["next_cursor"] is None


async def test_a_booking_takes_at_most_eight_round_trips(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    now = utc_now()
    app.state.clock = lambda: now  # a token stays known for less than a second
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    slot, other = await make_slot(db, clinic=clinic), await make_slot(db, clinic=clinic, days=5)
    await db.commit()
    await post(client, booker, slot, "the rules and the token are known from now on")
    engine: AsyncEngine = sessions.kw["bind"]
    trips: list[str] = []

    def statement(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        trips.append(sql)

    def other_trip(*_connection: object) -> None:
        trips.append("BEGIN or COMMIT")

    event.listen(engine.sync_engine, "before_cursor_execute", statement)
    event.listen(engine.sync_engine, "begin", other_trip)
    event.listen(engine.sync_engine, "commit", other_trip)

    answer = await post(client, booker, other, "counted")

    assert answer.status_code == 201
    assert len(trips) == 7, trips


async def test_staff_book_for_a_person_without_a_phone_and_see_only_their_hospital(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=2, pools={Bucket.DESK: 1})
    patient = await make_patient(db, None, hospital_id=slot.hospital_id)
    desk = await staff_headers(db, hospital_id=slot.hospital_id, role="desk")
    foreign_slot = await make_slot(db, starts=time(15))
    foreign = await staff_headers(db, hospital_id=foreign_slot.hospital_id, role="desk")
    auditor = await staff_headers(db, hospital_id=slot.hospital_id, role="auditor")
    await name_everybody(db, app.state.key_ring)
    body = {"slot_id": str(slot.id), "patient_id": str(patient.id), "pool": "desk", "channel": "phone"}
    path = "/api/v1/staff/appointments"

    refused = await client.post(path, json=body, headers=foreign)
    forbidden = await client.post(path, json=body, headers=auditor)
    booked = await client.post(path, json=body, headers=desk)

    assert (refused.status_code, forbidden.status_code, booked.status_code) == (404, 403, 201)
    assert (booked.json()["state"], booked.json()["number"]) == ("booked", 1)
    assert await counters(db, slot.id) == {"free": 1, "booked": 1}
    one = f"{path}/{booked.json()['id']}"
    assert (await client.get(one, headers=desk)).json()["channel"] == "phone"
    assert (await client.get(one, headers=foreign)).status_code == 404
    listed = await client.get(f"{path}?hospital_id={slot.hospital_id}", headers=desk)
    assert [item["id"] for item in listed.json()["items"]] == [booked.json()["id"]]
    assert (await client.get(f"{path}?hospital_id={slot.hospital_id}", headers=foreign)).status_code == 404
    cancelled = await client.post(f"{one}/cancel", json={"reason": "hospital"}, headers=foreign)
    assert cancelled.status_code == 404
    cancelled = await client.post(f"{one}/cancel", json={"reason": "hospital"}, headers=desk)
    assert cancelled.json()["state"] == "cancelled_by_hospital"


async def test_a_pause_is_seen_and_lifted_by_the_desk(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"cancel_pause_count": 1})
    slot, later = await make_slot(db, clinic=clinic, fee_fen=0), await make_slot(db, clinic=clinic, days=6)
    desk = await staff_headers(db, hospital_id=slot.hospital_id, role="desk")
    await name_everybody(db, app.state.key_ring)
    made = (await post(client, booker, slot)).json()
    await client.post(f"{PATH}/{made['id']}/cancel", headers=booker.headers)
    paused = await post(client, booker, later)
    path = f"/api/v1/staff/hospitals/{slot.hospital_id}/blocks?limit=1"
    page = (await client.get(path, headers=desk)).json()
    blocks = page["items"]

    lifted = await client.post(f"/api/v1/staff/blocks/{blocks[0]['id']}/lift", headers=desk)

    assert (paused.status_code, paused.json()["code"]) == (409, "booking-blocked")
    assert (len(blocks), page["next_cursor"], lifted.status_code) == (1, None, 204)
    assert (await post(client, booker, later)).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid-request"),
        ({"slot_id": 1, "patient_id": 2}, 422, "invalid-request"),
        ({"slot_id": "x" * 65, "patient_id": "y"}, 422, "invalid-request"),
        ({"slot_id": "1' OR '1'='1", "patient_id": "<script>"}, 404, "not-found"),
        ({"slot_id": str(UUID(int=0)), "patient_id": str(UUID(int=0))}, 404, "not-found"),
        ({"slot_id": "a", "patient_id": "b", "fee_fen": 1}, 422, "invalid-request"),
    ],
)
async def test_a_wrong_body_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, db: AsyncSession, body: dict[str, object], status: int, code: str
) -> None:
    booker, _ = await stage(db)

    answer = await client.post(PATH, json=body, headers=booker.headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await count(db) == 0


async def test_a_slot_that_vanished_does_not_exist(client: httpx.AsyncClient, db: AsyncSession) -> None:
    booker, slot = await stage(db)
    await db.execute(delete(Slot))
    await db.commit()

    answer = await post(client, booker, slot)

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_walk_in_takes_a_place_of_today_out_of_the_same_pool(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    soon = utc_now() + timedelta(minutes=5)
    slot = await make_slot(db, capacity=1, starts_at=soon, date=local_date(soon))
    patient, booker = await make_patient(db, None, hospital_id=slot.hospital_id), await make_booker(db)
    desk = await staff_headers(db, hospital_id=slot.hospital_id, role="desk")
    await name_everybody(db, app.state.key_ring)

    walk_in = await client.post(
        "/api/v1/staff/appointments",
        json={"slot_id": str(slot.id), "patient_id": str(patient.id)},
        headers=desk,
    )
    online = await post(client, booker, slot)

    assert (walk_in.status_code, walk_in.json()["number"]) == (201, 1)
    assert walk_in.json()["state"] == "booked"
    assert (online.status_code, online.json()["code"]) == (409, "slot-sold-out")
    assert await counters(db, slot.id) == {"booked": 1}


async def test_an_appointment_tells_when_and_where_the_visit_is(
    app: FastAPI, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await make_booker(db), await make_slot(db, room="301")
    await name_everybody(db, app.state.key_ring)
    await post(client, booker, slot)

    (shown,) = (await client.get(PATH, headers=booker.headers)).json()["items"]

    assert shown["date"] == local_date(slot.starts_at).isoformat()
    assert shown["starts_at"] == slot.starts_at.isoformat().replace("+00:00", "Z")
    assert shown["ends_at"] == slot.ends_at.isoformat().replace("+00:00", "Z")
    assert (shown["place"]["name"], shown["place"]["room"]) == ("本院", "301")
    assert (shown["department"]["name"], shown["doctor"]["name"]) == ("内科", "张医生")
