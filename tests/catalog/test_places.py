from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import HospitalState
from tests.factories.catalog import make_campus, make_department, make_hospital

pytestmark = pytest.mark.anyio

API = "/api/v1"
BY_THE_GATE = "32.0000,118.7000"


async def make_country(db: AsyncSession) -> None:
    """Three hospitals at 1, 2 and about 60 km of the gate, one that nobody put on the map."""
    far = await make_hospital(db, name="远处的", city="苏州")
    await make_campus(db, hospital_id=far, latitude=32.5, longitude=118.7)
    await make_hospital(db, name="不知在哪", city="南京")
    two = await make_hospital(db, name="两公里", city="南京", latitude=35.0, longitude=118.7)
    await make_campus(db, hospital_id=two, code="1", latitude=33.0, longitude=118.7)
    await make_campus(db, hospital_id=two, code="2", latitude=32.018, longitude=118.7)
    await make_campus(db, hospital_id=two, code="3", latitude=32.0, longitude=118.7, is_active=False)
    await make_hospital(db, name="一公里", city="南京", latitude=32.0, longitude=118.7106)
    await make_hospital(db, name="关了的", city="南京", state=HospitalState.CLOSED)
    await db.commit()


async def listed(client: httpx.AsyncClient, **params: str | int) -> dict[str, Any]:
    answer = await client.get(f"{API}/hospitals", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_nearest_campus_counts_and_the_unknown_comes_last(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    await make_country(db)

    items = (await listed(client, near=BY_THE_GATE))["items"]

    assert [item["name"] for item in items] == ["一公里", "两公里", "远处的", "不知在哪"]
    assert [item["distance_m"] for item in items] == [1000, 2002, 55598, None]


async def test_without_a_place_nobody_is_near(client: httpx.AsyncClient, db: AsyncSession) -> None:
    await make_country(db)

    items = (await listed(client))["items"]

    assert [item["name"] for item in items] == ["远处的", "不知在哪", "两公里", "一公里"]
    assert {item["distance_m"] for item in items} == {None}


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_go_on_by_distance(client: httpx.AsyncClient, db: AsyncSession, limit: int) -> None:
    await make_country(db)
    names, cursor = [], None

    while True:
        page = await listed(client, near=BY_THE_GATE, limit=limit, **({"cursor": cursor} if cursor else {}))
        names += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert names == ["一公里", "两公里", "远处的", "不知在哪"]


async def test_near_and_city_go_together(client: httpx.AsyncClient, db: AsyncSession) -> None:
    await make_country(db)

    items = (await listed(client, near=BY_THE_GATE, city="南京"))["items"]

    assert [item["name"] for item in items] == ["一公里", "两公里", "不知在哪"]


@pytest.mark.parametrize(
    "near",
    [
        "",
        "32",
        "32,118,1",
        "91,0",
        "90.1,0",
        "0,181",
        "0,180.5",
        "a,b",
        "nan,0",
        "1e1,0",
        "32,118\n",
        "３２,1",
    ],
)
async def test_a_place_that_is_none_is_refused(client: httpx.AsyncClient, near: str) -> None:
    answer = await client.get(f"{API}/hospitals", params={"near": near})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize(
    "near", ["90,180", "-90.0,-180.0", "0,0", "-0.5,179.999999999999999", "32.06,118.79"]
)
async def test_every_place_on_earth_is_one(client: httpx.AsyncClient, db: AsyncSession, near: str) -> None:
    await make_country(db)

    assert len((await listed(client, near=near))["items"]) == 4


async def test_cities_are_told_with_their_hospitals(client: httpx.AsyncClient, db: AsyncSession) -> None:
    await make_country(db)

    found = (await client.get(f"{API}/cities")).json()

    assert found == {
        "items": [{"name": "南京", "hospitals": 3}, {"name": "苏州", "hospitals": 1}],
        "next_cursor": None,
    }


async def test_a_department_has_a_page_until_inactive(client: httpx.AsyncClient, db: AsyncSession) -> None:
    hospital_id = await make_hospital(db, name="人民医院")
    campus_id = await make_campus(db, hospital_id=hospital_id, code="1", name="东院")
    row = {"hospital_id": hospital_id, "code": "EK", "name": "儿科"}
    id_ = await make_department(db, **row, campus_code="1", place="三楼", max_age_years=14)
    await db.commit()
    page = (await client.get(f"{API}/departments/{id_}")).json()
    await make_department(db, **row, is_active=False)
    await db.commit()

    gone = await client.get(f"{API}/departments/{id_}")

    assert (page["id"], page["name"], page["place"], page["max_age_years"]) == (str(id_), "儿科", "三楼", 14)
    assert page["hospital"] == {"id": str(hospital_id), "name": "人民医院"}
    assert page["campus"] == {"id": str(campus_id), "name": "东院"}
    assert gone.status_code == 404
