from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import HospitalState
from guahao.catalog.service import reindex
from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from tests.factories.catalog import make_campus, make_department, make_doctor, make_hospital

pytestmark = pytest.mark.anyio

API = "/api/v1"


async def listed(client: httpx.AsyncClient, **params: str | int) -> list[str]:
    answer = await client.get(f"{API}/hospitals", params=params)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def make_city(db: AsyncSession) -> list[int]:
    made = [
        await make_hospital(db, code="A", name="人民医院", city="南京", level="三级甲等"),
        await make_hospital(db, code="B", name="口腔医院", city="南京", level="二级甲等"),
        await make_hospital(db, code="C", name="社区医院", city="苏州", level="一级"),
    ]
    made.append(await make_hospital(db, code="D", name="旧医院", state=HospitalState.CLOSED))
    for hospital_id in made:
        await reindex(db, hospital_id=hospital_id)
    await db.commit()
    return made


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["人民医院", "口腔医院", "社区医院"]),
        ({"q": "口腔"}, ["口腔医院"]),
        ({"q": "kqyy"}, ["口腔医院"]),
        ({"q": "renmin"}, ["人民医院"]),
        ({"q": "%"}, []),
        ({"city": "南京"}, ["人民医院", "口腔医院"]),
        ({"city": "南京", "level": "二级甲等"}, ["口腔医院"]),
        ({"city": "北京"}, []),
    ],
)
async def test_hospitals_are_listed_by_name_city_and_level(
    client: httpx.AsyncClient, db: AsyncSession, params: dict[str, str], names: list[str]
) -> None:
    await make_city(db)

    assert await listed(client, **params) == names


async def test_hospitals_come_page_by_page(client: httpx.AsyncClient, db: AsyncSession) -> None:
    await make_city(db)

    first = (await client.get(f"{API}/hospitals", params={"limit": 2})).json()
    second = (
        await client.get(f"{API}/hospitals", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()

    assert [item["name"] for item in first["items"]] == ["人民医院", "口腔医院"]
    assert [item["name"] for item in second["items"]] == ["社区医院"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"cursor": "x"}, "cursor-invalid"),
        ({"cursor": "IjEi"}, "cursor-invalid"),
        ({"cursor": "饕"}, "cursor-invalid"),
        ({"limit": "0"}, "invalid-request"),
        ({"limit": "101"}, "invalid-request"),
        ({"q": "a" * 101}, "invalid-request"),
    ],
)
async def test_a_wrong_page_is_refused(client: httpx.AsyncClient, params: dict[str, str], code: str) -> None:
    answer = await client.get(f"{API}/hospitals", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_hospital_shows_its_campuses_and_where_they_are(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db, name="人民医院", phones=("025-1",), notices=("周日停诊",))
    await make_campus(
        db, hospital_id=hospital_id, code="1", name="本部", phone="025-2", latitude=32.0, longitude=118.7
    )
    await make_campus(db, hospital_id=hospital_id, code="2", name="旧院区", is_active=False)
    await db.commit()

    page = (await client.get(f"{API}/hospitals/{hospital_id}")).json()

    assert (page["id"], page["name"], page["phones"]) == (str(hospital_id), "人民医院", ["025-1"])
    assert (page["notices"], page["map_point"]) == (["周日停诊"], None)
    assert [(campus["name"], campus["map_point"]) for campus in page["campuses"]] == [
        ("本部", {"latitude": 32.0, "longitude": 118.7})
    ]


async def test_departments_come_as_a_tree_without_closed_branches(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db)
    of = {"hospital_id": hospital_id, "national_code": None}
    await make_department(db, **of, code="WK", name="外科", position=2)
    await make_department(db, **of, code="NK", name="内科", position=1)
    await make_department(db, **of, code="XH", name="消化内科", parent_code="NK")
    await make_department(db, **of, code="FK", name="妇科", parent_code="WK", is_active=False)
    await make_department(db, **of, code="FX", name="妇科小组", parent_code="FK")
    await db.commit()

    tree = (await client.get(f"{API}/hospitals/{hospital_id}/departments")).json()["items"]

    assert [(node["name"], [child["name"] for child in node["children"]]) for node in tree] == [
        ("内科", ["消化内科"]),
        ("外科", []),
    ]


async def test_a_department_says_whether_doctors_sit_in_itself(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    hospital_id = await make_hospital(db)
    of = {"hospital_id": hospital_id, "national_code": None}
    await make_department(db, **of, code="NK", name="内科", position=1)
    await make_department(db, **of, code="XH", name="消化内科", parent_code="NK")
    await make_department(db, **of, code="WK", name="外科", position=2)
    await make_doctor(db, hospital_id=hospital_id, code="1", department_codes=("NK",))
    await make_doctor(db, hospital_id=hospital_id, code="2", department_codes=("WK",), is_active=False)
    await db.commit()

    tree = (await client.get(f"{API}/hospitals/{hospital_id}/departments")).json()["items"]

    assert [(node["name"], node["has_doctors"]) for node in [*tree, *tree[0]["children"]]] == [
        ("内科", True),
        ("外科", False),
        ("消化内科", False),
    ]


async def test_a_doctor_has_a_page_until_inactive(client: httpx.AsyncClient, db: AsyncSession) -> None:
    hospital_id = await make_hospital(db, name="人民医院")
    await make_department(db, hospital_id=hospital_id, code="XH", name="消化内科")
    doctor = {"hospital_id": hospital_id, "code": "1", "name": "王建国", "department_codes": ("XH",)}
    doctor_id = await make_doctor(db, **doctor, title="主任医师", diseases=("胃炎",))
    await db.commit()
    page = (await client.get(f"{API}/doctors/{doctor_id}")).json()
    await make_doctor(db, **doctor, is_active=False)
    await db.commit()

    gone = await client.get(f"{API}/doctors/{doctor_id}")

    assert (page["name"], page["title"], page["level"]) == ("王建国", "主任医师", "general")
    assert (page["hospital"]["name"], page["diseases"]) == ("人民医院", ["胃炎"])
    assert [department["name"] for department in page["departments"]] == ["消化内科"]
    assert gone.status_code == 404


async def test_the_rules_are_told_in_values_and_in_words(client: httpx.AsyncClient, db: AsyncSession) -> None:
    hospital_id = await make_hospital(db, rules={"booking_window_days": 7})
    await db.commit()

    rules = (await client.get(f"{API}/hospitals/{hospital_id}/rules")).json()

    assert (rules["version"], rules["rules"]["booking_window_days"]) == (1, 7)
    assert rules["rules"]["release_time"] == "07:00:00"
    assert rules["sentences"][0] == "每天早上 7:00 放出 7 天后的号，您最早可以提前 7 天预约"


@pytest.mark.parametrize(
    "path",
    ["hospitals/{}", "hospitals/{}/departments", "hospitals/{}/rules", "departments/{}", "doctors/{}"],
)
@pytest.mark.parametrize(
    "id_",
    ["0", "-1", "4711", "1e3", "９", "99999999999999999999", "x", "01a20508-d303-8aa9-8000-00dccb2fc283"],
)
async def test_what_is_unknown_is_not_found(client: httpx.AsyncClient, path: str, id_: str) -> None:
    answer = await client.get(f"{API}/{path.format(id_)}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_closed_hospital_is_not_there(client: httpx.AsyncClient, db: AsyncSession) -> None:
    closed = (await make_city(db))[3]
    doctor_id = await make_doctor(db, hospital_id=closed)
    await db.commit()

    for path in (f"hospitals/{closed}", f"hospitals/{closed}/departments", f"doctors/{doctor_id}"):
        assert (await client.get(f"{API}/{path}")).status_code == 404


async def test_in_single_hospital_mode_the_others_are_not_there(
    settings: Settings, sessions: Sessions, db: AsyncSession
) -> None:
    first, second, *_ = await make_city(db)
    doctor_id = await make_doctor(db, hospital_id=second)
    await db.commit()
    app: FastAPI = create_app(settings.model_copy(update={"single_hospital": "A"}), sessions=sessions)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as client:
        names = await listed(client)
        shown = await client.get(f"{API}/hospitals/{first}")
        hidden = [
            await client.get(f"{API}/{path}")
            for path in (f"hospitals/{second}", f"hospitals/{second}/rules", f"doctors/{doctor_id}")
        ]
        found = await client.get(f"{API}/search", params={"q": "医院"})

    assert names == ["人民医院"]
    assert shown.status_code == 200
    assert [answer.status_code for answer in hidden] == [404, 404, 404]
    assert [item["name"] for item in found.json()["items"]] == ["人民医院"]


@pytest.mark.parametrize(
    "q", ["", "'; DROP TABLE hospital; --", "<script>", "%_\\", "\ud800".encode("utf-8", "replace").decode()]
)
async def test_search_takes_anything(client: httpx.AsyncClient, q: str) -> None:
    answer = await client.get(f"{API}/search", params={"q": q})

    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})


async def test_search_answers_what_a_list_shows(client: httpx.AsyncClient, db: AsyncSession) -> None:
    first = (await make_city(db))[0]

    found = (await client.get(f"{API}/search", params={"q": "人民"})).json()

    assert found == {
        "items": [
            {
                "kind": "hospital",
                "id": str(first),
                "name": "人民医院",
                "hospital_id": str(first),
                "hospital_name": "人民医院",
                "hint": "三级甲等 南京",
            }
        ],
        "next_cursor": None,
    }
