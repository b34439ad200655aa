"""What an office sees is what is read: a cell that stores something else is refused, never changed."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from guahao.kernel.sheet.archive import SourceFile, read_files
from guahao.kernel.sheet.table import Unreadable
from guahao.web.workbook.read import Reading, reading_of
from tests.factories.ooxml import edit_sheet, workbook
from tests.factories.workbook import headers, put, read_at, sheets, write_csv, write_xlsx

_DRESSED = "显示的是另一个样子，不知道该用哪一个。请把单元格格式设为“文本”（数字列设为“常规”），再重新输入"


def with_cell(folder: Path, sheet: str, header: str, value: object, number_format: str) -> Reading:
    """Read a valid workbook in which the first cell below a heading has this value and format."""
    path = write_xlsx(folder / "a.xlsx", sheets(put(sheet, 0, **{header: value})))
    book = load_workbook(path)
    book[sheet].cell(2, headers(sheet).index(header) + 1).number_format = number_format
    book.save(path)
    return read_at(path)


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def csv_of(folder: Path, sheet: str) -> bytes:
    return (write_csv(folder / "csv", sheets(), encoding="utf-8") / f"{sheet}.csv").read_bytes()


def read_csv(data: bytes) -> Reading:
    return reading_of(read_files([SourceFile(name="医生.csv", data=data)]))


@pytest.mark.parametrize(
    ("stored", "number_format", "shown"),
    [
        (7, "000", "007"),
        (1001, "0000", "1001"),
        (1001, "General", "1001"),
        (1001, "@", "1001"),
        (1001, "#,##0", "1001"),
        (13800138000, "0.00E+00", "13800138000"),
        (0.1 + 0.2, "General", "0.3"),
        (999_999_999_999_999, "0", "999999999999999"),
    ],
)
def test_a_code_is_what_its_cell_shows(tmp_path: Path, stored: float, number_format: str, shown: str) -> None:
    reading = with_cell(tmp_path, "医生", "医生工号", stored, number_format)

    assert reading.faults == []
    assert reading.book.doctor[0].code == shown


@pytest.mark.parametrize(
    ("stored", "number_format", "sentence"),
    [
        (3, "0.00", f"单元格里存的是 3，{_DRESSED}"),
        (12, '"D"0', f"单元格里存的是 12，{_DRESSED}"),
        (1234567, "000-0000", f"单元格里存的是 1234567，{_DRESSED}"),
        (5, ";;;", f"单元格里存的是 5，{_DRESSED}"),
        (0.5, "0%", f"单元格里存的是 0.5，{_DRESSED}"),
        (
            1_000_000_000_000_000,
            "0",
            (
                "Excel 只保留一个数的前 15 位，后面的已经丢了（1000000000000000）。"
                "请把单元格格式设为“文本”，再重新输入"
            ),
        ),
    ],
)
def test_a_code_that_is_not_what_its_cell_shows_is_refused(
    tmp_path: Path, stored: float, number_format: str, sentence: str
) -> None:
    reading = with_cell(tmp_path, "医生", "医生工号", stored, number_format)

    assert [(one.row, one.column, one.message) for one in reading.faults] == [(2, "医生工号", sentence)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(0, 10**17), st.integers(1, 20))
def test_no_digit_of_a_code_is_ever_changed(tmp_path: Path, stored: int, width: int) -> None:
    reading = with_cell(tmp_path, "医生", "医生工号", stored, "0" * width)

    if stored < 10**15 or len(str(stored)) < width:
        assert [row.code for row in reading.book.doctor[:1]] in ([f"{stored:0{width}d}"], [""])
    assert bool(reading.faults) == (stored >= 10**15)


@pytest.mark.parametrize("number_format", ["0.00", '"¥"#,##0.00', "0_ ", '0.0"元"'])
def test_an_amount_may_be_dressed(tmp_path: Path, number_format: str) -> None:
    reading = with_cell(tmp_path, "价格", "金额（元）", 12.5, number_format)

    assert (reading.faults, reading.book.fee[0].fee_fen) == ([], 1250)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (typed, f"“{seen}”里的逗号不在千位上，看不出是多少。小数点请写成“.”，例如 12.50")
        for typed, seen in [
            ("12,5", "12,5"),
            ("12，50", "12，50"),
            ("1,0000", "1,0000"),
            ("1,00,000", "1,00,000"),
        ]
    ],
)
def test_a_comma_is_never_taken_for_nothing(tmp_path: Path, typed: str, sentence: str) -> None:
    reading = with_cell(tmp_path, "价格", "金额（元）", typed, "@")

    assert [one.message for one in reading.faults] == [sentence]


@pytest.mark.parametrize(
    ("typed", "fee_fen"), [("1,000", 100_000), ("¥1，234,567.8元", 123_456_780), ("12.", 1200)]
)
def test_commas_between_thousands_are_read(tmp_path: Path, typed: str, fee_fen: int) -> None:
    reading = with_cell(tmp_path, "价格", "金额（元）", typed, "@")

    assert [one.code for one in reading.faults] == (["money_too_much"] if fee_fen > 10_000_000 else [])
    assert reading.faults or reading.book.fee[0].fee_fen == fee_fen


def test_a_per_cent_is_no_number_of_anything(tmp_path: Path) -> None:
    for sheet, header, stored in [("价格", "金额（元）", 0.5), ("出诊安排", "每时段号数", 5)]:
        reading = with_cell(tmp_path, sheet, header, stored, "0%")

        assert [one.message for one in reading.faults] == [f"单元格里存的是 {stored}，{_DRESSED}"]


@pytest.mark.parametrize("header", ["医院编码", "电话"])
def test_a_number_shortened_for_good_is_refused(tmp_path: Path, header: str) -> None:
    reading = with_cell(tmp_path, "医院", header, "5.71889E+11", "@")

    assert [one.message for one in reading.faults] == [
        "“5.71889E+11”是被表格软件缩写的长号码，后面的数字已经丢了，请重新输入完整的号码"
    ]


def test_what_was_lost_between_encodings_is_refused(tmp_path: Path) -> None:
    reading = with_cell(tmp_path, "医生", "姓名", "林\ufffd晏", "@")

    assert [one.message for one in reading.faults] == [
        "第 2 个字是“\ufffd”，原来的字在转换文字编码时丢了，请重新输入"
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "＊医生工号",
        "医生工号：",
        "医生\u200b工号",
        "\u202d医生工号\u202c",
        "医⽣工号",
        "醫生工號",
        "医生 工号",
    ],
)
def test_a_heading_that_looks_right_is_right(tmp_path: Path, heading: str) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    book = load_workbook(path)
    book["医生"].cell(1, 2, heading)
    book["医生"].title = "醫\u200b生"
    book["价格"].cell(1, headers("价格").index("金额（元）") + 1, "金额［元］")
    book.save(path)

    reading = read_at(path)

    assert (reading.faults, [row.code for row in reading.book.doctor]) == ([], ["1001", "1002"])


def test_a_heading_that_is_a_number_is_told(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    book = load_workbook(path)
    book["医生"].cell(1, len(headers("医生")) + 1, 2026)
    book.save(path)

    assert [str(fault) for fault in read_at(path).faults] == [
        "“医生”第 1 行“2026”列：不认识列“2026”。请照模板改列名，或删除这一列"
    ]


def test_rows_and_columns_without_size_are_hidden(tmp_path: Path) -> None:
    def shrink(data: bytes) -> bytes:
        data = re.sub(rb'<row r="3"', b'<row r="3" ht="0" customHeight="1"', data)
        return data.replace(b"<sheetData", b'<cols><col min="3" max="3" width="0"/></cols><sheetData')

    content = edit_sheet(workbook(tmp_path), 4, shrink)
    reading = reading_of(read_files([SourceFile(name="a.xlsx", data=content)]))

    assert [(one.code, one.row, one.count) for one in reading.remarks] == [
        ("hidden_rows", 3, 1),
        ("hidden_columns", 0, 1),
    ]


def test_a_code_that_a_csv_keeps_as_a_formula_is_its_text(tmp_path: Path) -> None:
    reading = read_csv(csv_of(tmp_path, "医生").replace(b"1001", b'"=""001"""').replace(b"1002", b'="002"'))

    assert [row.code for row in reading.book.doctor] == ["001", "002"]


def test_a_quote_that_nothing_closes_swallows_no_rows(tmp_path: Path) -> None:
    data = csv_of(tmp_path, "医生").replace("林清晏".encode(), '"林清晏'.encode())

    with pytest.raises(Unreadable) as caught:
        read_csv(data)

    assert str(caught.value) == (
        "医生 第 2 行分不开各格：英文双引号没有成对，或一格太长。"
        "请在 Excel 或 WPS 中打开核对，另存为 .xlsx 再导入"
    )


def test_two_files_of_one_name_are_not_read_as_one(tmp_path: Path) -> None:
    data = csv_of(tmp_path, "医生")
    content = zipped(**{"本部/医生.csv": data, "东院/医生.csv": data})

    with pytest.raises(Unreadable, match="有两个名为 医生 的表"):
        read_files([SourceFile(name="a.zip", data=content)])


def test_an_encoding_of_four_bytes_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as caught:
        read_csv(csv_of(tmp_path, "医生").decode().encode("utf-32"))

    assert caught.value.reason == "encoding"
