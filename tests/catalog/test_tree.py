"""Moving departments, and the lists of the catalogue in the console."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from tests.factories.catalog import make_hospital, staff_headers

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

    async def add(self, code: str, parent: str | None = None) -> dict[str, Any]:
        """A department."""
        made = await self.send("POST", "./departments", code=code, name=code, parent_code=parent)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Every department by code, in order."""
        items = (await self.send("GET", "./departments")).json()["items"]
        return {one["code"]: one for one in items}

    async def below(self, parent: str | None) -> list[str]:
        """The order of brothers."""
        return [code for code, one in (await self.rows()).items() if one["parent_code"] == parent]

    async def move(self, code: str, parent: str | None, before: str | None) -> httpx.Response:
        """Put a department somewhere else."""
        rows = await self.rows()
        return await self.send(
            "POST",
            f"/departments/{rows[code]['id']}/move",
            version=rows[code]["version"],
            parent_id=rows[parent]["id"] if parent else None,
            before_id=rows[before]["id"] if before else None,
        )


@pytest.fixture
async def office(client: httpx.AsyncClient, db: AsyncSession) -> Office:
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    return Office(client=client, hospital_id=hospital_id, headers=headers)


async def test_departments_are_put_in_any_order_and_below_others(office: Office) -> None:
    for code in "ABCD":
        await office.add(code)

    for code, parent, before, order in (
        ("D", None, "A", ["D", "A", "B", "C"]),
        ("D", None, None, ["A", "B", "C", "D"]),
        ("C", None, "B", ["A", "C", "B", "D"]),
        ("B", None, "C", ["A", "B", "C", "D"]),
        ("D", "A", None, ["A", "B", "C"]),
    ):
        moved = await office.move(code, parent, before)
        assert (moved.status_code, await office.below(None)) == (200, order), moved.text

    assert await office.below("A") == ["D"]
    await office.move("C", "A", "D")
    assert await office.below("A") == ["C", "D"]
    await office.move("D", None, "B")
    assert (await office.below(None), await office.below("A")) == (["A", "D", "B"], ["C"])


async def test_a_move_between_brothers_with_room_touches_only_the_moved(office: Office) -> None:
    for code in "ABC":
        await office.add(code)
    await office.move("A", None, None)
    before = await office.rows()

    moved = await office.move("C", None, "A")

    after = await office.rows()
    assert moved.status_code == 200
    assert {code for code in "ABC" if after[code]["version"] != before[code]["version"]} == {"C"}


async def test_a_department_is_never_put_below_itself(office: Office) -> None:
    await office.add("A")
    await office.add("B", "A")
    await office.add("C", "B")
    before = await office.rows()

    below_grandchild = await office.move("A", "C", None)
    below_itself = await office.move("A", "A", None)

    assert (below_grandchild.status_code, below_grandchild.json()["code"]) == (422, "department-loop")
    assert below_itself.status_code == 422
    assert await office.rows() == before


async def test_a_move_of_an_older_version_tells_the_present_row(office: Office) -> None:
    row = await office.add("A")
    await office.add("B")
    await office.move("A", None, None)

    late = await office.send("POST", f"/departments/{row['id']}/move", version=1)

    assert (late.status_code, late.json()["code"]) == (409, "edit-conflict")
    assert late.json()["current"] == (await office.rows())["A"]


async def test_a_place_beside_somebody_who_has_gone_is_not_found(office: Office) -> None:
    await office.add("A")
    await office.add("B", "A")
    await office.add("C")
    before = await office.rows()

    assert (await office.move("C", None, "B")).status_code == 404
    assert await office.rows() == before


async def test_doctors_are_found_by_name_pinyin_number_level_and_department(office: Office) -> None:
    department = await office.add("XH")
    for code, name, level, departments in (
        ("1001", "王建国", "expert", ["XH"]),
        ("1002", "李芳", "general", []),
        ("2001", "=cmd", "general", ["XH"]),
    ):
        await office.send(
            "POST", "./doctors", code=code, name=name, level=level, department_codes=departments
        )

    async def found(query: str) -> list[str]:
        page = (await office.send("GET", f"./doctors?{query}")).json()
        assert page["total"] == len(page["items"])
        return [one["code"] for one in page["items"]]

    assert await found("q=王") == ["1001"]
    assert await found("q=wangjian") == ["1001"]
    assert await found("q=lf") == ["1002"]
    assert await found("q=10") == ["1001", "1002"]
    assert await found("level=general&sort=-code") == ["2001", "1002"]
    assert await found(f"department_id={department['id']}") == ["1001", "2001"]
    assert await found("is_active=false") == []
    wrong = await office.send("GET", "./doctors?sort=photo_id")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "sort-unknown")


async def test_lists_are_taken_as_files_that_run_nothing_and_leave_a_trace(
    office: Office, db: AsyncSession
) -> None:
    await office.add("XH")
    await office.send("POST", "./doctors", code="D", name="=cmd|' /C calc'!A0", level="expert")
    await office.send("POST", "./fees", level="expert", fee_fen=5000, effective_from="2026-01-01")
    await office.send("POST", "./fees", level="expert", fee_fen=5500, effective_from="2090-01-01")

    tables = {}
    for name in ("departments", "doctors", "fees"):
        taken = await office.send("GET", f"./{name}.csv")
        assert taken.status_code == 200, taken.text
        tables[name] = list(csv.reader(io.StringIO(taken.text.removeprefix("\ufeff"))))
        assert (await office.send("GET", f"./{name}.xlsx")).content.startswith(b"PK")

    assert tables["doctors"][1][:4] == ["D", "'=cmd|' /C calc'!A0", "", "专家"]
    assert [row[4:] for row in tables["fees"][1:]] == [
        ["55.00", "2090-01-01", "待生效"],
        ["50.00", "2026-01-01", "现行"],
    ]
    assert tables["departments"][1][0] == "XH"
    kept = await db.scalar(
        select(func.count()).select_from(AuditEntryRow).where(AuditEntryRow.action == "list.export")
    )
    assert kept == 6


async def test_prices_are_past_current_or_planned(office: Office) -> None:
    for day, fen in (("2020-01-01", 4000), ("2024-01-01", 5000), ("2090-01-01", 5500)):
        await office.send("POST", "./fees", level="expert", fee_fen=fen, effective_from=day)

    async def of(phase: str) -> list[int]:
        items = (await office.send("GET", f"./fees?phase={phase}")).json()["items"]
        return [one["fee_fen"] for one in items]

    assert [await of(phase) for phase in ("past", "current", "planned")] == [[4000], [5000], [5500]]
