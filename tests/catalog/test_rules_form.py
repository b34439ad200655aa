from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import RuleSetRow
from guahao.catalog.policy.form import FieldKind, form
from guahao.catalog.policy.reading import NAMES, RulesInvalid, rules_from, rules_schema
from guahao.catalog.policy.rules import UNTOLD, Rules
from guahao.kernel.clock import utc_now
from tests.factories.catalog import make_hospital, staff_headers

pytestmark = pytest.mark.anyio

FIELDS = [field for group in form() for field in group.fields]
SCHEMA: dict[str, dict[str, Any]] = rules_schema()["properties"]


def test_the_form_has_every_rule_that_is_told_once_and_in_order() -> None:
    assert [field.name for field in FIELDS] == [name for name in NAMES if name not in UNTOLD]
    assert len({group.key for group in form()}) == len(form())
    assert all(group.key and group.title and group.fields for group in form())


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_says_what_the_rules_themselves_allow(field: Any) -> None:
    schema = SCHEMA[field.name]

    assert (field.minimum, field.maximum) == (schema.get("minimum"), schema.get("maximum"))
    assert field.may_be_empty == ("anyOf" in schema)
    assert field.default == msgspec.to_builtins(Rules())[field.name]
    assert field.label
    assert field.help


@pytest.mark.parametrize("field", [field for field in FIELDS if field.may_be_empty])
def test_only_times_may_be_left_empty(field: Any) -> None:
    assert field.kind is FieldKind.TIME
    assert rules_from({field.name: None}, base=Rules()) == Rules()


@pytest.mark.parametrize("field", [field for field in FIELDS if not field.may_be_empty])
def test_what_the_form_demands_the_rules_demand_too(field: Any) -> None:
    with pytest.raises(RulesInvalid):
        rules_from({field.name: None}, base=Rules())


class Office:
    """Somebody who may edit the rules of one hospital."""

    def __init__(self, client: httpx.AsyncClient, hospital_id: int, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers
        self.path = f"/api/v1/staff/hospitals/{hospital_id}/rules"

    async def preview(self, **rules: Any) -> httpx.Response:
        return await self.client.post(f"{self.path}/preview", json={"rules": rules}, headers=self.headers)

    async def publish(self, version: int, **rules: Any) -> httpx.Response:
        body = {"version": version, "rules": rules}
        return await self.client.put(self.path, json=body, headers=self.headers)


@pytest.fixture
async def office(client: httpx.AsyncClient, db: AsyncSession) -> Office:
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    return Office(client, hospital_id, headers)


async def test_the_form_is_answered_in_groups(office: Office) -> None:
    answer = await office.client.get(f"{office.path}/form", headers=office.headers)

    groups = answer.json()["groups"]
    assert (groups[0]["key"], groups[0]["title"]) == ("release", "放号")
    window = next(field for field in groups[0]["fields"] if field["name"] == "booking_window_days")
    assert (window["kind"], window["minimum"], window["maximum"], window["default"]) == ("number", 0, 60, 14)


async def test_a_preview_says_what_patients_would_read_and_saves_nothing(
    office: Office, db: AsyncSession
) -> None:
    answer = await office.preview(hold_min=20)

    assert answer.status_code == 200
    shown = answer.json()
    assert "选好号以后请在 20 分钟内付款，当天的号在 10 分钟内付款，过时号会自动取消" in shown["sentences"]
    assert shown["changes"] == [{"field": "hold_min", "label": "付款时限（分钟）", "before": 15, "after": 20}]
    assert shown["errors"] == []
    assert await db.scalar(select(func.count()).select_from(RuleSetRow)) == 1


async def test_a_preview_names_every_value_that_does_not_fit(office: Office) -> None:
    shown = (await office.preview(hold_min=99, quiet_from="00:00:00")).json()

    assert [fault["field"] for fault in shown["errors"]] == ["hold_min"]
    assert shown["errors"][0]["message"] == "付款时限（分钟）：填写的值不在允许的范围内"
    assert (shown["sentences"], shown["changes"]) == ([], [])
    assert [fault["field"] for fault in (await office.preview(quiet_from="00:00:00")).json()["errors"]] == [
        "quiet_until"
    ]


async def test_a_preview_begins_at_the_newest_version(office: Office) -> None:
    await office.publish(1, hold_min=25)

    shown = (await office.preview(per_week=4)).json()

    assert [change["field"] for change in shown["changes"]] == ["per_week"]
    assert any("请在 25 分钟内付款" in sentence for sentence in shown["sentences"])


async def test_the_history_tells_who_changed_what_and_when(office: Office) -> None:
    await office.publish(1, hold_min=20, quiet_from="00:00:00", quiet_until="06:00:00")

    answer = await office.client.get(f"{office.path}/history", headers=office.headers)

    newest, first = answer.json()["items"]
    assert newest["created_by_name"] == "李管理"
    assert utc_now() - timedelta(minutes=1) < msgspec.convert(newest["created_at"], type(utc_now()))
    assert [(one["field"], one["before"], one["after"]) for one in newest["changes"]] == [
        ("quiet_from", None, "00:00:00"),
        ("quiet_until", None, "06:00:00"),
        ("hold_min", 15, 20),
    ]
    assert (first["created_by_name"], first["changes"]) == (None, [])


@pytest.mark.parametrize("role", ["desk", "nurse", "doctor", "finance", "auditor"])
async def test_only_who_edits_rules_may_try_them_out(
    client: httpx.AsyncClient, office: Office, db: AsyncSession, role: str
) -> None:
    hospital_id = int(office.path.split("/")[-2])
    headers = await staff_headers(db, hospital_id=hospital_id, role=role)
    await db.commit()

    refused = await client.post(f"{office.path}/preview", json={"rules": {}}, headers=headers)
    seen = await client.get(f"{office.path}/form", headers=headers)

    assert (refused.status_code, seen.status_code) == (403, 200)


async def test_a_foreign_hospital_does_not_exist(
    client: httpx.AsyncClient, office: Office, db: AsyncSession
) -> None:
    headers = await staff_headers(db, hospital_id=await make_hospital(db))
    await db.commit()

    tried = await client.post(f"{office.path}/preview", json={"rules": {}}, headers=headers)
    asked = await client.get(f"{office.path}/form", headers=headers)

    assert (tried.status_code, asked.status_code) == (404, 404)
