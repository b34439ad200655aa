"""Importing into a real database: all or nothing, repeatable, and exported unchanged."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from guahao.audit.models import AuditEntryRow
from guahao.catalog.models import Doctor, Hospital
from guahao.catalog.service.picture import Drawn, keep_picture
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.models import ClinicSession, ScheduleTemplate, Slot
from guahao.scheduling.service.materialise import materialise_due
from guahao.scheduling.service.templates import TemplateRow
from guahao.web.workbook.export import export_workbook
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.report import ImportReport
from guahao.web.workbook.rows import ScheduleRow
from guahao.web.workbook.template import write_template
from tests.factories.workbook import Change, Sheets, add, put, sheets, write_csv, write_xlsx

pytestmark = pytest.mark.anyio


async def load(sessions: Sessions, tmp_path: Path, *changes: Change, dry_run: bool = False) -> ImportReport:
    return await load_workbook(sessions, write_xlsx(tmp_path / "h.xlsx", sheets(*changes)), dry_run=dry_run)


def counts(report: ImportReport) -> dict[str, tuple[int, int, int]]:
    return {one.title: (one.created, one.updated, one.unchanged) for one in report.counts}


def faults(report: ImportReport) -> list[str]:
    return [str(fault) for fault in report.faults]


def only(*titles: str) -> Change:
    def change(content: Sheets) -> None:
        for title in set(content) - set(titles):
            del content[title]

    return change


async def count(sessions: Sessions, model: type[Hospital | Doctor | ScheduleTemplate | AuditEntryRow]) -> int:
    async with transaction(sessions) as db:
        return await db.scalar(select(func.count()).select_from(model)) or 0


async def test_a_second_import_of_the_same_file_changes_nothing_and_says_so(
    sessions: Sessions, tmp_path: Path
) -> None:
    first = await load(sessions, tmp_path)
    audited = await count(sessions, AuditEntryRow)

    second = await load(sessions, tmp_path)

    assert counts(first) == {
        "医院": (1, 0, 0),
        "院区": (2, 0, 0),
        "科室": (2, 0, 0),
        "医生": (2, 0, 0),
        "价格": (2, 0, 0),
        "出诊安排": (2, 0, 0),
    }
    assert not first.is_unchanged
    assert counts(second) == {
        "医院": (0, 0, 1),
        "院区": (0, 0, 2),
        "科室": (0, 0, 2),
        "医生": (0, 0, 2),
        "价格": (0, 0, 2),
        "出诊安排": (0, 0, 2),
    }
    assert second.is_unchanged
    assert await count(sessions, AuditEntryRow) == audited


async def test_rows_are_updated_by_their_codes(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, tmp_path)

    report = await load(
        sessions,
        tmp_path,
        put("医生", 0, 姓名="林静姝"),
        put("出诊安排", 0, 每时段号数=3),
        add("价格", 0, 号别="特需", **{"金额（元）": 200}),
    )

    assert counts(report) == {
        "医院": (0, 0, 1),
        "院区": (0, 0, 2),
        "科室": (0, 0, 2),
        "医生": (0, 1, 1),
        "价格": (1, 0, 2),
        "出诊安排": (0, 1, 1),
    }
    async with transaction(sessions) as db:
        names = list(await db.scalars(select(Doctor.name).order_by(Doctor.code)))
        places = list(await db.scalars(select(ScheduleTemplate.capacity_per_slot)))
    assert names == ["林静姝", "沈云舒"]
    assert sorted(places) == [3, 5]


async def test_with_one_fault_nothing_at_all_is_written(sessions: Sessions, tmp_path: Path) -> None:
    report = await load(sessions, tmp_path, put("价格", 1, **{"金额（元）": "12.345"}))

    assert report.is_refused
    assert report.counts == ()
    assert await count(sessions, Hospital) == 0


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await load(sessions, tmp_path, dry_run=True)

    assert report.is_dry_run
    assert counts(report)["医生"] == (2, 0, 0)
    assert await count(sessions, Hospital) == 0
    assert await count(sessions, AuditEntryRow) == 0


async def test_a_file_of_one_sheet_may_refer_to_what_the_database_has(
    sessions: Sessions, tmp_path: Path
) -> None:
    await load(sessions, tmp_path)

    report = await load(sessions, tmp_path, only("出诊安排"), put("出诊安排", 0, 诊室="309"))

    assert faults(report) == []
    assert counts(report)["出诊安排"] == (0, 1, 1)


async def test_a_file_of_one_sheet_about_an_unknown_hospital_is_refused(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await load(sessions, tmp_path, only("院区"))

    assert faults(report) == [
        "“院区”第 2 行“医院编码”列：没有编码为 H1 的医院。请先在“医院”里添加，或改正编码",
        "“院区”第 3 行“医院编码”列：没有编码为 H1 的医院。请先在“医院”里添加，或改正编码",
    ]


async def test_a_clash_with_a_schedule_that_is_not_in_the_file_is_told(
    sessions: Sessions, tmp_path: Path
) -> None:
    await load(sessions, tmp_path)

    report = await load(
        sessions,
        tmp_path,
        only("出诊安排"),
        put("出诊安排", 0, 午别="下午", 开始时间=time(11), 结束时间=time(13), 诊室="309"),
    )

    assert faults(report) == [
        (
            "“出诊安排”第 2 行“医生工号”列：医生 1001 从 2026-01-01 起 周一 08:00-12:00 已有出诊安排"
            "（诊室 301，不在这个文件里），与本行的 11:00-13:00（诊室 309）重叠。原安排没有改动，"
            "请改正时间，或先给原安排填结束日期"
        )
    ]


async def test_two_doctors_may_swap_rooms_in_one_file(sessions: Sessions, tmp_path: Path) -> None:
    same_day = put("出诊安排", 1, 星期="周一")
    await load(sessions, tmp_path, same_day)

    report = await load(
        sessions, tmp_path, same_day, put("出诊安排", 0, 诊室="302"), put("出诊安排", 1, 诊室="301")
    )

    assert faults(report) == []
    assert counts(report)["出诊安排"] == (0, 2, 0)


async def test_a_photo_stays_when_its_doctor_is_imported_again(sessions: Sessions, tmp_path: Path) -> None:
    await load(sessions, tmp_path)
    async with transaction(sessions) as db:
        hospital = await db.scalar(select(Hospital))
        assert hospital is not None
        drawn = Drawn(content=b"jpeg", width=1, height=1)
        photo = await keep_picture(db, drawn, hospital_id=hospital.id, actor="system")
        await db.execute(update(Doctor).where(Doctor.code == "1001").values(photo_id=photo.id))
        hospital.picture_ids = [photo.id]

    await load(sessions, tmp_path, put("医生", 0, 姓名="林静姝"), put("医院", 0, 地址="康宁路 2 号"))

    async with transaction(sessions) as db:
        doctor = await db.scalar(select(Doctor).where(Doctor.code == "1001"))
        hospital = await db.scalar(select(Hospital))
    assert doctor is not None
    assert hospital is not None
    assert (doctor.name, doctor.photo_id) == ("林静姝", photo.id)
    assert (hospital.address, hospital.picture_ids) == ("康宁路 2 号", [photo.id])


async def test_two_imports_at_once_go_one_after_the_other(sessions: Sessions, tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "h.xlsx", sheets())

    reports = await asyncio.gather(*(load_workbook(sessions, path) for _ in range(3)))

    assert [faults(report) for report in reports] == [[], [], []]
    assert sorted(report.is_unchanged for report in reports) == [False, True, True]
    assert await count(sessions, Hospital) == 1


async def test_what_is_exported_imports_unchanged(sessions: Sessions, tmp_path: Path) -> None:
    await load(
        sessions,
        tmp_path,
        put("医院", 0, 简介="'=HYPERLINK(1)", 就医须知="第一条\n+ 第二条", 电话="+86 571 00000000"),
        put("医院", 0, 纬度=30.123456, 启用="否"),
        put("医生", 0, 擅长="-- 高血压；@冠心病", 简介="“引号”，逗号,\n换行"),
        put("科室", 1, 限性别="女", 最小年龄=14, 最大年龄=60, 排序=-3),
        put("出诊安排", 0, 结束日期=date(2027, 1, 31), 节假日="照常", 号别与医生不同="是", 结束后续约="是"),
        put("价格", 0, **{"金额（元）": 0.29}),
    )

    rows = await export_workbook(sessions, tmp_path / "out.xlsx", codes=["H1"])
    report = await load_workbook(sessions, tmp_path / "out.xlsx")

    assert rows == {"hospital": 1, "campus": 2, "department": 2, "doctor": 2, "fee": 2, "schedule": 2}
    assert faults(report) == []
    assert report.is_unchanged
    async with transaction(sessions) as db:
        kept = select(ScheduleTemplate.own_level, ScheduleTemplate.sells_after_end)
        assert {tuple(row) for row in await db.execute(kept)} == {(True, True), (False, False)}


def test_a_weekly_clinic_in_a_workbook_is_all_that_a_route_takes() -> None:
    named_by_codes = {"hospital_id", "doctor_id", "department_id", "campus_id"}
    of_a_file = {"number", "sheet", "unread", "hospital", "doctor", "department", "campus"}

    taken = {field.name for field in dataclasses.fields(TemplateRow)} - named_by_codes

    assert set(ScheduleRow.__struct_fields__) - of_a_file == taken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
async def test_a_folder_of_csv_files_means_the_same_as_the_workbook(
    sessions: Sessions, tmp_path: Path, encoding: str
) -> None:
    await load(sessions, tmp_path)

    report = await load_workbook(sessions, write_csv(tmp_path / "csv", sheets(), encoding=encoding))

    assert faults(report) == []
    assert report.is_unchanged


async def test_the_empty_template_is_refused_since_its_examples_are_skipped(
    sessions: Sessions, tmp_path: Path
) -> None:
    write_template(tmp_path / "t.xlsx")

    report = await load_workbook(sessions, tmp_path / "t.xlsx")

    assert faults(report) == [
        ("文件里没有可以导入的行（19 行是说明、列名或示例，已跳过），什么都没有导入。请从列名下面一行起填写")
    ]
    assert report.is_refused


async def test_a_file_that_is_no_workbook_is_a_fault_and_no_crash(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"%PDF-1.7")

    report = await load_workbook(sessions, tmp_path / "a.xlsx")

    assert faults(report) == ["a.xlsx 不是 Excel 或 CSV 文件，请另存为 .xlsx 再导入"]


async def test_what_there_is_to_do_is_told_first_and_progress_sheet_by_sheet(
    sessions: Sessions, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []

    await load_workbook(
        sessions,
        write_xlsx(tmp_path / "h.xlsx", sheets()),
        progress=lambda title, done, total: told.append((title, done, total)),
    )

    assert [(title, total) for title, done, total in told[:6] if done == 0] == [
        ("医院", 1),
        ("院区", 2),
        ("科室", 2),
        ("医生", 2),
        ("价格", 2),
        ("出诊安排", 2),
    ]
    assert told[6:9] == [("医院", 1, 1), ("院区", 1, 2), ("院区", 2, 2)]
    assert told[-1] == ("出诊安排", 2, 2)


async def _materialise(sessions: Sessions) -> None:
    made = 1
    while made:
        async with transaction(sessions) as db:
            made = await materialise_due(db)


async def test_a_changed_schedule_reaches_the_sessions_that_were_made(
    sessions: Sessions, tmp_path: Path
) -> None:
    await load(sessions, tmp_path)
    await _materialise(sessions)

    await load(sessions, tmp_path, put("出诊安排", 0, 诊室="309", 结束时间=time(10), 每时段号数=2))
    await _materialise(sessions)

    async with transaction(sessions) as db:
        later = ClinicSession.date > local_date(utc_now())
        rooms = set(await db.scalars(select(ClinicSession.room).where(later)))
        slots = select(Slot.session_id, func.count(), func.sum(Slot.capacity)).group_by(Slot.session_id)
        of_room = slots.join(ClinicSession, ClinicSession.id == Slot.session_id).where(
            later, ClinicSession.room == "309"
        )
        sizes = {(count, places) for _, count, places in await db.execute(of_room)}
    assert rooms == {"309", "302"}
    assert sizes == {(4, 8)}
