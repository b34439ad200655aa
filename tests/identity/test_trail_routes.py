from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.jobs import seal_entries
from guahao.audit.models import AuditEntryRow
from guahao.audit.service import AuditEntry, record
from guahao.identity.policy.permission import Role
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from tests.factories.office import Member, hire, refusal
from tests.identity.test_staff import hired

pytestmark = pytest.mark.anyio
TRAIL = "/api/v1/staff/audit"


@pytest.fixture
async def auditor(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.AUDITOR, hospital_id=7)


def deed(**values: object) -> AuditEntry:
    given = {"hospital_id": 7, "actor": "staff:a", "action": "rule.change", "subject": "rule:1"}
    return AuditEntry(**(given | values))  # type: ignore[arg-type]  # test values


async def actions(auditor: Member, **params: object) -> list[str]:
    answer = await auditor.get("/audit", **params)
    assert answer.status_code == 200, answer.text
    return [entry["action"] for entry in answer.json()["items"]]


async def test_an_auditor_reads_the_trail_of_their_hospital_alone(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, auditor = await hired(sessions, Role.AUDITOR, hospital_id=7)
    await hired(sessions, Role.DESK, hospital_id=8)

    own = (await client.get(TRAIL, headers=auditor)).json()["items"]
    foreign = await client.get(TRAIL, params={"hospital_id": 8}, headers=auditor)
    directory = await client.get(f"{TRAIL}/verification", params={"hospital_id": 0}, headers=auditor)

    assert [entry["action"] for entry in own] == ["staff.create"]
    assert own[0]["data"] == {"roles": ["auditor"]}
    assert [foreign.status_code, directory.status_code] == [404, 404]


async def test_the_platforms_auditor_reads_every_trail_in_pages(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, auditor = await hired(sessions, Role.AUDITOR)
    for _ in range(3):
        await hired(sessions, Role.DESK, hospital_id=8)

    first = (await client.get(TRAIL, params={"hospital_id": 8, "limit": 2}, headers=auditor)).json()
    cursor = first["next_cursor"]
    rest = (await client.get(TRAIL, params={"hospital_id": 8, "cursor": cursor}, headers=auditor)).json()

    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]


async def test_an_auditor_has_the_chain_recomputed(
    client: httpx.AsyncClient, sessions: Sessions, app: object
) -> None:
    _, auditor = await hired(sessions, Role.AUDITOR, hospital_id=7)
    key = app.state.key_ring.audit  # type: ignore[attr-defined]
    async with transaction(sessions) as db:
        await seal_entries(db, key=key)

    whole = (await client.get(f"{TRAIL}/verification", headers=auditor)).json()
    async with transaction(sessions) as db:
        await db.execute(text("SET LOCAL session_replication_role = replica"))
        await db.execute(text("UPDATE audit_entry SET data = '{}' WHERE hospital_id = 7"))
    broken = (await client.get(f"{TRAIL}/verification", headers=auditor)).json()

    assert datetime.fromisoformat(whole.pop("unanchored_since")) <= utc_now()
    assert whole == {
        "hospital_id": "7",
        "links": 1,
        "waiting": 0,
        "anchored": 0,
        "damage": None,
        "seq": None,
        "entry_id": None,
    }
    assert (broken["damage"], broken["seq"]) == ("entry_changed", 1)


async def test_the_trail_is_searched_by_who_what_and_on_what(sessions: Sessions, auditor: Member) -> None:
    async with transaction(sessions) as db:
        await record(db, deed(), deed(actor="staff:b", action="fee.change"), deed(subject="rule:2"))
        await record(db, deed(hospital_id=8, action="of.another"))

    assert await actions(auditor, actor="staff:b") == ["fee.change"]
    assert await actions(auditor, action="rule.change", sort="at") == ["rule.change"] * 2
    assert await actions(auditor, subject="rule:2") == ["rule.change"]
    assert await actions(auditor, subject="rule:2", actor="staff:b") == []
    everything = (await auditor.get("/audit")).json()
    assert (len(everything["items"]), everything["total"]) == (4, 4)


async def test_the_trail_is_searched_by_local_days(sessions: Sessions, auditor: Member) -> None:
    async with transaction(sessions) as db:
        await record(db, deed())
    today = local_date(utc_now())
    tomorrow = today + timedelta(days=1)
    only = {"action": "rule.change"}

    assert await actions(auditor, **only, **{"from": today, "to": tomorrow}) == ["rule.change"]
    assert await actions(auditor, **only, **{"from": tomorrow}) == []
    assert await actions(auditor, **only, to=today) == []


async def test_the_oldest_come_first_when_asked_and_other_orders_are_refused(
    sessions: Sessions, auditor: Member
) -> None:
    async with transaction(sessions) as db:
        await record(db, deed(action="a.first"))
        await record(db, deed(action="b.second"))

    assert (await actions(auditor, sort="at"))[-2:] == ["a.first", "b.second"]
    assert (await actions(auditor, sort="-at"))[:2] == ["b.second", "a.first"]
    assert refusal(await auditor.get("/audit", sort="data")) == (422, "sort-unknown")
    assert refusal(await auditor.get("/audit", cursor="abc")) == (422, "cursor-invalid")


async def test_row_48_the_trail_as_a_file_runs_no_formula_and_is_recorded(
    sessions: Sessions, auditor: Member, db: AsyncSession
) -> None:
    async with transaction(sessions) as write:
        await record(write, deed(actor="=cmd", data={"reason": "x"}), deed(actor=auditor.actor))

    as_csv = await auditor.get("/audit.csv", action="rule.change")
    as_xlsx = await auditor.get("/audit.xlsx", action="rule.change")

    assert as_csv.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    assert sorted(row[1:6] for row in rows[1:]) == [
        ["", "'=cmd", "rule.change", "rule:1", '{"reason": "x"}'],
        ["王工", auditor.actor, "rule.change", "rule:1", "{}"],
    ]
    page = load_workbook(io.BytesIO(as_xlsx.content)).active
    assert page is not None
    assert page.max_row == 3
    taken = await db.scalars(
        select(AuditEntryRow).where(AuditEntryRow.action == "list.export").order_by(AuditEntryRow.id)
    )
    assert [(entry.hospital_id, entry.actor, entry.subject, entry.data) for entry in taken] == [
        (
            7,
            auditor.actor,
            "list:audit",
            {"form": form, "filters": {"action": "rule.change"}, "rows": 2},
        )
        for form in ("csv", "xlsx")
    ]


async def test_the_heads_carried_outside_are_shown_to_the_auditor_of_their_hospital(
    sessions: Sessions, auditor: Member
) -> None:
    async with transaction(sessions) as db:
        await db.execute(
            text("INSERT INTO audit_anchor (hospital_id, seq, hash) VALUES (7, 4, '\\xab'), (8, 9, '\\xcd')")
        )

    own = (await auditor.get("/audit/anchors")).json()["items"]

    assert [(anchor["seq"], anchor["hash"]) for anchor in own] == [(4, "ab")]
    assert (await auditor.get("/audit/anchors", hospital_id=8)).status_code == 404


@pytest.mark.parametrize("path", ["", ".csv", ".xlsx", "/verification", "/anchors"])
async def test_row_33_no_part_of_a_foreign_trail_is_shown(auditor: Member, path: str) -> None:
    assert (await auditor.get(f"/audit{path}", hospital_id=8)).status_code == 404
    assert (await auditor.get(f"/audit{path}", hospital_id=0)).status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9999-12-31"])
@pytest.mark.parametrize("end", ["from", "to"])
async def test_a_day_of_another_age_is_refused(auditor: Member, end: str, day: str) -> None:
    assert refusal(await auditor.get("/audit", **{end: day})) == (422, "invalid-request")
