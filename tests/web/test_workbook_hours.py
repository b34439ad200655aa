"""Hours of the clinics in a workbook: every spelling of midnight is an end, and an export says 24:00."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook as open_book
from sqlalchemy import select

from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import ClinicSession, ScheduleTemplate
from guahao.scheduling.service.materialise import materialise_due
from guahao.web.workbook.check import check, with_levels
from guahao.web.workbook.export import export_workbook
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.read import Reading
from guahao.web.workbook.rows import Workbook
from tests.factories.scheduling import slots_of
from tests.factories.workbook import Change, headers, put, read_at, sheets, write_csv, write_xlsx

pytestmark = pytest.mark.anyio
TITLE = "出诊安排"
EVENING = put(TITLE, 0, 午别="晚上", 开始时间=time(18), 结束时间="24:00", 每时段号数=6, 节假日="照常")
MIDNIGHT = EndTime(timedelta(days=1))
NO_TIME = "不是时间。请用 24 小时制，写成 08:30 这样的形式"
END_OF_DAY = "24:00 是一天的结束，只能填在结束时间里；从零点开始请写 00:00"


def read(tmp_path: Path, change: Change) -> Reading:
    return read_at(write_xlsx(tmp_path / "h.xlsx", sheets(EVENING, change)))


def faults(tmp_path: Path, change: Change) -> list[str]:
    reading = read(tmp_path, change)
    found = reading.faults or check(with_levels(reading.book, Workbook()), Workbook(), today=date(2026, 6, 1))
    return [str(fault) for fault in found]


def with_number(tmp_path: Path, value: float, shown_as: str) -> Path:
    """A file whose first clinic ends at a number that Excel shows in this format."""
    path = write_xlsx(tmp_path / "n.xlsx", sheets(EVENING))
    book = open_book(path)
    cell = book[TITLE].cell(2, headers(TITLE).index("结束时间") + 1)
    cell.value, cell.number_format = value, shown_as
    book.save(path)
    return path


@pytest.mark.parametrize(
    "ends",
    [
        "24:00",
        "24：00",
        "２４：００",
        "24:00:00",
        "24点",
        "24时00分",
        "00:00",
        time(0),
        timedelta(days=1),
        timedelta(),
    ],
)
def test_midnight_is_an_end_however_it_is_written(tmp_path: Path, ends: object) -> None:
    reading = read(tmp_path, put(TITLE, 0, 结束时间=ends))

    assert reading.faults == []
    assert (reading.book.schedule[0].starts, reading.book.schedule[0].ends) == (time(18), MIDNIGHT)


@pytest.mark.parametrize("shown_as", ["[h]:mm", "[hh]:mm", "[h]:mm:ss", "h:mm", "hh:mm", "h:mm AM/PM"])
def test_midnight_is_an_end_however_excel_shows_the_number(tmp_path: Path, shown_as: str) -> None:
    one, almost = (read_at(with_number(tmp_path, value, shown_as)) for value in (1.0, 0.99999999))

    assert (one.faults, almost.faults) == ([], [])
    assert [book.schedule[0].ends for book in (one.book, almost.book)] == [MIDNIGHT, MIDNIGHT]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"开始时间": "24:00", "结束时间": "24:00"}, f"“开始时间”列：{END_OF_DAY}"),
        ({"开始时间": timedelta(days=1)}, f"“开始时间”列：{END_OF_DAY}"),
        (
            {"开始时间": "22:00", "结束时间": "02:00"},
            (
                "“结束时间”列：结束时间 02:00 不晚于开始时间 22:00，请改正；"
                "要跨过零点的，请分成两天，前一天到 24:00 为止"
            ),
        ),
        ({"结束时间": timedelta(hours=26)}, f"“结束时间”列：“26:00”{NO_TIME}"),
        ({"结束时间": "25:00"}, f"“结束时间”列：“25:00”{NO_TIME}"),
        ({"结束时间": time(20, 0, 30)}, "“结束时间”列：时间只到分钟，请去掉秒"),
        ({"结束时间": datetime(2026, 1, 1)}, f"“结束时间”列：“2026-01-01”{NO_TIME}"),  # noqa: DTZ001
        (
            {"星期": timedelta(days=1)},
            "“星期”列：“24:00”不在可选范围内。请从这些里选：周一、周二、周三、周四、周五、周六、周日",
        ),
        ({"时段分钟": timedelta(days=1)}, "“时段分钟”列：“24:00”不对。请填 5 到 30 的整数"),
    ],
)
def test_hours_that_are_none_are_told_at_their_cell_as_they_are_seen(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    assert faults(tmp_path, put(TITLE, 0, **change)) == [f"“{TITLE}”第 2 行{sentence}"]


def test_two_clinics_of_an_evening_until_midnight_overlap_and_midnight_divides_two_days(
    tmp_path: Path,
) -> None:
    both = {"医生工号": "1001", "星期": "周一", "午别": "下午", "号别": "专家", "诊室": "305"}
    late = put(TITLE, 1, **both, 开始时间="20:00", 结束时间="22:00")
    next_day = put(TITLE, 1, **both | {"星期": "周二"}, 开始时间="00:00", 结束时间="02:00")

    assert [one.split("已在")[0] for one in faults(tmp_path, late)] == [
        f"“{TITLE}”第 3 行“医生工号”列：医生 1001 周一 18:00-24:00 "
    ]
    assert faults(tmp_path, next_day) == []


async def test_a_clinic_until_midnight_is_imported_planned_and_exported_unchanged(
    sessions: Sessions, tmp_path: Path
) -> None:
    every_day = put(TITLE, 0, 星期=f"周{'一二三四五六日'[local_date(utc_now()).weekday()]}")
    first = await load_workbook(sessions, write_xlsx(tmp_path / "h.xlsx", sheets(EVENING, every_day)))
    async with transaction(sessions) as db:
        await materialise_due(db)
    async with transaction(sessions) as db:
        stored = set(await db.scalars(select(ScheduleTemplate.ends)))
        evenings = select(ClinicSession).where(ClinicSession.period == "evening")
        session = (await db.scalars(evenings.order_by(ClinicSession.date.desc()))).first()
        assert session is not None
        slots = await slots_of(db, session)

    await export_workbook(sessions, tmp_path / "out.xlsx", codes=["H1"])
    again = await load_workbook(sessions, tmp_path / "out.xlsx")
    from_csv = await load_workbook(
        sessions, write_csv(tmp_path / "csv", sheets(EVENING, every_day), encoding="utf-8")
    )

    assert [str(fault) for fault in first.faults] == []
    assert (again.is_unchanged, from_csv.is_unchanged) == (True, True)
    assert {str(end) for end in stored} == {"12:00", "24:00"}
    assert [slot.capacity for slot in slots] == [6] * 12
    assert slots[-1].ends_at == at_local(session.date + timedelta(days=1), time())
    column = headers(TITLE).index("结束时间") + 1
    cells = [row[column - 1] for row in open_book(tmp_path / "out.xlsx")[TITLE].iter_rows(min_row=2)]
    assert sorted((cell.value, cell.number_format) for cell in cells) == [
        (timedelta(hours=12), "[hh]:mm"),
        (timedelta(days=1), "[hh]:mm"),
    ]
