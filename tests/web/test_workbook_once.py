"""Everything that is wrong with a file comes out of one dry run, and nothing that is not wrong."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest
from openpyxl import load_workbook as open_book
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department, Doctor, DoctorDepartment, Hospital
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.web.workbook.export import export_workbook
from guahao.web.workbook.load import load_into, load_workbook, tell_nobody
from guahao.web.workbook.report import Choice, ImportReport, Sender
from tests.factories.workbook import Change, add, headers, put, read_at, sheets, write_xlsx

pytestmark = pytest.mark.anyio

NOT_A_LEVEL = {"号别": "教授"}


async def check(sessions: Sessions, tmp_path: Path, *changes: Change) -> ImportReport:
    path = write_xlsx(tmp_path / "h.xlsx", sheets(*changes))
    return await load_workbook(sessions, path, dry_run=True)


def told(report: ImportReport) -> list[tuple[str, int, str, str]]:
    return [(fault.sheet, fault.row, fault.column, fault.code) for fault in report.faults]


def adds_up(report: ImportReport) -> bool:
    return all(one.seen == one.read + one.refused + sum(one.skipped.values()) for one in report.accounts)


async def checked_with_heading(
    sessions: Sessions, tmp_path: Path, sheet: str, header: str, *changes: Change
) -> ImportReport:
    """Check a file in which this heading is spelled wrong."""
    path = write_xlsx(tmp_path / "h.xlsx", sheets(*changes))
    book = open_book(path)
    book[sheet].cell(1, headers(sheet).index(header) + 1, "备用")
    book.save(path)
    return await load_workbook(sessions, path, dry_run=True)


async def test_xl1_faults_of_every_kind_come_out_of_one_dry_run_in_the_order_of_the_file(
    sessions: Sessions, db: AsyncSession, tmp_path: Path
) -> None:
    report = await check(
        sessions,
        tmp_path,
        put("医院", 0, 经度=None, 启用="可以"),
        add("院区", 1),
        put("科室", 0, 诊疗科目代码="99.99", 最小年龄=60, 最大年龄=14),
        put("科室", 1, 上级科室编码="WK"),
        put("医生", 1, 姓名=None, 科室编码="XNK、QQQ"),
        add("价格", 0, 医生工号="9999", **{"金额（元）": 12.345}),
        put("出诊安排", 0, 结束时间=time(7), 院区编码="XX"),
        put("出诊安排", 1, 开始时间="25:00", 医生工号="0001"),
        add("出诊安排", 1, 开始时间=time(8), 星期="周三", 医生工号="1002"),
        add("出诊安排", 1, 开始时间=time(9), 医生工号="1002", 星期="周三", 午别="下午", 诊室="309"),
        add("出诊安排", 1, 开始时间=time(8), 医生工号="1001", 星期="周三", 号别="普通"),
    )

    assert told(report) == [
        ("医院", 2, "经度", "map_point"),
        ("医院", 2, "启用", "choice"),
        ("院区", 4, "院区编码", "duplicate"),
        ("科室", 2, "诊疗科目代码", "national_code"),
        ("科室", 2, "最大年龄", "ages"),
        ("科室", 3, "上级科室编码", "unknown_code"),
        ("医生", 3, "姓名", "required"),
        ("医生", 3, "科室编码", "unknown_code"),
        ("价格", 4, "医生工号", "unknown_code"),
        ("价格", 4, "金额（元）", "money"),
        ("出诊安排", 2, "院区编码", "unknown_code"),
        ("出诊安排", 2, "结束时间", "ends_before_start"),
        ("出诊安排", 3, "医生工号", "unknown_code"),
        ("出诊安排", 3, "开始时间", "time"),
        ("出诊安排", 5, "医生工号", "doctor_busy"),
        ("出诊安排", 6, "诊室", "room_busy"),
        ("出诊安排", 6, "号别", "level_differs"),
    ]
    assert (report.is_refused, adds_up(report)) == (True, True)
    assert await db.scalar(select(func.count()).select_from(Hospital)) == 0


async def test_xl1_forty_broken_references_and_cells_are_all_listed(
    sessions: Sessions, tmp_path: Path
) -> None:
    doctors = [add("医生", 0, 医生工号=f"{2000 + n}", 科室编码=f"Q{n}") for n in range(20)]
    doctors += [add("医生", 0, 医生工号=f"{3000 + n}", **NOT_A_LEVEL) for n in range(20)]

    for choice in Choice:
        path = write_xlsx(tmp_path / "h.xlsx", sheets(*doctors))
        report = await load_workbook(sessions, path, dry_run=True, choice=choice)

        rows = [fault for fault in report.faults if fault.row]
        assert [fault.row for fault in rows] == list(range(4, 44))
        assert [fault.value for fault in rows[:2]] == ["Q0", "Q1"]
        assert {fault.code for fault in rows[20:]} == {"choice"}
        assert adds_up(report)


@pytest.mark.parametrize(
    ("sheet", "cells"),
    [
        ("医院", {"医院类型": "大医院"}),
        ("院区", {"启用": "可以"}),
        ("科室", {"限性别": "女性"}),
        ("医生", NOT_A_LEVEL),
        ("医生", {"科室编码": "X K"}),
        ("价格", {"金额（元）": "免费"}),
        ("价格", {"号别": "教授"}),
        ("价格", {"生效日期": "明天"}),
        ("价格", {"医生工号": "1 0"}),
        ("价格", {"医院编码": None}),
        ("出诊安排", {"医院编码": None}),
        ("出诊安排", {"开始时间": "早上"}),
        ("出诊安排", NOT_A_LEVEL),
        ("出诊安排", {"开始日期": "明天"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
async def test_xl1_what_refers_to_a_faulty_row_is_not_accused(
    sessions: Sessions, tmp_path: Path, sheet: str, cells: dict[str, object]
) -> None:
    index = 1 if sheet == "科室" else 0

    report = await check(sessions, tmp_path, put(sheet, index, **cells))

    assert [place[:3] for place in told(report)] == [(sheet, index + 2, next(iter(cells)))]


async def test_xl1_what_refers_to_a_row_without_a_readable_hospital_is_not_accused(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await check(sessions, tmp_path, put("医生", 0, 医院编码="H 1"), put("科室", 1, 医院编码=None))

    assert told(report) == [("科室", 3, "医院编码", "required"), ("医生", 2, "医院编码", "code_sign")]


async def test_xl1_a_code_that_may_be_of_the_row_without_one_is_told_so(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await check(sessions, tmp_path, put("医生", 0, 医生工号=None))

    assert told(report) == [
        ("医生", 2, "医生工号", "required"),
        ("出诊安排", 2, "医生工号", "unknown_code_maybe"),
    ]
    assert report.faults[1].message == (
        "“医生”里没有医生工号 1001。如果指的是“医生”第 2 行，请改正那一行的医生工号；"
        "否则请在“医生”里添加，或改正编码"
    )


async def test_xl1_a_file_without_a_column_is_read_for_its_other_faults(
    sessions: Sessions, tmp_path: Path
) -> None:
    report = await checked_with_heading(
        sessions, tmp_path, "医生", "号别", put("医生", 1, 科室编码="QQQ"), put("出诊安排", 0, 时段分钟=45)
    )

    assert told(report) == [
        ("医生", 1, "备用", "unknown_column"),
        ("医生", 1, "号别", "column_missing"),
        ("医生", 3, "科室编码", "unknown_code"),
        ("出诊安排", 2, "时段分钟", "whole"),
    ]
    assert adds_up(report)


@pytest.mark.parametrize(
    ("sheet", "header"),
    [
        ("医生", "医生工号"),
        ("医生", "医院编码"),
        ("科室", "科室编码"),
        ("院区", "院区编码"),
        ("医院", "医院编码"),
        ("价格", "号别"),
        ("价格", "生效日期"),
        ("出诊安排", "开始时间"),
    ],
)
async def test_xl1_nothing_is_accused_of_a_column_that_is_missing_elsewhere(
    sessions: Sessions, tmp_path: Path, sheet: str, header: str
) -> None:
    report = await checked_with_heading(sessions, tmp_path, sheet, header)

    assert [fault.code for fault in report.faults] == ["unknown_column", "column_missing"]
    assert adds_up(report)


async def test_xl1_nothing_is_accused_of_a_sheet_that_is_called_otherwise(
    sessions: Sessions, tmp_path: Path
) -> None:
    path = write_xlsx(tmp_path / "h.xlsx", sheets())
    book = open_book(path)
    book["医生"].title = "医生表"
    book.save(path)

    report = await load_workbook(sessions, path, dry_run=True)

    assert [(fault.sheet, fault.code) for fault in report.faults] == [("医生表", "unknown_sheet")]


async def test_xl1_a_faulty_row_counts_for_what_it_would_change(sessions: Sessions, tmp_path: Path) -> None:
    """Against the database this doctor would not be in the department that the clinic names."""
    await load_workbook(sessions, write_xlsx(tmp_path / "first.xlsx", sheets()))

    report = await check(
        sessions,
        tmp_path,
        put("医生", 0, 科室编码="NK、XNK", **NOT_A_LEVEL),
        add("出诊安排", 0, 科室编码="NK", 星期="周三"),
    )

    assert told(report) == [("医生", 2, "号别", "choice")]


async def test_xl1_rows_of_another_hospital_are_told_beside_the_other_faults(
    sessions: Sessions, db: AsyncSession, tmp_path: Path
) -> None:
    await load_workbook(sessions, write_xlsx(tmp_path / "first.xlsx", sheets()))
    path = write_xlsx(
        tmp_path / "h.xlsx",
        sheets(put("医生", 0, 医院编码="H2", 科室编码="QQQ"), put("医生", 1, **NOT_A_LEVEL)),
    )
    by = Sender(actor="system", only="H1", is_dry_run=True)

    report = await load_into(db, read_at(path), by=by, progress=tell_nobody, now=utc_now())
    await db.rollback()

    assert told(report) == [("医生", 2, "医院编码", "other_hospital"), ("医生", 3, "号别", "choice")]
    assert report.is_refused
    assert adds_up(report)


async def test_good_rows_say_of_what_follows_a_faulty_row_that_it_is_right_by_itself(
    sessions: Sessions, tmp_path: Path
) -> None:
    doctors = [add("医生", 0, 医生工号=f"{2000 + n}") for n in range(30)]
    path = write_xlsx(tmp_path / "h.xlsx", sheets(*doctors, put("医生", 0, **NOT_A_LEVEL)))

    report = await load_workbook(sessions, path, dry_run=True, choice=Choice.GOOD_ROWS)

    assert told(report) == [("医生", 2, "号别", "choice"), ("出诊安排", 2, "医生工号", "refers_to_bad")]
    assert report.faults[1].message == (
        "本行要用到“医生”第 2 行（医生工号 1001），那一行有错误不能导入，所以本行也没有导入。"
        "本行不用改，改好那一行即可"
    )


async def test_what_does_not_fit_any_more_is_exported_and_imports_unchanged(
    sessions: Sessions, db: AsyncSession, tmp_path: Path
) -> None:
    await load_workbook(sessions, write_xlsx(tmp_path / "first.xlsx", sheets()))
    doctor = await db.scalar(select(Doctor).where(Doctor.code == "1001"))
    other = await db.scalar(select(Department).where(Department.code == "NK"))
    assert doctor is not None
    assert other is not None
    membership = update(DoctorDepartment).where(DoctorDepartment.doctor_id == doctor.id)
    await db.execute(membership.values(department_id=other.id))
    await db.commit()

    await export_workbook(sessions, tmp_path / "out.xlsx", codes=["H1"])
    report = await load_workbook(sessions, tmp_path / "out.xlsx")

    assert (report.faults, report.is_unchanged) == ((), True)


async def test_a_level_nobody_said_is_meant_is_told_at_its_cell(sessions: Sessions, tmp_path: Path) -> None:
    changes = [put("出诊安排", 0, 号别="普通"), put("出诊安排", 1, 号别="专家")]

    report = await check(sessions, tmp_path, *changes)
    meant = await check(sessions, tmp_path, *changes, put("出诊安排", 0, 号别与医生不同="是"))
    over = put("出诊安排", 1, 结束日期=date(2026, 1, 31))

    assert [str(fault) for fault in report.faults] == [
        (
            "“出诊安排”第 2 行“号别”列：医生 1001 是专家，本行的号别是普通，价格会不同。"
            "请改正号别；确实要按普通收费，请在“号别与医生不同”里填 是"
        ),
        (
            "“出诊安排”第 3 行“号别”列：医生 1002 是普通，本行的号别是专家，价格会不同。"
            "请改正号别；确实要按专家收费，请在“号别与医生不同”里填 是"
        ),
    ]
    assert [fault.row for fault in meant.faults] == [3]
    assert (await check(sessions, tmp_path, over, *changes[1:])).faults == ()
