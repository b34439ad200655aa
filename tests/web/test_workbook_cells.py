"""Cells written and read again, and the definition that template, import and export share."""

from __future__ import annotations

import csv
import io
from datetime import date, time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook as Book
from openpyxl import load_workbook

from guahao.kernel.export import Form, Sheet, as_file, whole
from guahao.web.workbook.cell import Bad, written
from guahao.web.workbook.columns import Column, definition, read_cell
from guahao.web.workbook.rows import ROWS, CampusRow, Workbook
from guahao.web.workbook.template import write_template
from guahao.web.workbook.write import shown, write_workbook
from tests.factories.workbook import headers, read_at, sheets, write_xlsx

_TEXT = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" \n"), max_size=60).map(
    lambda text: written(f"x{text}")[1:].strip()
)


def column(kind: str) -> Column:
    return Column(key="a", header="A", kind=kind, help="")


@given(st.one_of(_TEXT, _TEXT.map(lambda text: f"={text}"), _TEXT.map(lambda text: f"''-{text}")))
def test_text_comes_back_as_it_was_and_never_runs_as_a_formula(text: str) -> None:
    cell = shown(column("long_text"), text)

    assert not str(cell or "").startswith(("=", "+", "-", "@"))
    assert text == "" or read_cell(column("long_text"), cell) == text


@given(st.integers(0, 10_000_000))
def test_money_comes_back_to_the_fen(fee_fen: int) -> None:
    assert read_cell(column("money"), shown(column("money"), fee_fen)) == fee_fen


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.times().map(lambda at: time(at.hour, at.minute)))
def test_dates_and_times_come_back_as_cells_and_as_text(day: date, at: time) -> None:
    assert read_cell(column("date"), shown(column("date"), day)) == day
    assert read_cell(column("date"), f"{day}") == day
    assert read_cell(column("time"), shown(column("time"), at)) == at
    assert read_cell(column("time"), f"{at:%H:%M}") == at


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.datetimes(), st.times()))
def test_whatever_stands_in_a_cell_is_read_or_refused_with_a_sentence(
    value: str | float | bool | date | time,  # what hypothesis makes
) -> None:
    sentences = []
    for sheet in definition().sheets.values():
        for one in sheet.columns:
            try:
                read_cell(one, value)
            except Bad as refused:
                sentences.append(str(refused))

    assert all("请" in sentence for sentence in sentences)


def test_columns_are_the_fields_of_their_rows() -> None:
    for key, sheet in definition().sheets.items():
        fields = {field.name for field in msgspec.structs.fields(ROWS[key])} - {"number", "sheet", "unread"}
        assert {one.key for one in sheet.columns} == fields, key


def test_a_column_is_required_exactly_when_its_field_has_no_default() -> None:
    for key, sheet in definition().sheets.items():
        required = {field.name for field in msgspec.structs.fields(ROWS[key]) if field.required}
        assert {one.key for one in sheet.columns if one.required} == required - {"number"}, key


def test_the_template_explains_each_column_and_offers_its_choices(tmp_path: Path) -> None:
    write_template(tmp_path / "t.xlsx")

    book = load_workbook(tmp_path / "t.xlsx")

    assert book.sheetnames == ["说明", *sheets()]
    page = book["出诊安排"]
    assert page["A1"].value == "医院编码*"
    assert page["E1"].comment is not None
    assert page["E1"].comment.text == "周一 到 周日"
    offers = {str(one.sqref): one.formula1 for one in page.data_validations.dataValidation}
    assert offers["E2:E5000"] == '"周一,周二,周三,周四,周五,周六,周日"'
    assert page["B2"].number_format == "@"
    assert page["A2"].value == "示例：YXSF"


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("医院名称", "“医院”第 1 行“院名”列：不认识列“院名”。请照模板改列名，或删除这一列"),
        ("简介", "“医院”第 1 行“院名”列：不认识列“院名”。请照模板改列名，或删除这一列"),
    ],
)
def test_a_heading_that_was_changed_is_told(tmp_path: Path, heading: str, sentence: str) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    book = load_workbook(path)
    book["医院"].cell(1, headers("医院").index(heading) + 1, "院名")
    book.save(path)

    faults = read_at(path).faults

    assert [str(fault) for fault in faults] == [
        sentence,
        f"“医院”第 1 行“{heading}”列：缺少列“{heading}”，请照模板补上（可以整列空着）",
    ]


def test_headings_are_found_below_a_title_and_with_marks(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    book = load_workbook(path)
    page = book["医院"]
    page.cell(1, 1, " 医院编码 *")
    page.insert_rows(1)
    page.cell(1, 1, "云溪市医院信息表")
    book.save(path)

    reading = read_at(path)

    assert reading.faults == []
    assert [(row.number, row.code) for row in reading.book.hospital] == [(3, "H1")]


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("科式", "“科式”：不认识这个工作表。请改名为 医院、院区、科室、医生、价格、出诊安排 之一，或删除"),
        (
            "出诊安排",
            (
                "“出诊安排”：没有找到列名。请在第一行写列名，至少要有：医院编码、医生工号、科室编码、院区编码、"
                "星期、午别、开始时间、结束时间、每时段号数、诊室、开始日期"
            ),
        ),
    ],
)
def test_a_sheet_that_cannot_be_matched_is_told(tmp_path: Path, title: str, sentence: str) -> None:
    path = tmp_path / "a.xlsx"
    book = Book()
    page = book.worksheets[0]
    page.title = title
    page.append(["x", "y"])
    book.save(path)

    faults = read_at(path).faults

    assert [str(fault) for fault in faults] == [sentence]


_CODES = (
    "0012",
    "007",
    "1e5",
    "1-2",
    "=1+1",
    "-5",
    "@x",
    "'1",
    "#REF!",
    "20261130000000000018",
    "TRUE",
    "8:30",
)
_PHONES = ("010-12345678", "0571-1", "+86 571 8888-8888", "120", "00012345678", "(0571) 8888 8888")
_NAMES = ("=院", "'院", "+1", "#N/A", "0301", "3-1", "院，东、西;一", '"院"', "1e5", "2026-01-01")


def _campuses() -> list[CampusRow]:
    return [
        CampusRow(
            number=0,
            hospital="0001",
            code=code,
            name=_NAMES[place % len(_NAMES)],
            address=_NAMES[-1 - place % len(_NAMES)],
            phone=_PHONES[place % len(_PHONES)],
        )
        for place, code in enumerate(_CODES)
    ]


def _read_again(path: Path) -> list[CampusRow]:
    reading = read_at(path)
    assert reading.faults == []
    return [msgspec.structs.replace(row, number=0) for row in reading.book.campus]


def test_codes_phones_and_names_survive_a_spreadsheet_that_opens_and_saves_the_export(tmp_path: Path) -> None:
    path = tmp_path / "h.xlsx"
    write_workbook(path, Workbook(campus=tuple(_campuses())))

    book = load_workbook(path)
    book.save(tmp_path / "saved.xlsx")

    texts = [cell for row in book["院区"].iter_rows(min_row=2, max_col=5) for cell in row]
    assert {cell.data_type for cell in texts} == {"s"}
    assert {cell.number_format for cell in book["院区"]["B"][1:]} == {"@"}
    assert _read_again(path) == _read_again(tmp_path / "saved.xlsx") == _campuses()


@pytest.mark.anyio
async def test_a_csv_that_runs_nothing_is_read_back_unchanged(tmp_path: Path) -> None:
    columns = definition().sheets["campus"].columns
    rows = [[str(getattr(row, one.key)) for one in columns[:5]] + ["", "", "是"] for row in _campuses()]
    sheet = Sheet(title="院区", headings=[one.header for one in columns], rows=rows)

    file, _ = await as_file(whole(lambda: sheet), name="campuses", form=Form.CSV)
    (tmp_path / "院区.csv").write_bytes(file.content)

    assert _read_again(tmp_path / "院区.csv") == _campuses()
    lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
    assert all(not cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
