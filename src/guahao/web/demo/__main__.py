"""Writes the demo workbook that is shipped: `python -m guahao.web.demo`."""

from __future__ import annotations

from importlib.resources import as_file

from guahao.web.demo.generate import SHIPPED, build
from guahao.web.workbook.write import write_workbook

if __name__ == "__main__":
    with as_file(SHIPPED) as path:
        write_workbook(path, build())
