"""What becomes of files with errors: every fault at once, and the choice to import the good rows only."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from openpyxl import load_workbook as open_book
from sqlalchemy import func, select
from structlog.testing import capture_logs

from guahao.catalog.models import Doctor, Hospital
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import Bucket, ClinicSession, ScheduleTemplate, Slot
from guahao.scheduling.service.materialise import materialise_due
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.report import Choice, ImportReport
from tests.factories.scheduling import put as fill
from tests.factories.scheduling import slots_of
from tests.factories.workbook import Change, Sheets, add, put, sheets, write_xlsx

pytestmark = pytest.mark.anyio


async def load(
    sessions: Sessions,
    tmp_path: Path,
    *changes: Change,
    dry_run: bool = False,
    choice: Choice = Choice.GOOD_ROWS,
) -> ImportReport:
    path = write_xlsx(tmp_path / "h.xlsx", sheets(*changes))
    return await load_workbook(sessions, path, dry_run=dry_run, choice=choice)


def many_doctors(count: int) -> Change:
    """So many doctors more, 2000 and upwards."""

    def change(content: Sheets) -> None:
        for number in range(count):
            add("医生", 0, 医生工号=str(2000 + number), 姓名=f"医生{number}")(content)

    return change


def places(report: ImportReport) -> list[tuple[str, int, str]]:
    return [(fault.sheet, fault.row, fault.column) for fault in report.faults]


def counts(report: ImportReport) -> dict[str, tuple[int, int, int]]:
    return {one.title: (one.created, one.updated, one.unchanged) for one in report.counts}


def adds_up(report: ImportReport) -> bool:
    return all(one.seen == one.read + one.refused + sum(one.skipped.values()) for one in report.accounts)


async def count(sessions: Sessions, model: type[Hospital | Doctor | ScheduleTemplate]) -> int:
    async with transaction(sessions) as db:
        return await db.scalar(select(func.count()).select_from(model)) or 0


async def test_xl1_forty_faults_are_listed_by_one_dry_run_and_nothing_is_written(
    sessions: Sessions, tmp_path: Path
) -> None:
    bad = [put("医生", 2 + number, 号别="教授") for number in range(20)]
    bad += [put("医生", 22 + number, 姓名=None) for number in range(20)]

    for choice in Choice:
        report = await load(sessions, tmp_path, many_doctors(60), *bad, dry_run=True, choice=choice)

        faults = [fault for fault in report.faults if fault.row]
        assert len(faults) == 40
        assert [(one.sheet, one.row) for one in faults] == [("医生", 4 + number) for number in range(40)]
        assert (faults[0].column, faults[0].value) == ("号别", "教授")
        assert faults[0].message == "“教授”不在可选范围内。请从这些里选：普通、专家、特需"
        assert (faults[39].column, faults[39].value) == ("姓名", "")
        assert faults[39].message.startswith("必须填写。")
        assert report.is_refused
        assert adds_up(report)
    assert await count(sessions, Hospital) == 0


async def test_xl2_all_or_nothing_unless_the_good_rows_are_chosen(sessions: Sessions, tmp_path: Path) -> None:
    changes = (many_doctors(30), put("医生", 5, 号别="教授"), put("医生", 7, 科室编码="QQQ"))

    nothing = await load(sessions, tmp_path, *changes, choice=Choice.ALL)
    before = await count(sessions, Doctor)
    dry = await load(sessions, tmp_path, *changes, dry_run=True)
    between = await count(sessions, Doctor)
    report = await load(sessions, tmp_path, *changes)

    assert (nothing.is_refused, before, between) == (True, 0, 0)
    assert (report.is_refused, dry.is_refused) == (False, False)
    assert places(report) == [("医生", 7, "号别"), ("医生", 9, "科室编码")]
    assert (dry.faults, dry.counts) == (report.faults, report.counts)
    assert counts(report)["医生"] == (30, 0, 0)
    assert await count(sessions, Doctor) == 30
    (doctors,) = [one for one in report.accounts if one.name == "医生"]
    assert (doctors.seen, doctors.read, doctors.refused, doctors.skipped) == (33, 30, 2, {"heading": 1})


async def test_xl2_rows_that_refer_to_a_row_left_out_are_left_out_too(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await load(sessions, tmp_path, many_doctors(30), put("医生", 0, 号别="教授"))

    assert places(report) == [("医生", 2, "号别"), ("出诊安排", 2, "医生工号")]
    assert counts(report)["出诊安排"] == (1, 0, 0)
    assert adds_up(report)


async def test_xl2_more_than_a_tenth_of_bad_rows_refuses_the_whole_file(
    sessions: Sessions, tmp_path: Path
) -> None:
    # 11 rows and 29 doctors more are 40: four may be bad, five may not.
    bad = [put("医生", 5 + number, 号别="教授") for number in range(5)]

    refused = await load(sessions, tmp_path, many_doctors(29), *bad)
    written = await count(sessions, Hospital)
    taken = await load(sessions, tmp_path, many_doctors(29), *bad[:4])

    assert (refused.is_refused, written) == (True, 0)
    assert str(refused.faults[0]) == (
        "40 行里有 5 行有错误，超过十分之一，像是填错了文件，所以一行都没有导入。请改好后再导入"
    )
    assert len(refused.faults) == 6
    assert not taken.is_refused
    assert await count(sessions, Doctor) == 27


async def test_xl2_a_file_that_cannot_be_understood_has_no_good_rows(
    sessions: Sessions, tmp_path: Path
) -> None:
    path = write_xlsx(tmp_path / "h.xlsx", sheets(many_doctors(30)))
    book = open_book(path)
    book["医生"].cell(1, 3, "名字")
    book.save(path)

    report = await load_workbook(sessions, path, choice=Choice.GOOD_ROWS)

    assert [fault.code for fault in report.faults] == ["unknown_column", "column_missing"]
    assert report.is_refused
    assert await count(sessions, Hospital) == 0


async def test_xl2_no_log_has_what_stands_in_the_file(sessions: Sessions, tmp_path: Path) -> None:
    with capture_logs() as logs:
        await load(
            sessions,
            tmp_path,
            put("医生", 0, 姓名="欧阳秘密", 号别="教授"),
            put("医院", 0, 电话="13900001111x"),
        )
        (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04" + "欧阳秘密".encode())
        await load_workbook(sessions, tmp_path / "broken.xlsx")

    assert "欧阳" not in repr(logs)
    assert "13900001111" not in repr(logs)


async def test_xl4_an_overlap_with_what_is_planned_shows_both_and_overwrites_nothing(
    sessions: Sessions, tmp_path: Path
) -> None:
    await load(sessions, tmp_path)
    overlapping = put("出诊安排", 0, 午别="下午", 开始时间=time(11, 30), 结束时间=time(15), 诊室="309")

    def only_schedule(content: Sheets) -> None:
        for title in set(content) - {"出诊安排"}:
            del content[title]

    report = await load(sessions, tmp_path, overlapping, only_schedule, choice=Choice.ALL)

    (fault,) = report.faults
    assert (fault.sheet, fault.row, fault.column, fault.value) == ("出诊安排", 2, "医生工号", "1001")
    assert "医生 1001 从 2026-01-01 起 周一 08:00-12:00 已有出诊安排" in fault.message
    assert "与本行的 11:30-15:00（诊室 309）重叠。原安排没有改动" in fault.message
    async with transaction(sessions) as db:
        hours = select(ScheduleTemplate.starts, ScheduleTemplate.ends).order_by(ScheduleTemplate.weekday)
        assert [tuple(row) for row in await db.execute(hours)] == [(time(8), EndTime.at(time(12)))] * 2


async def test_xl5_a_title_above_the_heading_and_blank_rows_below_are_understood(
    sessions: Sessions, tmp_path: Path
) -> None:
    path = write_xlsx(tmp_path / "h.xlsx", sheets())
    book = open_book(path)
    for page in book.worksheets:
        page.insert_rows(1)
        page.cell(1, 1, "云溪市第一医院信息表")
        page.merge_cells("A1:D1")
        for row in range(page.max_row + 1, page.max_row + 40):
            page.cell(row, 1, " ")
    book.save(path)

    report = await load_workbook(sessions, path)

    assert report.faults == ()
    assert counts(report)["医生"] == (2, 0, 0)
    assert {one.name: one.skipped for one in report.accounts}["医生"] == {"title": 1, "heading": 1}
    assert adds_up(report)


async def test_xl9_booked_sessions_keep_their_length_and_places_when_the_plan_changes(
    sessions: Sessions, tmp_path: Path
) -> None:
    await load(sessions, tmp_path)
    await _materialise(sessions)
    async with transaction(sessions) as db:
        later = ClinicSession.date > local_date(utc_now())
        booked = await db.scalar(
            select(ClinicSession).where(later).order_by(ClinicSession.starts_at).limit(1)
        )
        assert booked is not None
        slots = await slots_of(db, booked)
        await fill(db, slots[:1], {Bucket.BOOKED: 3})
        before = [(slot.starts_at, slot.ends_at, slot.capacity) for slot in slots]

    shorter = (put("出诊安排", index, 结束时间=time(9), 时段分钟=15, 每时段号数=1) for index in (0, 1))
    path = write_xlsx(tmp_path / "shorter.xlsx", sheets(*shorter))
    refused = await load_workbook(sessions, path)
    assert refused.is_refused
    await load_workbook(sessions, path, confirm=refused.confirm)
    await _materialise(sessions)

    async with transaction(sessions) as db:
        again = await slots_of(db, booked)
        assert [(slot.starts_at, slot.ends_at, slot.capacity) for slot in again] == before
        others = select(Slot.capacity).where(Slot.session_id != booked.id).distinct()
        assert set(await db.scalars(others.where(Slot.starts_at > booked.starts_at))) == {1}


async def _materialise(sessions: Sessions) -> None:
    made = 1
    while made:
        async with transaction(sessions) as db:
            made = await materialise_due(db)
