"""Workbooks sent over HTTP: queued, worked through by a worker, followed by staff."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook as open_book
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.catalog.models import Department, Doctor, FeeChange, FeeItem, Hospital
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from guahao.kernel.jobs import enter, run_once
from guahao.web.imports.api_staff import require_room
from guahao.web.imports.job import JOBS, import_next
from guahao.web.imports.models import ImportState, WorkbookImport
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.workbook import Change, Sheets, put, sheets, write_xlsx

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, kw_only=True)
class Office:
    """Somebody who sends workbooks; `path` is where to."""

    client: httpx.AsyncClient
    sessions: Sessions
    headers: dict[str, str]
    path: str
    folder: Path

    def file(self, *changes: Change) -> bytes:
        """A workbook as an office makes it."""
        return write_xlsx(self.folder / "h.xlsx", sheets(*changes)).read_bytes()

    async def send(self, content: bytes, **query: Any) -> httpx.Response:
        """Send a file without waiting for its end."""
        headers = self.headers | {"Content-Type": XLSX}
        return await self.client.post(f"{STAFF}{self.path}", content=content, headers=headers, params=query)

    async def outcome(self, content: bytes, **query: Any) -> dict[str, Any]:
        """Send a file, let a worker work, and see what became of it."""
        sent = await self.send(content, **query)
        assert sent.status_code == 202, sent.text
        assert sent.json()["state"] == "waiting"
        assert await import_next(self.sessions) == 1
        return await self.read(sent.json()["id"])

    async def read(self, id_: str) -> dict[str, Any]:
        """How far it has come."""
        seen = await self.client.get(f"{STAFF}/imports/{id_}", headers=self.headers)
        assert seen.status_code == 200, seen.text
        found: dict[str, Any] = seen.json()
        return found


@pytest.fixture
async def platform(client: httpx.AsyncClient, db: AsyncSession, sessions: Sessions, tmp_path: Path) -> Office:
    headers = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()
    return Office(client=client, sessions=sessions, headers=headers, path="/imports", folder=tmp_path)


@pytest.fixture
async def office(client: httpx.AsyncClient, db: AsyncSession, sessions: Sessions, tmp_path: Path) -> Office:
    hospital_id = await make_hospital(db, code="H1")
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    path = f"/hospitals/{hospital_id}/imports"
    return Office(client=client, sessions=sessions, headers=headers, path=path, folder=tmp_path)


async def count(db: AsyncSession, model: type[Doctor | Hospital | FeeItem | FeeChange]) -> int:
    return await db.scalar(select(func.count()).select_from(model)) or 0


def counts(seen: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {one["name"]: (one["created"], one["updated"], one["unchanged"]) for one in seen["sheets"]}


async def test_a_platform_admin_makes_a_whole_hospital_of_a_file(platform: Office, db: AsyncSession) -> None:
    seen = await platform.outcome(platform.file(), name="../示例.xlsx")

    assert (seen["state"], seen["errors"], seen["name"]) == ("done", [], "../示例.xlsx")
    assert (seen["done"], seen["total"]) == (11, 11)
    assert counts(seen)["医生"] == (2, 0, 0)
    (hospital_id,) = seen["hospital_ids"]
    page = (await platform.client.get(f"/api/v1/hospitals/{hospital_id}")).json()
    assert page["name"] == "示例医院"
    assert list(await db.scalars(select(WorkbookImport.content))) == [None]
    actors = await db.scalars(select(AuditEntryRow.actor).where(AuditEntryRow.action == "workbook.import"))
    assert [actor.startswith("staff:") for actor in actors] == [True]


async def test_the_same_file_again_changes_nothing_and_an_export_is_the_same_file(
    platform: Office, db: AsyncSession
) -> None:
    (hospital_id,) = (await platform.outcome(platform.file(put("医生", 0, 姓名="'=cmd|calc"))))[
        "hospital_ids"
    ]

    taken = await platform.client.get(
        f"{STAFF}/hospitals/{hospital_id}/workbook.xlsx", headers=platform.headers
    )
    again = await platform.outcome(taken.content)

    assert taken.headers["content-disposition"] == 'attachment; filename="hospital.xlsx"'
    assert again["state"] == "done"
    assert {(created, updated) for created, updated, _ in counts(again).values()} == {(0, 0)}
    names = [cell.value for cell in open_book(io.BytesIO(taken.content))["医生"]["C"]]
    assert "'=cmd|calc" in names
    assert await db.scalar(
        select(func.count()).where(AuditEntryRow.action == "workbook.export").select_from(AuditEntryRow)
    )


async def test_a_sixth_import_of_a_hospital_waits_until_another_has_ended(
    office: Office, platform: Office, db: AsyncSession
) -> None:
    for _ in range(5):
        assert (await office.send(b"not even a workbook")).status_code == 202

    refused = await office.send(office.file())

    assert (refused.status_code, refused.json()["code"]) == (429, "import-queue-full")
    assert (refused.json()["at_most"], refused.headers["retry-after"]) == (5, "30")
    assert await db.scalar(select(func.count()).select_from(WorkbookImport)) == 5
    assert (await platform.send(platform.file())).status_code == 202
    assert await import_next(office.sessions) == 1
    assert (await office.send(office.file())).status_code == 202


async def test_of_two_who_send_the_last_import_at_once_one_is_refused(
    office: Office, db: AsyncSession
) -> None:
    hospital_id = await db.scalar(select(Hospital.id))
    for _ in range(4):
        await office.send(b"not even a workbook")

    async with transaction(office.sessions) as first:
        await require_room(first, hospital_id)
        second = asyncio.create_task(office.send(b"not even a workbook"))
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not second.done() and not await db.scalar(waiting):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.01)
        await first.execute(
            insert(WorkbookImport).values(
                id=new_id(hospital_id or 0),
                hospital_id=hospital_id,
                name="x",
                content=b"x",
                is_dry_run=False,
                state=ImportState.WAITING,
                created_by="staff:x",
            )
        )

    assert (await second).status_code == 429


async def test_a_dry_run_finds_what_would_happen_and_writes_nothing(
    platform: Office, db: AsyncSession
) -> None:
    seen = await platform.outcome(platform.file(), dry_run=True)

    assert (seen["state"], seen["is_dry_run"]) == ("done", True)
    assert counts(seen)["医生"] == (2, 0, 0)
    assert await count(db, Hospital) == 0


async def test_errors_say_sheet_row_column_value_and_what_to_do_and_nothing_is_written(
    platform: Office, db: AsyncSession
) -> None:
    bad = platform.file(put("医生", 0, 号别="教授"), put("医院", 0, 电话="abc"))

    seen = await platform.outcome(bad)

    assert (seen["state"], seen["error_count"]) == ("refused", 2)
    errors = {(one["sheet"], one["row"], one["column"]): one for one in seen["errors"]}
    assert errors["医院", 2, "电话"]["value"] == "abc"
    assert errors["医生", 2, "号别"]["code"] == "choice"
    assert errors["医生", 2, "号别"]["title"].startswith("“教授”不在可选范围内")
    assert await count(db, Hospital) == 0


async def test_a_reference_to_nothing_is_an_error_at_its_cell(platform: Office) -> None:
    seen = await platform.outcome(platform.file(put("医生", 0, 科室编码="QQQ")))

    places = {(one["sheet"], one["row"], one["column"], one["value"], one["code"]) for one in seen["errors"]}
    assert ("医生", 2, "科室编码", "QQQ", "unknown_code") in places


@pytest.mark.parametrize(
    "content",
    [b"MZ" + bytes(50), b"", b"PK\x03\x04" + bytes(60)],
    ids=["exe", "nothing", "half a zip"],
)
async def test_what_is_no_workbook_is_refused_in_words(platform: Office, content: bytes) -> None:
    seen = await platform.outcome(content)

    assert (seen["state"], seen["errors"][0]["sheet"], seen["errors"][0]["row"]) == ("refused", "", 0)
    assert seen["errors"][0]["code"].startswith("file-")


async def test_a_zip_bomb_is_refused(platform: Office) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(101 * 1024 * 1024))

    seen = await platform.outcome(packed.getvalue())

    assert [one["code"] for one in seen["errors"]] == ["file-bomb"]


async def test_a_hospitals_admin_imports_the_own_hospital_and_no_other(
    office: Office, db: AsyncSession
) -> None:
    own = await office.outcome(office.file())
    other = Sheets(sheets())
    for rows in other.values():
        for row in rows:
            row["医院编码"] = "H2"
    strange = await office.outcome(write_xlsx(office.folder / "other.xlsx", other).read_bytes())
    platform_route = await office.client.post(
        f"{STAFF}/imports", content=office.file(), headers=office.headers | {"Content-Type": XLSX}
    )

    assert own["state"] == "done"
    assert strange["state"] == "refused"
    assert {one["code"] for one in strange["errors"]} == {"other_hospital"}
    assert platform_route.status_code == 403
    assert await count(db, Hospital) == 1


async def test_nobody_sees_anothers_imports(office: Office, platform: Office, db: AsyncSession) -> None:
    theirs = (await platform.send(platform.file())).json()["id"]
    stranger = await staff_headers(db, hospital_id=await make_hospital(db))
    await db.commit()
    mine = (await office.send(office.file())).json()["id"]

    hidden = await office.client.get(f"{STAFF}/imports/{theirs}", headers=office.headers)
    foreign = await office.client.get(f"{STAFF}/imports/{mine}", headers=stranger)
    listing = await office.client.get(f"{STAFF}/imports", headers=office.headers)

    assert hidden.status_code == 404
    assert foreign.status_code in {403, 404}
    assert listing.status_code == 404
    own = office.path.split("/")[2]
    listed = await office.client.get(f"{STAFF}/imports?hospital_id={own}", headers=office.headers)
    assert [one["id"] for one in listed.json()["items"]] == [mine]


async def test_a_price_that_moves_far_waits_for_a_second_person(office: Office, db: AsyncSession) -> None:
    await office.outcome(office.file())
    dear = office.file(put("价格", 0, **{"金额（元）": "5000"}))
    before = sorted(await db.scalars(select(FeeItem.fee_fen)))
    await db.commit()  # a transaction that idles while files are read would be ended

    seen = await office.outcome(dear)
    again = await office.outcome(dear)

    assert (seen["state"], seen["waiting_fees"], again["waiting_fees"]) == ("done", 1, 1)
    assert sorted(await db.scalars(select(FeeItem.fee_fen))) == before
    proposed = list(await db.scalars(select(FeeChange.fee_fen).where(FeeChange.state == "proposed")))
    assert proposed == [500_000]


async def test_an_import_whose_worker_died_is_begun_anew_and_after_three_given_up(
    platform: Office, db: AsyncSession
) -> None:
    dead = (await platform.send(platform.file())).json()["id"]
    silent = {"state": "running", "leased_until": func.now() - timedelta(seconds=1)}
    await db.execute(update(WorkbookImport).values(attempt=1, **silent))
    await db.commit()

    assert await import_next(platform.sessions) == 1

    assert (await platform.read(dead))["state"] == "done"
    hopeless = (await platform.send(platform.file())).json()["id"]
    await db.execute(update(WorkbookImport).where(WorkbookImport.state == "waiting").values(attempt=3))
    await db.commit()
    assert await import_next(platform.sessions) == 0
    assert (await platform.read(hopeless))["state"] == "failed"


async def test_a_live_workers_import_is_left_to_it(platform: Office, db: AsyncSession) -> None:
    await platform.send(platform.file())
    later = func.now() + timedelta(seconds=20)
    await db.execute(update(WorkbookImport).values(state="running", attempt=1, leased_until=later))
    await db.commit()

    assert await import_next(platform.sessions) == 0


async def test_a_worker_that_was_overtaken_writes_nothing(
    platform: Office, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.send(platform.file())
    import_ = await db.scalar(select(WorkbookImport.id))
    taken = asyncio.Event()

    async def meanwhile() -> None:
        while not taken.is_set():
            result = await db.execute(
                update(WorkbookImport)
                .where(WorkbookImport.id == import_, WorkbookImport.state == "running")
                .values(attempt=7)
                .returning(WorkbookImport.id)
            )
            await db.commit()
            if result.first():
                taken.set()
            await asyncio.sleep(0)

    await asyncio.gather(meanwhile(), import_next(platform.sessions))

    assert await count(db, Hospital) == 0
    assert (await platform.read(str(import_)))["state"] == "running"


async def test_the_worker_runs_imports_by_itself(platform: Office, sessions: Sessions) -> None:
    await enter(sessions, JOBS)
    sent = (await platform.send(platform.file())).json()["id"]

    assert await run_once(sessions, JOBS[0]) == 1

    assert (await platform.read(sent))["state"] == "done"


async def test_the_template_explains_itself_and_its_examples_are_skipped(platform: Office) -> None:
    taken = await platform.client.get(f"{STAFF}/workbook-template.xlsx", headers=platform.headers)
    seen = await platform.outcome(taken.content)

    assert open_book(io.BytesIO(taken.content)).sheetnames[0] == "说明"
    assert (seen["state"], seen["total"]) == ("refused", 0)
    assert [one["code"] for one in seen["errors"]] == ["no_rows"]


async def test_too_large_a_file_is_refused_at_the_door(platform: Office, db: AsyncSession) -> None:
    refused = await platform.send(bytes(20 * 1024 * 1024 + 1))

    assert (refused.status_code, refused.json()["code"]) == (413, "upload-too-large")
    assert (await platform.send(b"x", dry_run="perhaps")).status_code == 422
    assert await count(db, Hospital) == 0


async def test_departments_of_a_file_are_found_at_once(platform: Office, db: AsyncSession) -> None:
    await platform.outcome(platform.file())

    found = (await platform.client.get("/api/v1/search", params={"q": "心内科"})).json()
    assert found["items"][0]["name"] == "心内科"
    assert await db.scalar(select(func.count()).select_from(Department)) == 2
