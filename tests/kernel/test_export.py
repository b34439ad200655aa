from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook

from guahao.kernel.export import Sheet, as_csv, as_xlsx
from guahao.kernel.sheet import read_tables

_SHEET = Sheet(
    title="明细",
    headings=["日期", "单号", "金额", "医院"],
    rows=[
        [date(2026, 11, 21), "4200001234567890123456789012", Decimal("50.10"), 1],
        [date(2026, 11, 21), "=cmd|' /C calc'!A0", None, 2],
        [date(2026, 11, 21), "12e45678901234567890123456789012", Decimal("-0.01"), 2],
    ],
)


def test_row_48_a_csv_runs_nothing_and_keeps_every_digit() -> None:
    data = as_csv(_SHEET)

    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) == [
        ["日期", "单号", "金额", "医院"],
        ["2026-11-21", "4200001234567890123456789012\t", "50.10", "1"],
        ["2026-11-21", "'=cmd|' /C calc'!A0", "", "2"],
        ["2026-11-21", "12e45678901234567890123456789012\t", "-0.01", "2"],
    ]


def test_row_48_a_workbook_runs_nothing_and_keeps_every_digit() -> None:
    book = load_workbook(io.BytesIO(as_xlsx([_SHEET, _SHEET])))

    page = book.worksheets[0]
    assert [cell.value for cell in page["B"]] == [
        "单号",
        "4200001234567890123456789012",
        "'=cmd|' /C calc'!A0",
        "12e45678901234567890123456789012",
    ]
    assert {cell.data_type for cell in page["B"]} == {"s"}
    assert (page["C2"].value, page["C2"].number_format) == (50.1, "0.00")


def test_an_exported_workbook_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bill.xlsx"
    path.write_bytes(as_xlsx([_SHEET]))

    (table,) = read_tables(path)

    assert table.name == "明细"
    assert len(table.rows) == 4
