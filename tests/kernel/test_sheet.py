"""Files that people hand in: good ones in every form, bad ones with a clear answer."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook as Book

from guahao.kernel.sheet import table as limits
from guahao.kernel.sheet.archive import files_at, read_files
from guahao.kernel.sheet.table import NO_RESULT, FarCells, Table, Unreadable
from tests.factories.workbook import sheets, write_csv, write_xlsx


def read_tables(path: Path) -> tuple[Table, ...]:
    return read_files(files_at(path)).tables


def refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as refused:
        read_tables(path)
    return str(refused.value)


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.xlsx", b"", "a.xlsx 是空文件，请重新导出或重新下载模板"),
        ("a.pdf", b"%PDF-1.7", "a.pdf 不是 Excel 或 CSV 文件，请另存为 .xlsx 再导入"),
        ("a.xlsx", b"<html></html>", "a.xlsx 不是 Excel 或 CSV 文件，请另存为 .xlsx 再导入"),
        (
            "a.xls",
            bytes.fromhex("d0cf11e0a1b11ae1") + "Workbook".encode("utf-16-le"),
            "a.xls 是旧版 Excel（.xls）或其他旧格式，请在 Excel 或 WPS 中另存为 .xlsx 再导入",
        ),
        (
            "a.xlsx",
            bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"),
            "a.xlsx 设有打开密码，请在 Excel 中去掉密码，保存后再导入",
        ),
        ("a.xlsx", b"PK\x03\x04cut off", "a.xlsx 已损坏，读不出来，请在 Excel 中打开并另存为 .xlsx 再导入"),
        (
            "医院.csv",
            b"\x81\xff\xff",
            "医院 的文字编码认不出来，请在 Excel 中另存为“CSV UTF-8（逗号分隔）”再导入",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_remedy(
    tmp_path: Path, name: str, data: bytes, sentence: str
) -> None:
    assert refusal(save(tmp_path / name, data)) == sentence


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.xlsx") == "打不开 a.xlsx，请检查文件名和路径，并关闭正在使用它的程序"


def test_a_folder_without_csv_files_is_told_how_to_name_them(tmp_path: Path) -> None:
    assert refusal(tmp_path).endswith("里没有 .csv 文件，请按工作表名存放，例如 医院.csv、科室.csv")


def test_an_oversized_file_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        file.truncate(limits.MAX_FILE_BYTES + 1)

    assert refusal(path) == "a.xlsx 超过 20 MB，请删除图片和无关的工作表，或分成几个文件导入"


def test_a_zip_bomb_is_refused_by_what_it_would_unpack_to(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(3):
            archive.writestr(f"xl/part{part}.bin", bytes(50 * 1024 * 1024))

    assert path.stat().st_size < 1_000_000
    assert refusal(path) == "a.xlsx 解压后超过 100 MB，不像是正常的表格，请重新另存为 .xlsx 再导入"


def test_xml_entities_are_refused_before_a_parser_sees_them(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/extra.xml", '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "b">]><lolz/>')

    assert refusal(path) == (
        "a.xlsx 里有 Excel 不会写的内容（DOCTYPE），为安全起见没有读，"
        "请在 Excel 或 WPS 中打开并另存为 .xlsx 再导入"
    )


def test_a_broken_part_inside_a_workbook_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets())
    broken = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for part in source.namelist():
            data = source.read(part)
            target.writestr(part, data[:200] if part.endswith("sheet1.xml") else data)

    assert refusal(broken) == "b.xlsx 已损坏，读不出来，请在 Excel 中打开并另存为 .xlsx 再导入"


@pytest.fixture(scope="module")
def sound_workbook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Made once: the time of making stands in the file, and each example must damage the same bytes."""
    return write_xlsx(tmp_path_factory.mktemp("sound") / "a.xlsx", sheets()).read_bytes()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sound_workbook: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.xlsx"
    content = bytearray(sound_workbook)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)

    with suppress(Unreadable):
        read_tables(path)


def test_a_part_that_claims_to_be_small_is_not_unpacked_further(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(5_000_000))
    lying = path.read_bytes().replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(lying)

    assert refusal(path) == "a.zip 已损坏，读不出来，请在 Excel 中打开并另存为 .xlsx 再导入"


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ROWS", 1)

    assert refusal(write_xlsx(tmp_path / "a.xlsx", sheets())) == "“院区”超过 1 行，请分成几个文件导入"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_csv_files_of_every_usual_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    folder = write_csv(tmp_path / "csv", sheets(), encoding=encoding)

    tables = {table.name: table for table in read_tables(folder)}

    assert tables["医院"].rows[0].cells[:2] == ("医院编码", "医院名称")
    assert tables["医生"].rows[1].cells[2] == "林清晏"


def test_a_single_csv_file_is_a_table_of_its_name(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets(), encoding="gbk")

    assert [table.name for table in read_tables(folder / "科室.csv")] == ["科室"]


class WindowsPart(zipfile.ZipInfo):
    """A part named as Windows does: in GBK, without the flag that says UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # zipfile's name
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


@pytest.mark.parametrize("part", [zipfile.ZipInfo, WindowsPart])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_zipped_csv_files_keep_their_chinese_names(
    tmp_path: Path, part: type[zipfile.ZipInfo], slash: str
) -> None:
    folder = write_csv(tmp_path / "csv", sheets(), encoding="gbk")
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.writestr(part(f"导出{slash}{file.name}"), file.read_bytes())
        archive.writestr(part(f"导出{slash}"), b"")

    assert {table.name for table in read_tables(path)} == set(sheets())


def test_blank_rows_are_left_out_and_numbers_stay_those_of_the_file(tmp_path: Path) -> None:
    book = Book()
    page = book.worksheets[0]
    page["A1"], page["A4"], page["A9"] = "heading", "value", "  "
    book.save(tmp_path / "a.xlsx")

    [table] = read_tables(tmp_path / "a.xlsx")

    assert [(row.number, row.cells[0]) for row in table.rows] == [(1, "heading"), (4, "value")]


def test_a_formula_without_a_saved_result_and_an_excel_error_are_marked(tmp_path: Path) -> None:
    book = Book()
    book.worksheets[0].append(["=1+1", "#REF!", 3])
    book.save(tmp_path / "a.xlsx")

    [table] = read_tables(tmp_path / "a.xlsx")

    assert table.rows[0].cells[:3] == (NO_RESULT, NO_RESULT, 3)


def test_the_saved_result_of_a_formula_is_its_value(tmp_path: Path) -> None:
    book = Book()
    book.worksheets[0].append(["=1+1"])
    path, saved = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(saved, "w") as target:
        for part in source.namelist():
            data = source.read(part)
            target.writestr(part, data.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>"))

    [table] = read_tables(saved)

    assert table.rows[0].cells[0] == 2


def test_hidden_sheets_are_counted_and_not_kept(tmp_path: Path) -> None:
    book = Book()
    book.worksheets[0].append(["shown"])
    hidden = book.create_sheet("hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")

    shown, hidden_table = read_tables(tmp_path / "a.xlsx")

    assert (shown.is_hidden, shown.seen, len(shown.rows)) == (False, 1, 1)
    assert (hidden_table.is_hidden, hidden_table.seen, hidden_table.rows) == (True, 1, ())


def test_one_cell_at_the_far_end_of_a_sheet_is_told_and_does_not_cost_a_million_rows(tmp_path: Path) -> None:
    book = Book()
    page = book.worksheets[0]
    page["A1"], page["XFD1048576"] = "heading", "far"
    book.save(tmp_path / "a.xlsx")

    [table] = read_tables(tmp_path / "a.xlsx")

    assert [row.number for row in table.rows] == [1]
    assert table.far == FarCells(row=1_048_576, column=16_383, rows=1, rows_without_others=1)
    assert table.seen == 2
