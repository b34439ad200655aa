"""Who asks too often is told when to come back; nobody else is slowed down by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.limit import TokenBuckets
from tests.factories.booking import make_booker
from tests.factories.catalog import make_hospital, staff_headers

pytestmark = pytest.mark.anyio

LIMITS = {"booking_limit": 3, "search_limit": 3, "staff_limit": 60}
NOBODY = str(UUID(int=1))
BOOKING_DOORS = [
    ("/api/v1/appointments", {"slot_id": NOBODY, "patient_id": NOBODY}),
    ("/api/v1/appointments", {"slot_id": "no id", "patient_id": NOBODY}),
    ("/api/appointment", {"slot_id": NOBODY, "patient_id": NOBODY}),
    (f"/api/v1/appointments/{NOBODY}/cancel", {}),
    (f"/api/v1/appointments/{NOBODY}/reschedule", {"slot_id": NOBODY}),
]


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """The application in a minute that does not pass."""
    app.state.settings = app.state.settings.model_copy(update=LIMITS)
    app.state.buckets = TokenBuckets(clock=lambda: 0.0)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as http:
        yield http


@pytest.mark.parametrize(("path", "body"), BOOKING_DOORS)
async def test_every_door_of_booking_is_limited_for_each_account(
    client: httpx.AsyncClient, db: AsyncSession, path: str, body: dict[str, str]
) -> None:
    hasty, calm = await make_booker(db), await make_booker(db)
    await db.commit()

    answers = [await client.post(path, json=body, headers=hasty.headers) for _ in range(5)]
    other = await client.post(path, json=body, headers=calm.headers)

    assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True] * 2
    assert answers[-1].json()["code"] == "too-many-requests"
    assert answers[-1].headers["Retry-After"] == "20"
    assert other.status_code != 429


async def test_the_doors_of_booking_share_one_bucket(client: httpx.AsyncClient, db: AsyncSession) -> None:
    hasty = await make_booker(db)
    await db.commit()

    codes = [
        (await client.post(path, json=body, headers=hasty.headers)).status_code
        for path, body in BOOKING_DOORS
    ]

    assert [code == 429 for code in codes] == [False] * 3 + [True] * 2


async def test_a_search_is_limited_for_each_account_and_without_login_for_each_address(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hasty, calm = await make_booker(db), await make_booker(db)
    await db.commit()

    mine = [
        (await client.get("/api/v1/search", params={"q": "a"}, headers=hasty.headers)).status_code
        for _ in range(4)
    ]
    others = await client.get("/api/v1/search", params={"q": "a"}, headers=calm.headers)
    strangers = [(await client.get("/api/v1/search", params={"q": "a"})).status_code for _ in range(31)]

    assert mine == [200] * 3 + [429]
    assert others.status_code == 200
    assert strangers[:30] == [200] * 30


async def test_a_member_of_staff_is_limited_over_all_routes_of_staff(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db)
    hasty = await staff_headers(db, hospital_id=hospital_id, role="desk")
    calm = await staff_headers(db, hospital_id=hospital_id, role="desk")
    await db.commit()
    paths = ["/api/v1/staff/me", f"/api/v1/staff/hospitals/{hospital_id}/today", "/api/v1/staff/dead-letters"]

    codes = [(await client.get(paths[n % 3], headers=hasty)).status_code for n in range(62)]
    other = await client.get(paths[0], headers=calm)

    assert [code == 429 for code in codes] == [False] * 60 + [True] * 2
    assert other.status_code == 200
