"""What became of what was seen in a file: nothing is left out without being counted and said."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook as Book
from openpyxl import load_workbook

from guahao.kernel.sheet.archive import SourceFile, read_files
from guahao.kernel.value.hours import EndTime
from guahao.web.workbook.check import check, with_levels
from guahao.web.workbook.columns import definition
from guahao.web.workbook.read import Reading, reading_of
from guahao.web.workbook.reading import read_workbook
from guahao.web.workbook.rows import Workbook
from tests.factories.ooxml import edit_sheet, prefixed, rewritten, strict_parts, workbook
from tests.factories.workbook import Change, headers, put, read_at, sheets, write_csv, write_xlsx

_OUT_OF_RANGE = "不在 2000-01-01 到 2199-12-31 之间，请改正；结束日期长期有效就留空"
_NO_TIME = "不是时间。请用 24 小时制，写成 08:30 这样的形式"
_TITLES = [sheet.title for sheet in definition().sheets.values()]


def read(content: bytes, name: str = "a.xlsx") -> Reading:
    return reading_of(read_files([SourceFile(name=name, data=content)]))


def changed(folder: Path, change: Any) -> Reading:  # a function on openpyxl's workbook
    """Read a valid workbook after a change by openpyxl."""
    path = write_xlsx(folder / "a.xlsx", sheets())
    book = load_workbook(path)
    change(book)
    book.save(path)
    return read_at(path)


def remarks(reading: Reading) -> list[tuple[str, str, int, int]]:
    return [(one.sheet, one.code, one.row, one.count) for one in reading.remarks]


def adds_up(reading: Reading) -> bool:
    return all(
        account.seen == account.read + account.refused + sum(account.skipped.values())
        for account in reading.accounts
    )


def test_a_plain_file_is_read_to_the_last_row(tmp_path: Path) -> None:
    reading = read(workbook(tmp_path))

    assert reading.remarks == []
    assert [(one.name, one.seen, one.read, one.skipped) for one in reading.accounts] == [
        (title, 1 + len(rows), len(rows), {"heading": 1}) for title, rows in sheets().items()
    ]


def test_hidden_rows_and_columns_are_read_and_said(tmp_path: Path) -> None:
    def hide(book: Book) -> None:
        book["医生"].row_dimensions[3].hidden = True
        book["医生"].column_dimensions["C"].hidden = True

    reading = changed(tmp_path, hide)

    assert [row.name for row in reading.book.doctor] == ["林清晏", "沈云舒"]
    assert remarks(reading) == [("医生", "hidden_rows", 3, 1), ("医生", "hidden_columns", 0, 1)]
    assert reading.remarks[0].message == "有 1 个隐藏的行（第 3 行），已照常读取。不想导入请删除这些行"
    assert str(reading.remarks[1]) == "“医生”：有 1 个隐藏的列（C 列），已照常读取"


def test_a_hidden_sheet_is_not_read_and_said(tmp_path: Path) -> None:
    def hide(book: Book) -> None:
        book["科室"].sheet_state = "hidden"
        other = book.create_sheet("字典")
        other.append(["x"])
        other.sheet_state = "veryHidden"

    reading = changed(tmp_path, hide)

    assert reading.faults == []
    assert reading.book.department == ()
    assert remarks(reading) == [("科室", "hidden_sheet", 0, 3), ("字典", "hidden_sheet", 0, 1)]
    assert {one.name: one.skipped for one in reading.accounts}["科室"] == {"hidden_sheet": 3}


def test_cells_below_no_heading_are_said(tmp_path: Path) -> None:
    last = len(headers("医生"))

    def note(book: Book) -> None:
        book["医生"].cell(2, last + 1, "问过本人")
        book["医生"].cell(3, last + 1, "待定")

    reading = changed(tmp_path, note)

    assert reading.faults == []
    assert remarks(reading) == [("医生", "no_heading_above", 2, 2)]


def test_formulas_are_said_and_one_without_a_result_is_an_error_in_every_dialect(tmp_path: Path) -> None:
    def formula(book: Book) -> None:
        book["医生"].cell(2, headers("医生").index("简介") + 1, '="a"&"b"')

    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    book = load_workbook(path)
    formula(book)
    book.save(path)
    content = path.read_bytes()
    for variant in (content, prefixed(content), strict_parts(content)):
        assert [(one.row, one.column, one.code) for one in read(variant).faults] == [(2, "简介", "no_result")]

    saved = edit_sheet(
        content,
        4,
        lambda xml: xml.replace(b"</f><v></v>", b"</f><v>3</v>").replace(b"</f><v />", b"</f><v>3</v>"),
    )
    assert remarks(read(saved)) == [("医生", "formulas", 0, 1)]


@pytest.mark.parametrize("row", [200_001, 250_000, 1_048_576])
def test_a_row_far_below_is_refused(tmp_path: Path, row: int) -> None:
    reading = changed(tmp_path, lambda book: book["医生"].cell(row, 2, "1009"))

    assert [(one.sheet, one.row, one.code) for one in reading.faults] == [("医生", row, "far_cells")]
    assert adds_up(reading)


def test_a_cell_far_to_the_right_is_refused(tmp_path: Path) -> None:
    reading = changed(tmp_path, lambda book: book["医生"].cell(2, 61, "x"))

    assert [str(one) for one in reading.faults] == [
        (
            "“医生”第 2 行：BI2 等 1 行在第 60 列或第 20 万行以外还有内容，离表格太远，不会被读到。"
            "请移到表格里，或删除"
        )
    ]


def _empty(_: Path) -> Book:
    return Book()


def _only_headings(_: Path) -> Book:
    book = Book()
    for title in _TITLES:
        book.create_sheet(title).append(headers(title))
    return book


def _all_hidden(folder: Path) -> Book:
    book = load_workbook(write_xlsx(folder / "b.xlsx", sheets()))
    for page in book.worksheets:
        page.sheet_state = "hidden"
    book.create_sheet("说明").append(["x"])
    book.active = len(book.worksheets) - 1
    return book


@pytest.mark.parametrize(
    "content",
    [
        _empty,
        _only_headings,
        _all_hidden,
    ],
    ids=["an empty book", "headings only", "all hidden"],
)
def test_xl7_nothing_readable_is_an_error_and_never_done(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "a.xlsx"
    content(tmp_path).save(path)

    reading = read_at(path)

    assert [one.code for one in reading.faults] in (["no_sheet"], ["no_rows"])
    assert not reading.is_usable


def test_xl7_known_sheets_without_a_heading_are_an_error_each(tmp_path: Path) -> None:
    reading = changed(tmp_path, lambda book: [book[title].delete_rows(1) for title in _TITLES])

    assert [(one.sheet, one.code) for one in reading.faults] == [(title, "no_heading") for title in _TITLES]
    assert adds_up(reading)


def test_two_sheets_of_one_name_are_both_named(tmp_path: Path) -> None:
    def copy(book: Book) -> None:
        twin = book.create_sheet("医生 ")
        for row in book["医生"].iter_rows(values_only=True):
            twin.append(row)

    reading = changed(tmp_path, copy)
    faults = check(with_levels(reading.book, Workbook()), Workbook(), today=date(2026, 11, 22))

    assert [one.name for one in reading.accounts if one.name.startswith("医生")] == ["医生", "医生 "]
    assert [str(one) for one in faults] == [
        "“医生 ”第 2 行“医生工号”列：与“医生”第 2 行重复（医院编码、医生工号相同），请删除一行或改正",
        "“医生 ”第 3 行“医生工号”列：与“医生”第 3 行重复（医院编码、医生工号相同），请删除一行或改正",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            put("出诊安排", 0, 开始日期=datetime(1905, 7, 18)),  # noqa: DTZ001  # 2026 typed into a date cell
            "“出诊安排”第 2 行“开始日期”列：1905-07-18 " + _OUT_OF_RANGE,
        ),
        (
            put("价格", 0, 生效日期="1999-12-31"),
            "“价格”第 2 行“生效日期”列：1999-12-31 " + _OUT_OF_RANGE,
        ),
        (
            put("出诊安排", 0, 结束日期="2206-01-01"),
            "“出诊安排”第 2 行“结束日期”列：2206-01-01 " + _OUT_OF_RANGE.replace("12-31", "12-30"),
        ),
        (
            put("出诊安排", 0, 开始日期="9999-12-31"),
            "“出诊安排”第 2 行“开始日期”列：9999-12-31 " + _OUT_OF_RANGE,
        ),
        (
            put("出诊安排", 0, 开始时间=timedelta(days=1)),
            "“出诊安排”第 2 行“开始时间”列：24:00 是一天的结束，只能填在结束时间里；从零点开始请写 00:00",
        ),
        (
            put("出诊安排", 0, 开始时间=datetime(2026, 1, 1)),  # noqa: DTZ001
            "“出诊安排”第 2 行“开始时间”列：“2026-01-01”" + _NO_TIME,
        ),
        (
            put("院区", 0, 院区编码=timedelta(days=1, hours=2)),
            (
                "“院区”第 2 行“院区编码”列：Excel 把它变成了日期或时间（26:00）。"
                "请把单元格格式设为“文本”，再重新输入"
            ),
        ),
    ],
)
def test_days_and_times_out_of_range_are_told_at_their_cell(
    tmp_path: Path, change: Change, sentence: str
) -> None:
    reading = read_at(write_xlsx(tmp_path / "a.xlsx", sheets(change)))

    assert [str(one) for one in reading.faults] == [sentence]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "9999-12-31",
            "9999/12/31",
            "99991231",
            "2999-12-31",
            "长期",
            "长期有效",
            "永久",
            "无",
            "-",
        ),
        date(9999, 12, 31),
        datetime(9999, 12, 31),  # noqa: DTZ001
        None,
    ],
)
def test_for_ever_is_no_last_day(tmp_path: Path, value: object) -> None:
    reading = read_at(write_xlsx(tmp_path / "a.xlsx", sheets(put("出诊安排", 0, 结束日期=value))))

    assert reading.faults == []
    assert reading.book.schedule[0].valid_until is None


@pytest.mark.parametrize("serial", ["2958466", "20260101", "-5", "60"])
def test_a_number_that_is_no_day_is_told_as_no_date(tmp_path: Path, serial: str) -> None:
    content = workbook(tmp_path)
    column = headers("价格").index("生效日期")
    letter = "ABCDEFG"[column]
    start = f'<c r="{letter}2"'.encode()

    def edit(xml: bytes) -> bytes:
        before, cell = xml.split(start, 1)
        return before + start + cell.replace(b"<v>46023</v>", f"<v>{serial}</v>".encode(), 1)

    reading = read(edit_sheet(content, 5, edit))

    assert [str(one) for one in reading.faults] == [
        f"“价格”第 2 行“生效日期”列：“{serial}”不是日期。请写成 2026-01-31 这样的形式"
    ]


def test_a_folder_of_csv_says_which_files_are_no_tables(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets(), encoding="utf-16")
    (folder / "读我.docx").write_bytes(b"PK")
    (folder / "._医生.csv").write_bytes(b"\x00\x05")
    (folder / ".DS_Store").write_bytes(b"\x00")

    reading = read_at(folder)

    assert (reading.faults, len(reading.book.doctor)) == ([], 2)
    assert [str(one) for one in reading.remarks] == ["有 1 项不是表格，没有读：读我.docx"]


_ROW = st.sampled_from(["good", "bad", "blank", "spaces", "example", "far", "hidden", "note"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_ROW, max_size=12),
    state=st.sampled_from(["visible", "hidden", "veryHidden"]),
    title=st.sampled_from(["医院", "院区 ", "字典", "说明"]),
    titles_above=st.integers(0, 2),
    has_heading=st.booleans(),
)
def test_every_row_that_is_seen_is_read_refused_or_skipped_for_a_reason(
    tmp_path: Path, rows: list[str], state: str, title: str, titles_above: int, *, has_heading: bool
) -> None:
    book = Book()
    book.worksheets[0].title = "说明页"
    page = book.create_sheet(title)
    number = 0
    for _ in range(titles_above):
        number += 1
        page.cell(number, 1, "云溪市")
    names = headers(title.strip()) if title.strip() in _TITLES else ["a", "b", "c"]
    if has_heading:
        number += 1
        for column, name in enumerate(names, 1):
            page.cell(number, column, name)
    filled = titles_above + has_heading
    for kind in rows:
        number += 1
        filled += kind not in ("blank", "spaces")
        _fill(page, number, kind)
    page.sheet_state = state
    path = tmp_path / "a.xlsx"
    book.save(path)

    reading = read_at(path)

    (account,) = [one for one in reading.accounts if one.seen or one.name.strip() == title.strip()]
    assert account.seen == filled
    assert adds_up(reading)
    assert reading.faults or sum(one.read for one in reading.accounts)
    if account.skipped.get("hidden_sheet"):
        assert ("hidden_sheet", filled) in [(one.code, one.count) for one in reading.remarks]


def _fill(page: Any, number: int, kind: str) -> None:  # openpyxl's worksheet
    code = {"example": "示例：H", "spaces": "  ", "bad": "a/b"}.get(kind, f"H{number}")
    if kind == "blank":
        return
    if kind == "far":
        page.cell(number, 70, "x")
        return
    page.cell(number, 1, code)
    if kind == "spaces":
        return
    page.cell(number, 2, f"C{number}")
    page.cell(number, 3, "名称")
    if kind == "hidden":
        page.row_dimensions[number].hidden = True
    if kind == "note":
        page.cell(number, 40, "备注")


def test_a_zip_of_sheets_made_on_a_mac_is_read(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets(), encoding="utf-8")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in folder.iterdir():
            archive.writestr(f"导出/{file.name}", file.read_bytes())
            archive.writestr(f"__MACOSX/导出/._{file.name}", b"\x00\x05\x16\x07\x00\x02\x00\x00")
        archive.writestr("导出/.DS_Store", b"\x00\x00\x00\x01Bud1")

    reading = read(out.getvalue(), "a.zip")

    assert (reading.faults, reading.remarks) == ([], [])
    assert [row.ends for row in reading.book.schedule] == [EndTime.at(time(12))] * 2


def test_excels_codes_in_a_text_are_undone(tmp_path: Path) -> None:
    content = workbook(tmp_path, sheets(put("医院", 0, 简介="第一行\n第二行", 就医须知="须知一\n须知二")))
    coded = rewritten(
        content,
        lambda _, data: data.replace("第一行".encode(), "第一行_x000D_".encode()).replace(
            "须知一".encode(), "须知一_x000D_".encode()
        ),
    )

    [hospital] = read(coded).book.hospital

    assert (hospital.intro, hospital.notices) == ("第一行\n第二行", ("须知一", "须知二"))


def test_merged_codes_and_a_sum_below_are_refused_at_their_cells(tmp_path: Path) -> None:
    def spoil(book: Book) -> None:
        doctors = book["医生"]
        doctors.merge_cells(start_row=2, end_row=3, start_column=1, end_column=1)
        book["价格"].append(["合计", None, None, 50])

    reading = changed(tmp_path, spoil)

    found = [(one.sheet, one.row, one.column) for one in reading.faults]
    assert found[0] == ("医生", 3, "医院编码")
    assert found[1:] == [("价格", 4, name) for name in ("价格类型", "号别", "金额（元）", "生效日期")]
    assert adds_up(reading)


def test_thirty_thousand_blank_rows_below_change_nothing(tmp_path: Path) -> None:
    def lengthen(book: Book) -> None:
        page = book["医生"]
        for number in range(len(sheets()["医生"]) + 2, 30_000):
            page.cell(number, 1, " " if number % 2 else None)

    reading = changed(tmp_path, lengthen)

    assert (reading.faults, reading.remarks, len(reading.book.doctor)) == ([], [], 2)


def _full_height(last: int, cells: bytes) -> bytes:
    return b"".join(b'<row r="%d">%s</row>' % (number, cells) for number in range(4, last + 1))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((1_048_576, b'<c s="0"/>'), id="formatted to the last row"),
        pytest.param((200_000, b'<c s="0"/>' * 10), id="ten empty cells in each"),
    ],
)
async def test_a_sheet_that_is_formatted_to_its_end_is_read_within_the_limits(
    tmp_path: Path, rows: tuple[int, bytes]
) -> None:
    below = _full_height(*rows)
    content = edit_sheet(
        workbook(tmp_path), 4, lambda xml: xml.replace(b"</sheetData>", below + b"</sheetData>")
    )

    reading = await read_workbook([SourceFile(name="a.xlsx", data=content)])

    assert (reading.faults, reading.remarks, len(reading.book.doctor)) == ([], [], 2)
