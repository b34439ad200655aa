"""Importing into a real database: all or nothing, repeatable, set right by code."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from guahao.catalog.models import Doctor
from guahao.kernel.db import Sessions
from guahao.web.demo.generate import build
from guahao.web.workbook.load import load_workbook
from guahao.web.workbook.write import write_workbook

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workbook") / "demo.xlsx"
    write_workbook(path, build())
    return path


async def test_a_second_import_of_the_same_file_changes_nothing_and_says_so(
    sessions: Sessions, demo_file: Path
) -> None:
    t = time.time()
    first = await load_workbook(sessions, demo_file)
    print("FIRST", time.time() - t, first)
    t = time.time()
    second = await load_workbook(sessions, demo_file)
    print("SECOND", time.time() - t, second)
    assert first.faults == ()
    assert second.is_unchanged
    async with sessions() as db:
        assert await db.scalar(select(func.count()).select_from(Doctor)) == 224
