from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.catalog.models import Department, RuleSetRow
from guahao.kernel.clock import utc_now
from guahao.kernel.ids import new_id
from tests.factories.catalog import make_department, make_hospital, staff_headers

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"


@dataclass(frozen=True, kw_only=True)
class Office:
    """Somebody who edits one hospital."""

    client: httpx.AsyncClient
    hospital_id: int
    headers: dict[str, str]

    async def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask as this person; `path` continues the hospital's when it starts with a dot."""
        url = path.replace(".", f"/hospitals/{self.hospital_id}", 1) if path.startswith(".") else path
        return await self.client.request(method, f"{STAFF}{url}", headers=self.headers, json=body or None)


@pytest.fixture
async def office(client: httpx.AsyncClient, db: AsyncSession) -> Office:
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    return Office(client=client, hospital_id=hospital_id, headers=headers)


HOSPITAL = {"code": "NEW", "name": "新医院", "kind": "specialist", "city": "示范市"}
DEPARTMENT = {"code": "XH", "name": "消化内科", "national_code": "03.02", "diseases": ["胃炎"]}
DOCTOR = {"code": "D1", "name": "王建国", "level": "expert", "title": "主任医师"}
FEE = {"level": "expert", "fee_fen": 5000, "effective_from": "2026-01-01"}


async def test_a_platform_admin_adds_a_hospital_with_the_default_rules(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    headers = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()

    made = await client.post(f"{STAFF}/hospitals", headers=headers, json={**HOSPITAL, "phones": ["010-1"]})

    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["phones"]) == (1, ["010-1"])
    rules = await client.get(f"/api/v1/hospitals/{made.json()['id']}/rules")
    assert (rules.status_code, rules.json()["version"]) == (200, 1)
    again = await client.post(f"{STAFF}/hospitals", headers=headers, json=HOSPITAL)
    assert (again.status_code, again.json()["code"]) == (409, "code-taken")


async def test_a_hospital_admin_adds_no_hospital(office: Office) -> None:
    refused = await office.send("POST", "/hospitals", **HOSPITAL)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission-missing")
    assert len((await office.send("GET", "/hospitals")).json()["items"]) == 1


@pytest.mark.parametrize("role", ["desk", "nurse", "doctor", "finance", "auditor"])
async def test_who_may_only_look_changes_nothing(
    office: Office, db: AsyncSession, client: httpx.AsyncClient, role: str
) -> None:
    headers = await staff_headers(db, hospital_id=office.hospital_id, role=role)
    await db.commit()
    other = Office(client=client, hospital_id=office.hospital_id, headers=headers)

    refused = await other.send("POST", "./departments", **DEPARTMENT)
    no_rules = await other.send("PUT", "./rules", version=1, rules={"hold_min": 20})

    assert (refused.status_code, no_rules.status_code) == (403, 403)
    assert (await other.send("GET", "./departments")).json()["items"] == []


async def test_a_department_is_added_edited_and_found(office: Office) -> None:
    made = await office.send("POST", "./departments", **DEPARTMENT)
    assert made.status_code == 201, made.text

    saved = await office.send(
        "PUT", f"/departments/{made.json()['id']}", **{**DEPARTMENT, "name": "消化科", "version": 1}
    )

    assert (saved.status_code, saved.json()["version"], saved.json()["name"]) == (200, 2, "消化科")
    assert saved.json()["diseases"] == ["胃炎"]
    found = await office.client.get("/api/v1/search", params={"q": "消化科"})
    assert found.json()["items"][0]["id"] == made.json()["id"]
    listed = await office.send("GET", "./departments")
    assert listed.json()["items"] == [saved.json()]


async def test_the_second_of_two_edits_of_one_version_is_a_conflict(office: Office) -> None:
    id_ = (await office.send("POST", "./departments", **DEPARTMENT)).json()["id"]
    await office.send("PUT", f"/departments/{id_}", **{**DEPARTMENT, "name": "甲", "version": 1})

    late = await office.send("PUT", f"/departments/{id_}", **{**DEPARTMENT, "name": "乙", "version": 1})

    assert (late.status_code, late.json()["code"]) == (409, "edit-conflict")
    assert (late.json()["your_version"], late.json()["current_version"]) == (1, 2)
    assert late.json()["current"] == (await office.send("GET", "./departments")).json()["items"][0]
    assert (await office.send("GET", "./departments")).json()["items"][0]["name"] == "甲"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"national_code": "99.99"}, 422, "national-code-unknown"),
        ({"parent_code": "none"}, 422, "catalog-code-unknown"),
        ({"parent_code": "B"}, 422, "department-loop"),
        ({"parent_code": "XH"}, 422, "department-loop"),
        ({"code": "B"}, 409, "code-taken"),
        ({"min_age_years": 15, "max_age_years": 14}, 422, "invalid-request"),
        ({"max_age_years": 201}, 422, "invalid-request"),
        ({"sex_limit": "both"}, 422, "invalid-request"),
        ({"name": ""}, 422, "invalid-request"),
        ({"name": "科" * 81}, 422, "invalid-request"),
        ({"surprise": 1}, 422, "invalid-request"),
        ({"version": 0}, 422, "invalid-request"),
        ({"position": 10**30}, 422, "invalid-request"),
    ],
)
async def test_a_wrong_department_is_refused_and_nothing_changes(
    office: Office, change: dict[str, Any], status: int, code: str
) -> None:
    id_ = (await office.send("POST", "./departments", **DEPARTMENT)).json()["id"]
    await office.send("POST", "./departments", code="B", name="B", parent_code="XH")
    before = (await office.send("GET", "./departments")).json()

    refused = await office.send("PUT", f"/departments/{id_}", **{**DEPARTMENT, "version": 1, **change})

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["title"].endswith("。")
    assert (await office.send("GET", "./departments")).json() == before


@pytest.mark.parametrize(
    ("kind", "body", "change"),
    [
        ("campuses", {"code": "S", "name": "南院", "phone": "010-1"}, {"name": "新南院"}),
        ("doctors", DOCTOR, {"title": "副主任医师", "diseases": ["胃炎"]}),
        ("fees", FEE, {"fee_fen": 6000}),
    ],
)
async def test_the_other_rows_are_added_listed_and_edited_alike(
    office: Office, kind: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    made = await office.send("POST", f"./{kind}", **body)
    assert made.status_code == 201, made.text
    twice = await office.send("POST", f"./{kind}", **body)

    saved = await office.send("PUT", f"/{kind}/{made.json()['id']}", **{**body, **change, "version": 1})

    assert (twice.status_code, twice.json()["code"]) == (409, "code-taken")
    assert saved.status_code == 200, saved.text
    assert saved.json() == {**made.json(), **change, "version": 2}
    (listed,) = (await office.send("GET", f"./{kind}")).json()["items"]
    assert {name: listed[name] for name in saved.json()} == saved.json()


async def test_a_doctor_moves_between_departments(office: Office) -> None:
    await office.send("POST", "./departments", **DEPARTMENT)
    await office.send("POST", "./departments", code="GK", name="骨科")
    made = await office.send("POST", "./doctors", **DOCTOR, department_codes=["XH"])

    saved = await office.send(
        "PUT", f"/doctors/{made.json()['id']}", **DOCTOR, department_codes=["GK"], version=1
    )

    assert (made.json()["department_codes"], saved.json()["department_codes"]) == (["XH"], ["GK"])
    assert (await office.send("GET", "./doctors")).json()["items"] == [saved.json()]
    page = await office.client.get(f"/api/v1/doctors/{made.json()['id']}")
    assert [department["name"] for department in page.json()["departments"]] == ["骨科"]


async def test_the_hospital_itself_is_edited(office: Office) -> None:
    seen = (await office.send("GET", ".")).json()
    body = {name: value for name, value in seen.items() if name != "id"}

    saved = await office.send(
        "PUT", ".", **{**body, "notices": ["节假日照常开诊"], "latitude": 31, "longitude": 121}
    )
    half = await office.send("PUT", ".", **{**body, "version": 2, "latitude": 31, "longitude": None})

    assert (saved.status_code, saved.json()["notices"], saved.json()["version"]) == (
        200,
        ["节假日照常开诊"],
        2,
    )
    assert (half.status_code, half.json()["code"]) == (422, "invalid-request")
    assert half.json()["errors"] == [
        {"in": "body", "field": "longitude", "message": "经度和纬度要么都填，要么都空着，请补上另一个"}
    ]


async def test_every_edit_is_audited_with_the_fields_that_changed(office: Office, db: AsyncSession) -> None:
    id_ = (await office.send("POST", "./departments", **DEPARTMENT)).json()["id"]
    await office.send("PUT", f"/departments/{id_}", **{**DEPARTMENT, "place": "3层", "version": 1})

    rows = await db.scalars(
        select(AuditEntryRow).where(AuditEntryRow.subject == f"department:{id_}").order_by(AuditEntryRow.at)
    )
    entries = [(entry.action, entry.hospital_id, entry.data) for entry in rows]
    assert entries == [
        ("department.create", office.hospital_id, {}),
        ("department.update", office.hospital_id, {"changed": ["place"]}),
    ]


async def test_the_rows_of_another_hospital_do_not_exist(office: Office, db: AsyncSession) -> None:
    foreign = await make_hospital(db)
    department_id = await make_department(db, hospital_id=foreign, code="XH", name="外院科室")
    await db.commit()

    answers = [
        await office.send("GET", f"/hospitals/{foreign}"),
        await office.send("GET", f"/hospitals/{foreign}/departments"),
        await office.send("POST", f"/hospitals/{foreign}/departments", **DEPARTMENT),
        await office.send("PUT", f"/departments/{department_id}", **DEPARTMENT, version=1),
        await office.send("GET", f"/hospitals/{foreign}/rules"),
        await office.send("PUT", f"/hospitals/{foreign}/rules", version=1, rules={"hold_min": 20}),
        await office.send("PUT", f"/departments/{new_id(office.hospital_id)}", **DEPARTMENT, version=1),
        await office.send("GET", "/hospitals/99999999999999999999/doctors"),
        await office.send("PUT", "/doctors/nonsense", **DOCTOR, version=1),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert await db.scalar(select(func.count()).select_from(Department)) == 1


async def test_a_platform_admin_edits_any_hospital_that_exists(
    office: Office, client: httpx.AsyncClient, db: AsyncSession
) -> None:
    headers = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()
    platform = Office(client=client, hospital_id=office.hospital_id, headers=headers)

    made = await platform.send("POST", "./departments", **DEPARTMENT)
    nowhere = await platform.send("POST", "/hospitals/4711/departments", **DEPARTMENT)

    assert (made.status_code, nowhere.status_code) == (201, 404)


async def test_the_next_rules_are_published_seen_and_compared(office: Office) -> None:
    start = (utc_now() + timedelta(hours=1)).replace(microsecond=0)

    made = await office.send(
        "PUT", "./rules", version=1, rules={"hold_min": 20}, effective_from=start.isoformat()
    )

    assert made.status_code == 200, made.text
    assert (made.json()["version"], made.json()["phase"], made.json()["rules"]["hold_min"]) == (
        2,
        "planned",
        20,
    )
    assert any("请在 20 分钟内付款" in sentence for sentence in made.json()["sentences"])
    assert (await office.send("GET", "./rules")).json() == made.json()
    history = (await office.send("GET", "./rules/history")).json()["items"]
    assert [(entry["version"], entry["phase"]) for entry in history] == [(2, "planned"), (1, "in_force")]
    changes = await office.send("GET", "./rules/differences?before=1&after=2")
    assert changes.json()["items"] == [
        {"field": "hold_min", "label": "付款时限（分钟）", "before": 15, "after": 20}
    ]
    shown = await office.client.get(f"/api/v1/hospitals/{office.hospital_id}/rules")
    assert shown.json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": 1, "rules": {"hold_min": 4}}, 422, "rules-invalid"),
        ({"version": 1, "rules": {"nothing": 4}}, 422, "rules-invalid"),
        ({"version": 1, "rules": {}, "effective_from": "2020-01-01T00:00:00Z"}, 422, "rules-too-soon"),
        ({"version": 1, "rules": {}, "effective_from": "2020-01-01T00:00:00"}, 422, "invalid-request"),
        ({"version": 9, "rules": {}}, 404, "not-found"),
        ({"version": 1, "rules": []}, 422, "invalid-request"),
        ({"version": 1}, 422, "invalid-request"),
        ({"version": 1, "rules": {}, "effective_from": "9999-12-31T23:59:59-12:00"}, 422, "invalid-request"),
    ],
)
async def test_wrong_rules_are_refused_and_nothing_is_published(
    office: Office, db: AsyncSession, body: dict[str, Any], status: int, code: str
) -> None:
    refused = await office.send("PUT", "./rules", **body)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await db.scalar(select(func.count()).select_from(RuleSetRow)) == 1


async def test_publishing_on_an_old_version_is_a_conflict(office: Office) -> None:
    await office.send("PUT", "./rules", version=1, rules={"hold_min": 20})

    refused = await office.send("PUT", "./rules", version=1, rules={"hold_min": 25})

    assert (refused.status_code, refused.json()["code"]) == (409, "edit-conflict")


async def test_the_national_list_is_offered(office: Office) -> None:
    items = (await office.send("GET", "/national-departments")).json()["items"]

    assert {"code": "03.02", "name": "消化内科专业"} in items


async def test_nobody_comes_in_without_a_login(client: httpx.AsyncClient) -> None:
    for path in ("/hospitals", "/hospitals/1/rules", "/hospitals/1/doctors", "/national-departments"):
        assert (await client.get(f"{STAFF}{path}")).status_code == 401
