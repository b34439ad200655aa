"""Small workbooks as a hospital office would make them, for one change each."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

from openpyxl import Workbook as Book

from guahao.kernel.sheet.archive import files_at, read_files
from guahao.web.workbook.columns import definition
from guahao.web.workbook.read import Reading, reading_of

Sheets = dict[str, list[dict[str, Any]]]
Change = Callable[[Sheets], None]

_SCHEDULE = {
    "医院编码": "H1",
    "医生工号": "1001",
    "科室编码": "XNK",
    "院区编码": "BY",
    "星期": "周一",
    "午别": "上午",
    "开始时间": time(8),
    "结束时间": time(12),
    "时段分钟": 30,
    "每时段号数": 5,
    "诊室": "301",
    "号别": None,
    "节假日": "停诊",
    "开始日期": date(2026, 1, 1),
    "结束日期": None,
}

_VALID: Sheets = {
    "医院": [
        {
            "医院编码": "H1",
            "医院名称": "示例医院",
            "医院类型": "综合医院",
            "医院等级": "三级甲等",
            "城市": "云溪市",
        }
        | {"地址": "康宁路 1 号", "电话": "0000-0000001", "纬度": 30.25, "经度": 120.13, "启用": "是"},
    ],
    "院区": [
        {"医院编码": "H1", "院区编码": "BY", "院区名称": "本院", "启用": "是"},
        {"医院编码": "H1", "院区编码": "DY", "院区名称": "东院", "启用": "是"},
    ],
    "科室": [
        {"医院编码": "H1", "科室编码": "NK", "科室名称": "内科", "诊疗科目代码": "03"},
        {
            "医院编码": "H1",
            "科室编码": "XNK",
            "科室名称": "心内科",
            "上级科室编码": "NK",
            "诊疗科目代码": "03.04",
        }
        | {"诊治疾病": "高血压、冠心病", "院区编码": "BY"},
    ],
    "医生": [
        {"医院编码": "H1", "医生工号": "1001", "姓名": "林清晏", "科室编码": "XNK", "号别": "专家"},
        {"医院编码": "H1", "医生工号": "1002", "姓名": "沈云舒", "科室编码": "NK、XNK", "号别": "普通"},
    ],
    "价格": [
        {
            "医院编码": "H1",
            "价格类型": "诊查费",
            "号别": "专家",
            "金额（元）": 50,
            "生效日期": date(2026, 1, 1),
        },
        {
            "医院编码": "H1",
            "价格类型": "诊查费",
            "号别": "普通",
            "金额（元）": 0,
            "生效日期": date(2026, 1, 1),
        },
    ],
    "出诊安排": [
        _SCHEDULE,
        _SCHEDULE | {"医生工号": "1002", "诊室": "302", "星期": "周二"},
    ],
}


def sheets(*changes: Change) -> Sheets:
    """A valid workbook with these changes."""
    content = copy.deepcopy(_VALID)
    for change in changes:
        change(content)
    return content


def put(sheet: str, index: int, **values: object) -> Change:
    """Overwrite cells of the `index`-th data row of a sheet; row 2 in Excel is index 0."""

    def change(content: Sheets) -> None:
        content[sheet][index].update(values)

    return change


def add(sheet: str, index: int, **values: object) -> Change:
    """Append a copy of the `index`-th data row of a sheet with other cells."""

    def change(content: Sheets) -> None:
        content[sheet].append(content[sheet][index] | values)

    return change


def headers(title: str) -> list[str]:
    """The headings of a sheet."""
    return next(
        [column.header for column in sheet.columns]
        for sheet in definition().sheets.values()
        if sheet.title == title
    )


def write_xlsx(path: Path, content: Sheets) -> Path:
    """Save the sheets as Excel would."""
    book = Book()
    book.remove(book.worksheets[0])
    for title, rows in content.items():
        page = book.create_sheet(title)
        page.append(headers(title))
        for row in rows:
            page.append([row.get(header) for header in headers(title)])
    book.save(path)
    return path


def write_csv(folder: Path, content: Sheets, *, encoding: str) -> Path:
    """Save each sheet as a CSV file of its own."""
    folder.mkdir()
    for title, rows in content.items():
        with (folder / f"{title}.csv").open("w", encoding=encoding, newline="") as file:
            lines = csv.writer(file)
            lines.writerow(headers(title))
            lines.writerows([[row.get(header) for header in headers(title)] for row in rows])
    return folder


def read_at(path: Path) -> Reading:
    """Read a file or folder here, not in a process of its own. Raises `Unreadable`."""
    return reading_of(read_files(files_at(path)))
