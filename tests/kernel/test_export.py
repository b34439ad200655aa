from __future__ import annotations

import csv
import io
import threading
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from openpyxl import load_workbook

from guahao.kernel import export
from guahao.kernel.errors import Unavailable
from guahao.kernel.export import Form, Sheet, as_file, whole
from guahao.kernel.limit import AtMost
from guahao.kernel.sheet.archive import files_at, read_files

pytestmark = pytest.mark.anyio
_SHEET = Sheet(
    title="明细",
    headings=["日期", "单号", "金额", "医院"],
    rows=[
        [date(2026, 11, 21), "4200001234567890123456789012", Decimal("50.10"), 1],
        [date(2026, 11, 21), "=cmd|' /C calc'!A0", None, 2],
        [date(2026, 11, 21), "12e45678901234567890123456789012", Decimal("-0.01"), 2],
    ],
)


def _same(sheet: Sheet) -> Sheet:
    return sheet


async def written(form: Form, *sheets: Sheet) -> bytes:
    async def parts() -> AsyncIterator[Callable[[], Sheet]]:
        for sheet in sheets:
            yield partial(_same, sheet)

    file, rows = await as_file(parts(), name="list", form=form)
    assert rows == sum(len(sheet.rows) for sheet in sheets)
    return file.content


async def test_row_48_a_csv_runs_nothing_and_keeps_every_digit() -> None:
    data = await written(Form.CSV, _SHEET)

    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) == [
        ["日期", "单号", "金额", "医院"],
        ["2026-11-21", "4200001234567890123456789012\t", "50.10", "1"],
        ["2026-11-21", "'=cmd|' /C calc'!A0", "", "2"],
        ["2026-11-21", "12e45678901234567890123456789012\t", "-0.01", "2"],
    ]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("text", ["＝cmd|' /C calc'!A0", "＋1", "－1", "＠SUM(A1)", "\u200b＝1", " ＝1"])
async def test_full_width_signs_run_nothing_either(form: Form, text: str) -> None:
    data = await written(form, Sheet(title="明细", headings=["备注"], rows=[[text]]))

    if form is Form.CSV:
        [_, [cell]] = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    else:
        cell = load_workbook(io.BytesIO(data)).worksheets[0]["A2"].value
    assert cell == f"'{text}"


async def test_row_48_a_workbook_runs_nothing_and_keeps_every_digit() -> None:
    book = load_workbook(io.BytesIO(await written(Form.XLSX, _SHEET)))

    page = book.worksheets[0]
    assert [cell.value for cell in page["B"]] == [
        "单号",
        "4200001234567890123456789012",
        "'=cmd|' /C calc'!A0",
        "12e45678901234567890123456789012",
    ]
    assert {cell.data_type for cell in page["B"]} == {"s"}
    assert (page["C2"].value, page["C2"].number_format) == (50.1, "0.00")


async def test_an_exported_workbook_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bill.xlsx"
    path.write_bytes(await written(Form.XLSX, _SHEET))

    (table,) = read_files(files_at(path)).tables

    assert table.name == "明细"
    assert len(table.rows) == 4


async def test_parts_of_one_title_are_one_table() -> None:
    summary = Sheet(title="汇总", headings=["项"], rows=[["甲"]])

    text = (await written(Form.CSV, _SHEET, _SHEET)).decode("utf-8-sig")
    book = load_workbook(io.BytesIO(await written(Form.XLSX, summary, _SHEET, _SHEET)))

    assert [line.split(",")[0] for line in text.splitlines()] == ["日期", *["2026-11-21"] * 6]
    assert [(page.title, page.max_row) for page in book.worksheets] == [("汇总", 2), ("明细", 7)]


@pytest.mark.parametrize("form", Form)
async def test_the_loop_goes_on_while_a_part_is_made(form: Form) -> None:
    makers = []

    def make() -> Sheet:
        makers.append(threading.current_thread().name)
        return _SHEET

    await as_file(whole(make), name="list", form=form)

    assert makers == ["export_0"]


async def test_a_file_too_many_at_once_is_refused_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_at_once", AtMost(1, back_in_s=10))

    async def slow() -> AsyncIterator[Callable[[], Sheet]]:
        with pytest.raises(Unavailable) as refused:
            await written(Form.CSV, _SHEET)
        assert refused.value.extra == {"retry_after_s": 10}
        yield lambda: _SHEET

    await as_file(slow(), name="list", form=Form.CSV)

    assert await written(Form.CSV, _SHEET)
