"""What one door takes, every other carries: extremes go in by the routes and come back by all of them."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions
from guahao.web.imports.job import import_next
from tests.factories.catalog import staff_headers

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

CODES = (
    "内科一",
    "A#1",
    "N,1",
    "=1+1",
    "'1",
    '"q"',
    "1、2;3",
    "-5",
    "@x",
    "0012",
    "1e5",
    "2026-01-01",
    "长" * 32,
)
NAMES = (
    "=名称",
    "'名",
    "名，称、一;二",
    '“引”和"号"',
    "Ａ１".translate({0xFF21: "A", 0xFF11: "1"}),
    "名" * 80,
    "-1",
    "曾·麗華",
)
ITEMS = ["冠心病，心绞痛型", '"三高"人群', '"', "a、b;c；d", "=x", "'y", "病" * 40, "第 1 项"]
INTRO = "=第一行，\n'第二行\n\n  第四行 _x 100%_\n" + "字" * 4_950
NOTICES = [f"{number}，须知；一、二" for number in range(19)] + ["知" * 500]
HOSPITAL = {
    "code": "H,一#",
    "name": "名" * 80,
    "kind": "general",
    "city": "示范市，新区",
    "level": "三级甲等，示范" + "级" * 13,
    "address": "=康宁路 1 号，" + "址" * 191,
    "phones": ["0571-88888888转8001", "120、999", "+86 571 8888-8888", "(0571) 8888 8888"],
    "intro": INTRO,
    "notices": NOTICES,
}


class Doors:
    """The platform's administrator at every door."""

    def __init__(self, client: httpx.AsyncClient, sessions: Sessions, headers: dict[str, str]) -> None:
        self.client, self.sessions, self.headers = client, sessions, headers

    async def made(self, path: str, body: dict[str, object]) -> dict[str, object]:
        answer = await self.client.post(f"{STAFF}{path}", json=body, headers=self.headers)
        assert answer.status_code == 201, f"{body}: {answer.text}"
        row: dict[str, object] = answer.json()
        assert {name: row[name] for name in body} == body
        return row

    async def shown(self, path: str, **query: str) -> dict[str, object]:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    async def export(self, hospital_id: object) -> bytes:
        path = f"{STAFF}/hospitals/{hospital_id}/workbook.xlsx"
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def imported(self, content: bytes) -> dict[str, object]:
        headers = self.headers | {"Content-Type": XLSX}
        sent = await self.client.post(f"{STAFF}/imports", content=content, headers=headers)
        assert await import_next(self.sessions) == 1
        answer = await self.client.get(f"{STAFF}/imports/{sent.json()['id']}", headers=self.headers)
        outcome: dict[str, object] = answer.json()
        return outcome


@pytest.fixture
async def doors(client: httpx.AsyncClient, db: AsyncSession, sessions: Sessions) -> Doors:
    headers = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()
    return Doors(client, sessions, headers)


async def test_extremes_that_a_route_takes_come_back_by_every_other_door(doors: Doors) -> None:
    hospital = await doors.made("/hospitals", HOSPITAL)
    doctors = await full(doors, f"/hospitals/{hospital['id']}")

    page = await doors.shown(f"/api/v1/hospitals/{hospital['id']}")
    for name in ("name", "address", "notices", "intro"):
        assert page[name] == HOSPITAL[name]
    for doctor in doctors:
        seen = await doors.shown(f"/api/v1/doctors/{doctor['id']}")
        for name in ("name", "title", "skills", "intro"):
            assert seen[name] == doctor[name]
        hits = await doors.shown("/api/v1/search", q=str(doctor["name"]), limit="100")
        assert doctor["id"] in [hit["id"] for hit in hits["items"]]  # type: ignore[attr-defined]  # a list
    await imports_unchanged(doors, hospital["id"])


async def imports_unchanged(doors: Doors, hospital_id: object) -> None:
    outcome = await doors.imported(await doors.export(hospital_id))
    assert (outcome["state"], outcome["errors"]) == ("done", [])
    changes = [(sheet["created"], sheet["updated"]) for sheet in outcome["sheets"]]  # type: ignore[attr-defined]  # a list
    assert set(changes) == {(0, 0)}


@pytest.mark.parametrize(
    "clinic",
    [
        {"room": "=3-1", "starts": "00:00", "ends": "24:00", "slot_min": 5, "capacity_per_slot": 1},
        {
            "room": "诊" * 40,
            "starts": "08:00",
            "ends": "08:05",
            "slot_min": 30,
            "capacity_per_slot": 100,
        },
        {"room": "0301", "valid_from": "2000-01-01", "valid_until": "2199-12-31", "on_holidays": "open"},
        {"room": "#REF!", "level": "special", "own_level": True, "sells_after_end": True, "weekday": 6},
    ],
    ids=lambda clinic: clinic["room"][:5],
)
async def test_a_weekly_clinic_that_a_route_takes_is_exported_and_imports_unchanged(
    doors: Doors, clinic: dict[str, object]
) -> None:
    """Even without a price, which the route does not ask for; and a doctor of no department beside it."""
    hospital = await doors.made("/hospitals", {**HOSPITAL, "code": "H1"})
    path = f"/hospitals/{hospital['id']}"
    campus = await doors.made(f"{path}/campuses", {"code": "东,院", "name": "东院"})
    department = await doors.made(f"{path}/departments", {"code": "=科", "name": "科"})
    doctor = {"code": "0012", "name": "张三", "level": "general"}
    known = await doors.made(f"{path}/doctors", {**doctor, "department_codes": ["=科"]})
    await doors.made(f"{path}/doctors", {**doctor, "code": "#REF!"})
    body: dict[str, object] = {
        "doctor_id": known["id"],
        "department_id": department["id"],
        "campus_id": campus["id"],
        "weekday": 0,
        "period": "morning",
        "starts": "08:00",
        "ends": "12:00",
        "slot_min": 30,
        "capacity_per_slot": 5,
        "level": "general",
        "valid_from": "2026-01-01",
    }
    await doors.made(f"{path}/templates", body | clinic)

    await imports_unchanged(doors, hospital["id"])


async def test_a_time_with_seconds_is_taken_by_no_door(doors: Doors) -> None:
    hospital = await doors.made("/hospitals", {**HOSPITAL, "code": "H1"})
    answer = await doors.client.post(
        f"{STAFF}/hospitals/{hospital['id']}/templates", json={"starts": "08:00:30"}, headers=doors.headers
    )

    faults = {fault["field"]: fault["message"] for fault in answer.json()["errors"]}
    assert (answer.status_code, faults["starts"]) == (422, "时间只到分钟，请去掉秒")


async def full(doors: Doors, path: str) -> list[dict[str, object]]:
    """Fill a hospital with the longest and trickiest of everything; answers its doctors."""
    campus = {"code": "院,区一", "name": NAMES[2], "address": "东，西", "phone": "0571-1、2"}
    await doors.made(f"{path}/campuses", campus)
    texts: dict[str, object] = {"diseases": ITEMS, "intro": INTRO}
    doctors = []
    for number, code in enumerate(CODES):
        named = {"code": code, "name": NAMES[number % len(NAMES)], **texts}
        await doors.made(f"{path}/departments", {**named, "place": "3，楼、B" * 40})
        doctor = {
            **named,
            "level": "expert",
            "title": "主任医师，教授" + "职" * 33,
            "department_codes": sorted(CODES[: number + 1]),
            "skills": "擅长，\n'=" + "术" * 1_990,
        }
        doctors.append(await doors.made(f"{path}/doctors", doctor))
    return doctors


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("name", "张\n三", "只能写一行"),
        ("name", "\u202e张三", "改变文字方向"),
        ("name", "张\x07三", "控制字符"),
        ("name", "名" * 81, "最多 80 个字"),
        ("code", "D 1", "第 2 位"),
        ("title", "职" * 41, "最多 40 个字"),
        ("skills", "术\x0b术", "控制字符"),
        ("diseases", ["病" * 41], "最多 40 个字"),
    ],
)
async def test_what_no_door_takes_is_refused_with_its_field_and_cause(
    doors: Doors, field: str, value: object, part: str
) -> None:
    hospital = await doors.made("/hospitals", {**HOSPITAL, "code": "H1"})
    body = {"code": "D1", "name": "张三", "level": "expert", field: value}

    refused = await doors.client.post(
        f"{STAFF}/hospitals/{hospital['id']}/doctors", json=body, headers=doors.headers
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    (fault,) = refused.json()["errors"]
    assert fault["field"].startswith(field)
    assert part in fault["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "X", "name": "科", "min_age_years": 14, "max_age_years": 3}, "max_age_years"),
        ({"code": "X", "name": "科", "national_code": "1 2"}, "national_code"),
    ],
)
async def test_values_that_do_not_fit_together_are_told_by_a_field(
    doors: Doors, body: dict[str, object], field: str
) -> None:
    hospital = await doors.made("/hospitals", {**HOSPITAL, "code": "H1"})

    refused = await doors.client.post(
        f"{STAFF}/hospitals/{hospital['id']}/departments", json=body, headers=doors.headers
    )

    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["errors"]] == [field]


async def test_one_name_in_two_writings_is_kept_in_one_form(doors: Doors) -> None:
    hospital = await doors.made("/hospitals", {**HOSPITAL, "code": "H1"})

    answer = await doors.client.post(
        f"{STAFF}/hospitals/{hospital['id']}/doctors",
        json={"code": "Ｄ１", "name": "张　三", "level": "expert"},
        headers=doors.headers,
    )

    assert (answer.json()["code"], answer.json()["name"]) == ("D1", "张三")
