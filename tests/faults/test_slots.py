"""Slots that cannot be booked, through the front door: each refusal has its code and changes nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment
from guahao.kernel.clock import utc_now
from guahao.payment.models import Order
from guahao.scheduling.models import Bucket, ClinicSession, PlaceLog, SessionState, Slot
from tests.factories.booking import Booker, make_booker
from tests.factories.scheduling import make_session, make_slot, slots_of

pytestmark = pytest.mark.anyio


async def ask(client: httpx.AsyncClient, booker: Booker, slot: Slot, path: str) -> httpx.Response:
    wish = {"slot_id": str(slot.id), "patient_id": str(booker.patient_id)}
    headers = booker.headers | {"Idempotency-Key": "k1"}
    return await client.post(path, json=wish, headers=headers)


async def written(db: AsyncSession) -> list[int | None]:
    counts = [await db.scalar(select(func.count()).select_from(each)) for each in (Appointment, Order)]
    return [*counts, await db.scalar(select(func.count()).where(PlaceLog.reason != "set-up"))]


@pytest.mark.parametrize("path", ["/api/v1/appointments", "/api/appointment"])
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ({"starts_at": utc_now() - timedelta(minutes=1)}, 409, "slot-over"),
        ({"released": False}, 409, "slot-not-released"),
        ({"state": SessionState.SUSPENDED}, 409, "session-suspended"),
        ({"state": SessionState.DRAFT}, 409, "slot-over"),
        ({"capacity": 0}, 409, "slot-sold-out"),
        ({"pools": {Bucket.DESK: 5}}, 409, "slot-sold-out"),
        ({"days": 40}, 409, "outside-booking-window"),
    ],
)
async def test_a_slot_that_is_not_on_sale_says_why(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient, db: AsyncSession, path: str, kind: dict[str, Any], status: int, code: str
) -> None:
    booker, slot = await make_booker(db), await make_slot(db, **kind)
    await db.commit()

    answer = await ask(client, booker, slot, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not answer.json()["title"].isascii()
    assert await written(db) == [0, 0, 0]


async def test_a_full_slot_says_how_many_places_come_later(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    session = await make_session(db, slots=2, capacity=3)
    first, _ = await slots_of(db, session)
    await db.execute(update(Slot).where(Slot.id == first.id).values(capacity=0, free=0))
    await db.commit()

    answer = await ask(client, booker, first, "/api/v1/appointments")

    assert (answer.status_code, answer.json()["code"], answer.json()["later_free"]) == (409, "slot-full", 3)
    assert await written(db) == [0, 0, 0]


async def test_a_slot_that_vanished_with_its_session_does_not_exist(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await db.execute(delete(Slot))
    await db.execute(delete(ClinicSession))
    await db.commit()

    answer = await ask(client, booker, slot, "/api/v1/appointments")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert await written(db) == [0, 0, 0]
