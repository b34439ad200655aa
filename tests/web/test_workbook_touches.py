from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.catalog.models import Campus, Department, Doctor, Hospital
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions
from guahao.scheduling.models import Bucket, ClinicSession, ScheduleTemplate, Slot
from guahao.web.imports.job import import_next
from guahao.web.workbook.load import load_workbook
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_session, put, slots_of
from tests.factories.workbook import Sheets, sheets, write_xlsx
from tests.factories.workbook import put as cell

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CLOSED = cell("科室", 1, 启用="否")


async def clinic_of_file(db: AsyncSession, sessions: Sessions, tmp_path: Path) -> Clinic:
    """The hospital of the workbook, with a session in which three people are booked."""
    await load_workbook(sessions, write_xlsx(tmp_path / "first.xlsx", sheets()))
    hospital_id = await db.scalar(select(Hospital.id).where(Hospital.code == "H1")) or 0
    ids = [
        await db.scalar(select(model.id).where(model.hospital_id == hospital_id, model.code == code))
        for model, code in ((Campus, "BY"), (Department, "XNK"), (Doctor, "1001"))
    ]
    assert None not in ids
    campus_id, department_id, doctor_id = (id_ for id_ in ids if id_ is not None)
    return Clinic(
        hospital_id=hospital_id, campus_id=campus_id, department_id=department_id, doctor_id=doctor_id
    )


async def booked_session(db: AsyncSession, clinic: Clinic) -> ClinicSession:
    template = select(ScheduleTemplate.id).where(ScheduleTemplate.doctor_id == clinic.doctor_id)
    session = await make_session(
        db,
        clinic=clinic,
        level="expert",
        slots=2,
        pools={Bucket.BOOKED: 1},
        template_id=await db.scalar(template),
    )
    await put(db, (await slots_of(db, session))[:1], {Bucket.HELD: 1})
    await db.commit()
    return session


class Office:
    """Somebody who sends workbooks of the hospital."""

    def __init__(
        self, client: httpx.AsyncClient, sessions: Sessions, headers: dict[str, str], path: str
    ) -> None:
        self.client = client
        self.sessions = sessions
        self.headers = headers
        self.path = path

    async def outcome(self, content: bytes, **query: Any) -> dict[str, Any]:
        sent = await self.client.post(
            f"{STAFF}{self.path}",
            content=content,
            headers=self.headers | {"Content-Type": XLSX},
            params=query,
        )
        assert sent.status_code == 202, sent.text
        assert await import_next(self.sessions) == 1
        seen = await self.client.get(f"{STAFF}/imports/{sent.json()['id']}", headers=self.headers)
        return dict(seen.json())


async def closed_by(db: AsyncSession) -> set[str | None]:
    return set(await db.scalars(select(Slot.closed_by).execution_options(populate_existing=True)))


async def test_a_file_that_closes_sessions_is_imported_with_the_confirmation_of_its_check_alone(
    client: httpx.AsyncClient, db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    clinic = await clinic_of_file(db, sessions, tmp_path)
    session = await booked_session(db, clinic)
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    office = Office(client, sessions, headers, f"/hospitals/{clinic.hospital_id}/imports")
    content = write_xlsx(tmp_path / "h.xlsx", sheets(CLOSED)).read_bytes()

    checked = await office.outcome(content, dry_run=True)
    unasked = await office.outcome(content)
    before = await closed_by(db)
    await put(db, (await slots_of(db, session))[1:], {Bucket.BOOKED: 1})
    await db.commit()
    changed = await office.outcome(content, confirm=checked["confirm"])
    still = await closed_by(db)
    done = await office.outcome(content, confirm=changed["confirm"])

    on = f"{session.date.month}月{session.date.day}日"
    assert (checked["state"], checked["touched"][0]) == (
        "done",
        f"{on}的 1 次出诊不再放号，7 个没有约出的号停止预约。",
    )
    assert checked["touched"][1].startswith("其中 3 位患者已经预约或正在付款")
    assert checked["touching_rows"] == [
        {"sheet": "科室", "row": 3, "sessions": 1, "people": 3, "title": "".join(checked["touched"])}
    ]
    assert [(error["code"], error["title"][:32]) for error in unasked["errors"]] == [
        ("touches_sessions", "这个文件会影响已经排好的 1 次出诊、3 位已预约的患者，还没有")
    ]
    assert (unasked["state"], unasked["confirm"], before) == ("refused", checked["confirm"], {None})
    assert (changed["state"], changed["confirm"] == checked["confirm"], still) == ("refused", False, {None})
    assert changed["touched"][1].startswith("其中 4 位患者")
    assert (done["state"], await closed_by(db)) == ("done", {"department-closed"})
    trail = await db.scalars(select(AuditEntryRow.data).where(AuditEntryRow.action == "schedule.touch"))
    assert [data["people"] for data in trail] == [4]


async def test_whoever_has_the_server_confirms_what_a_dry_run_printed(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    path = write_xlsx(tmp_path / "h.xlsx", sheets(CLOSED))

    looked = await load_workbook(sessions, path, dry_run=True)
    refused = await load_workbook(sessions, path)
    done = await load_workbook(sessions, path, confirm=looked.confirm)
    again = await load_workbook(sessions, path)

    assert [report.is_refused for report in (looked, refused, done, again)] == [False, True, False, False]
    assert (again.touched, again.confirm) == ((), None)


async def test_a_file_that_moves_a_clinic_tells_of_people_who_stay(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    path = write_xlsx(tmp_path / "h.xlsx", sheets(cell("出诊安排", 0, 诊室="309")))

    refused = await load_workbook(sessions, path)

    assert refused.is_refused
    assert len(refused.touched) == 1
    assert "1 次出诊已有 3 位患者预约，不跟着改" in refused.touched[0]
    (row,) = refused.touching_rows
    assert str(row) == f"“出诊安排”第 2 行：{refused.touched[0]}"


async def test_a_file_that_narrows_a_department_tells_of_people_who_stay(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    path = write_xlsx(tmp_path / "h.xlsx", sheets(cell("科室", 1, 限性别="女")))

    refused = await load_workbook(sessions, path)

    assert refused.is_refused
    assert ["1 次出诊改按新的性别和年龄限制" in told for told in refused.touched] == [True]
    assert [str(row) for row in refused.touching_rows] == [f"“科室”第 3 行：{refused.touched[0]}"]


async def test_a_file_that_changes_nothing_needs_no_confirmation(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    await booked_session(db, await clinic_of_file(db, sessions, tmp_path))

    report = await load_workbook(sessions, tmp_path / "first.xlsx")

    assert (report.is_refused, report.is_unchanged, report.touched) == (False, True, ())


@pytest.mark.parametrize(
    ("sheet", "cells"),
    [
        ("医院", {"启用": "否"}),
        ("院区", {"启用": "否"}),
        ("科室", {"启用": "否"}),
        ("医生", {"启用": "否"}),
        ("出诊安排", {"结束日期": "2026-01-31"}),
    ],
    ids=["hospital", "campus", "department above", "doctor", "weekly clinic"],
)
async def test_the_row_that_closes_a_session_is_named(
    db: AsyncSession,
    sessions: Sessions,
    tmp_path: Path,
    sheet: str,
    cells: dict[str, object],
) -> None:
    await booked_session(db, await clinic_of_file(db, sessions, tmp_path))

    report = await load_workbook(
        sessions, write_xlsx(tmp_path / "h.xlsx", sheets(cell(sheet, 0, **cells))), dry_run=True
    )

    (row,) = report.touching_rows
    assert (row.sheet, row.row, row.sessions, row.people) == (sheet, 2, 1, 3)
    assert row.message == "".join(report.touched)


async def test_xl9_fewer_places_than_are_booked_are_refused_leading_to_a_suspension(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    session = await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    before = await shape_of(db, session)
    path = write_xlsx(tmp_path / "h.xlsx", sheets(cell("出诊安排", 0, 每时段号数=1, 时段分钟=10)))

    refused = await load_workbook(sessions, path)

    assert (refused.is_refused, [fault.code for fault in refused.faults]) == (True, ["touches_sessions"])
    assert refused.touched[0].endswith(
        "不跟着改，仍按现在的医生、时间、诊室和号数出诊；要改请到“排班”里逐个处理，不能照常出诊的请办理停诊。"
    )
    await load_workbook(sessions, path, confirm=refused.confirm)
    assert await shape_of(db, session) == before


async def test_xl9_an_end_before_a_booked_session_is_refused_leading_to_a_suspension(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    session = await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    before = await shape_of(db, session)
    path = write_xlsx(tmp_path / "h.xlsx", sheets(cell("出诊安排", 0, 结束日期=local_date(utc_now()))))

    refused = await load_workbook(sessions, path)

    assert (refused.is_refused, [fault.code for fault in refused.faults]) == (True, ["touches_sessions"])
    assert "需要的话请随后办理停诊或替他们改约" in refused.touched[1]
    await load_workbook(sessions, path, confirm=refused.confirm)
    assert await shape_of(db, session) == before


async def test_xl9_a_row_that_is_not_in_the_file_any_more_takes_nothing_away(
    db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    session = await booked_session(db, await clinic_of_file(db, sessions, tmp_path))
    before = await shape_of(db, session)

    def without_the_clinic(content: Sheets) -> None:
        del content["出诊安排"][0], content["医生"][0]

    report = await load_workbook(sessions, write_xlsx(tmp_path / "h.xlsx", sheets(without_the_clinic)))

    assert (report.is_unchanged, report.touched) == (True, ())
    assert await shape_of(db, session) == before
    assert await db.scalar(select(ScheduleTemplate.valid_until).limit(1)) is None


async def shape_of(db: AsyncSession, session: ClinicSession) -> list[tuple[Any, ...]]:
    """Every slot's hours, places and how many are booked."""
    return [
        (slot.starts_at, slot.ends_at, slot.capacity, slot.booked) for slot in await slots_of(db, session)
    ]
