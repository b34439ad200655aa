"""The same table as every program writes it, and cells as only some of them do."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook as Book

from guahao.kernel.export import xlsx_text
from guahao.kernel.sheet.archive import SourceFile, read_files
from guahao.kernel.sheet.markup import decoded
from guahao.kernel.sheet.number import Format, Zeros, format_of, number_cell
from guahao.kernel.sheet.table import NO_RESULT, Cell, Dressed, NoDate, Table, Unreadable
from tests.factories.ooxml import (
    edit_sheet,
    prefixed,
    replace_part,
    rewritten,
    shared,
    strict,
    strict_parts,
    workbook,
)


def read(content: bytes, name: str = "a.xlsx") -> tuple[Table, ...]:
    return read_files([SourceFile(name=name, data=content)]).tables


def book(*rows: list[object], formats: tuple[str, ...] = ()) -> bytes:
    made = Book()
    page = made.worksheets[0]
    for row in rows:
        page.append(row)
    for number, code in enumerate(formats, 1):
        page.cell(1, number).number_format = code
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "variant", [strict, strict_parts, prefixed, shared, lambda data: strict(shared(data))]
)
def test_other_families_of_namespaces_and_prefixes_read_alike(tmp_path: Path, variant: object) -> None:
    plain = workbook(tmp_path)
    assert callable(variant)

    assert read(variant(plain)) == read(plain)


@pytest.mark.parametrize("variant", [bytes, strict, prefixed])
def test_a_formula_without_a_result_is_marked_in_every_dialect(variant: object) -> None:
    assert callable(variant)
    [table] = read(variant(book(["=1+1", "x"])))

    assert table.rows[0].cells == (NO_RESULT, "x")


def test_a_formula_whose_result_is_an_empty_text_is_an_empty_cell() -> None:
    made = edit_sheet(book(["=A2", "x"]), 1, lambda xml: xml.replace(b'<c r="A1">', b'<c r="A1" t="str">'))
    [table] = read(made)

    assert (table.rows[0].cells, table.formulas) == ((None, "x"), 1)


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("第一行_x000D_\n第二行", "第一行\n第二行"),
        ("a_x000d__x000A_b", "a\nb"),
        ("a_x000D_b", "a\nb"),
        ("_x0041__x4E2D_", "A中"),
        ("_x005F_x000D_", "_x000D_"),
        ("_xD83D__xDE00_", "😀"),
        ("_xD83D_", "\ufffd"),
        ("_x00G1_ _x41_ x0041_ _X0041_", "_x00G1_ _x41_ x0041_ _X0041_"),
    ],
)
def test_excels_codes_for_characters_are_undone(stored: str, text: str) -> None:
    [table] = read(book([stored]))

    assert table.rows[0].cells == (text,)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_text_written_for_excel_reads_back_unchanged(text: str) -> None:
    assert decoded(xlsx_text(text)) == text


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", Format.NUMBER),
        ("0.00E+00", Format.NUMBER),
        ("#,##0_ ", Format.NUMBER),
        ('"day" 0', Format.DRESSED),
        ("000-0000", Format.DRESSED),
        ("0.00_ ", Format.DRESSED),
        (";;;", Format.DRESSED),
        ("0%", Format.PERCENT),
        ("000", Zeros(3)),
        ("aaaa", Format.DATE),
        ("[Red]0", Format.NUMBER),
        ("#,##0 [$€-2]", Format.NUMBER),
        ("yyyy-mm-dd", Format.DATE),
        ('[$-804]yyyy"年"m"月"d"日";@', Format.DATE),
        ("yyyy年m月", Format.DATE),
        ("mmm", Format.DATE),
        ("yyyy-mm-dd hh:mm", Format.DATE),
        ("h:mm", Format.TIME),
        ("[h]:mm:ss", Format.TIME),
        ("上午/下午h时mm分", Format.TIME),
        ("mm:ss", Format.TIME),
    ],
)
def test_a_number_format_shows_a_date_a_time_or_a_number(code: str, kind: Format | Zeros) -> None:
    assert format_of(164, code) == kind


@pytest.mark.parametrize(
    ("written", "shown_as", "cell"),
    [
        ("46023", Format.DATE, datetime(2026, 1, 1)),  # noqa: DTZ001  # as Excel means it
        ("46023.5", Format.DATE, datetime(2026, 1, 1, 12)),  # noqa: DTZ001
        ("59", Format.DATE, datetime(1900, 2, 28)),  # noqa: DTZ001
        ("60", Format.DATE, NoDate("60")),
        ("61", Format.DATE, datetime(1900, 3, 1)),  # noqa: DTZ001
        ("2958465", Format.DATE, datetime(9999, 12, 31)),  # noqa: DTZ001
        ("2958466", Format.DATE, NoDate("2958466")),
        ("20260101", Format.DATE, NoDate("20260101")),
        ("-5", Format.DATE, NoDate("-5")),
        ("1e300", Format.DATE, NoDate("1e300")),
        ("0.333333333333333", Format.TIME, time(8)),
        ("0.999999999", Format.TIME, timedelta(days=1)),
        ("1", Format.TIME, timedelta(days=1)),
        ("46023", Format.NUMBER, 46023),
        ("1.50", Format.NUMBER, 1.5),
        ("7", Zeros(3), "007"),
        ("1007", Zeros(3), 1007),
        ("1.5", Zeros(3), Dressed(1.5)),
        ("3", Format.DRESSED, Dressed(3)),
        ("0.5", Format.PERCENT, Dressed(0.5, is_percent=True)),
    ],
)
def test_a_number_is_what_its_format_shows(written: str, shown_as: Format | Zeros, cell: Cell) -> None:
    assert number_cell(written, shown_as, is_1904=False) == cell


@pytest.mark.parametrize("written", ["", "nan", "1e999", "0x10", "1_000", "９", "9" * 5000])
def test_what_is_no_number_damages_the_file(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any, since the whole file is refused then
        number_cell(written, Format.NUMBER, is_1904=False)


def test_days_count_from_1904_where_the_workbook_says_so() -> None:
    assert number_cell("0.0", Format.DATE, is_1904=True) == time(0)
    assert number_cell("44561", Format.DATE, is_1904=True) == datetime(2026, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize(("said", "first"), [(b"1", 44561), (b"true", 44561), (b"0", 46023)])
def test_the_workbook_itself_says_from_when_its_days_count(said: bytes, first: int) -> None:
    said = b'<workbookPr date1904="' + said + b'" '

    def rewrite(part: str, data: bytes) -> bytes:
        return re.sub(rb"<workbookPr(?=[ />])", said, data) if part == "xl/workbook.xml" else data

    [table] = read(rewritten(book([first], formats=("yyyy-mm-dd",)), rewrite))

    assert table.rows[0].cells == (datetime(2026, 1, 1),)  # noqa: DTZ001  # as Excel means it


def test_a_dimension_that_is_too_small_hides_nothing() -> None:
    plain = book(["a", "b"], ["c", "d"])
    small = edit_sheet(plain, 1, lambda xml: xml.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1"'))

    assert small != plain
    assert read(small) == read(plain)


def test_a_row_far_below_is_seen_and_a_cell_far_to_the_right_too() -> None:
    made = edit_sheet(
        book(["a", "b"]),
        1,
        lambda xml: xml.replace(
            b"</sheetData>",
            b'<row r="250000"><c r="A250000"><v>1</v></c></row>'
            b'<row r="250001"><c r="BI250001"><v>1</v></c></row></sheetData>',
        ),
    )
    [table] = read(made)

    assert table.seen == 3
    assert table.far is not None
    assert (table.far.row, table.far.column, table.far.rows_without_others) == (250_000, 0, 2)


def test_hidden_rows_and_columns_are_read_and_known() -> None:
    made = Book()
    page = made.worksheets[0]
    for row in (["a", "b"], ["c", "d"]):
        page.append(row)
    page.row_dimensions[2].hidden = True
    page.column_dimensions["B"].hidden = True
    page.column_dimensions["D"].hidden = True
    out = io.BytesIO()
    made.save(out)

    [table] = read(out.getvalue())

    assert [(row.number, row.is_hidden) for row in table.rows] == [(1, False), (2, True)]
    assert table.hidden_columns == {1}


def test_a_chart_sheet_is_no_table() -> None:
    made = Book()
    made.worksheets[0].append(["a"])
    made.create_chartsheet("图")
    out = io.BytesIO()
    made.save(out)

    content = read_files([SourceFile(name="a.xlsx", data=out.getvalue())])

    assert ([table.name for table in content.tables], content.no_tables) == (["Sheet"], ("图",))


def packed(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_what_a_mac_leaves_in_an_archive_is_passed_over() -> None:
    content = read_files(
        [
            SourceFile(
                name="a.zip",
                data=packed(
                    {
                        "导出/医生.csv": b"a,b\n",
                        "__MACOSX/导出/._医生.csv": b"\x00\x05\x16\x07\x00\x02",
                        "导出/._科室.csv": b"\x00\x05\x16\x07",
                        "导出/.DS_Store": b"\x00\x00\x00\x01Bud1",
                        "导出/readme.txt.bak": b"x",
                    }
                ),
            )
        ]
    )

    assert [table.name for table in content.tables] == ["医生"]
    assert content.no_tables == ("readme.txt.bak",)


@pytest.mark.parametrize("inner", ["a.xlsx", "inner.zip"])
def test_an_archive_in_an_archive_is_refused_with_the_remedy(inner: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(packed({inner: b"PK", "医生.csv": b"a,b"}), "a.zip")

    assert refused.value.reason == "packed"


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_text_files_are_read_by_any_separator_and_encoding(separator: str, encoding: str) -> None:
    lines = [["医生表"], ["姓名", "简介"], ["张三", "a；b，c"], ["李四", "x"]]
    content = "\r\n".join(separator.join(line) for line in lines).encode(encoding)

    [table] = read(content, "医生.csv")

    assert [row.cells for row in table.rows] == [tuple(line) for line in lines]


def test_a_line_that_names_the_separator_is_believed() -> None:
    [table] = read(b"sep=;\na,b;c\n", "医生.csv")

    assert table.rows[1].cells == ("a,b", "c")


@pytest.mark.parametrize(
    ("part", "data", "reason"),
    [
        ("xl/workbook.xml", b"<workbook", "damaged"),
        ("xl/workbook.xml", b"", "damaged"),
        ("xl/_rels/workbook.xml.rels", b"<Relationships/>", "damaged"),
        ("xl/workbook.xml", b'<?xml version="1.0" encoding="GBK"?><workbook/>', "damaged"),
        ("xl/workbook.xml", b'<?xml version="1.0" encoding="unheard"?><workbook/>', "damaged"),
        ("xl/worksheets/sheet1.xml", b'<?xml version="1.0" encoding="utf-7"?><worksheet/>', "damaged"),
        (
            "_rels/.rels",
            b'<r><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.bin"/></r>',
            "old_excel",
        ),
        (
            "_rels/.rels",
            b'<r><Relationship Id="a" Type="x/officeDocument" Target="word/document.xml"/></r>',
            "wrong_type",
        ),
    ],
)
def test_parts_that_fit_nothing_are_refused(part: str, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(replace_part(book(["a"]), part, data))

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (b'<c r="A1" t="d"><v>2026-01-31</v></c>', datetime(2026, 1, 31)),  # noqa: DTZ001  # as written
        (b'<c r="A1" t="d"><v>2026-01-31T08:30:00</v></c>', datetime(2026, 1, 31, 8, 30)),  # noqa: DTZ001  # so too
        (b'<c r="A1" t="d"><v>08:30:00</v></c>', time(8, 30)),
    ],
)
def test_a_cell_may_hold_a_moment_as_iso_writes_it(cell: bytes, value: Cell) -> None:
    [table] = read(_with_first_cell(cell))

    assert table.rows[0].cells == (value,)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="A1" t="d"><v>2026-02-30</v></c>',
        b'<c r="A1" s="99"><v>1</v></c>',
        b'<c r="A1" s="-1"><v>1</v></c>',
        b'<c r="A1" t="s"><v>99</v></c>',
        b'<c r="A1" t="s"><v>-1</v></c>',
        b'<c r="A1" t="s"><v>x</v></c>',
        b'<c r="A1"><v>1</v><v>2</v></c>',
        b'<c r="A1"><v>1</v></c><c r="A1"><v>2</v></c>',
        b'<c r="A1"><v>1</v><extLst><ext><v>7</v></ext></extLst></c>',
    ],
)
def test_a_cell_that_points_at_nothing_or_twice_damages_the_file(cell: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(_with_first_cell(cell))

    assert refused.value.reason == "damaged"


def _with_first_cell(cell: bytes) -> bytes:
    return edit_sheet(
        shared(book(["x"])), 1, lambda xml: re.sub(rb'<c r="A1".*?</c>', lambda _: cell, xml, count=1)
    )


def test_an_open_document_is_refused_with_the_remedy() -> None:
    ods = packed({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"})

    with pytest.raises(Unreadable) as refused:
        read(ods, "医生.ods")

    assert str(refused.value) == "医生.ods 不是 Excel 或 CSV 文件，请另存为 .xlsx 再导入"


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a", "\x1a\x1a"])
def test_the_sign_that_ends_a_file_of_dos_is_no_row(end: str) -> None:
    [table] = read(f"姓名,简介\r\n王,x{end}".encode("gb18030"), "医生.csv")

    assert [row.cells for row in table.rows] == [("姓名", "简介"), ("王", "x")]


def test_lines_that_end_as_on_an_old_mac_and_rare_characters_of_gb18030_are_read() -> None:
    rare = "王\U00031350".encode("gb18030")
    assert len(rare) == 2 + 4

    [table] = read("姓名,简介\r".encode("gb18030") + rare + b",x\r", "医生.csv")

    assert [row.cells for row in table.rows] == [("姓名", "简介"), ("王\U00031350", "x")]
