"""The demo's workbook is what its generator makes, and it fills an empty installation."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import as_file
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from guahao.identity.models.person import Patient
from guahao.identity.models.staff import Staff
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.crypto import KeyRing, load_key_ring
from guahao.kernel.db import Sessions, transaction
from guahao.scheduling.models import ClinicSession, Slot
from guahao.web.demo import load_demo
from guahao.web.demo.generate import SHIPPED, build
from guahao.web.workbook.write import write_workbook

anyio = pytest.mark.anyio


@pytest.fixture
def key_ring(tmp_path: Path) -> KeyRing:
    return load_key_ring(tmp_path / "keys", production=False)


def cells_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    book = load_workbook(path)
    return {page.title: [tuple(row) for row in page.iter_rows(values_only=True)] for page in book.worksheets}


def test_the_shipped_workbook_is_what_the_generator_makes_cell_by_cell(tmp_path: Path) -> None:
    write_workbook(tmp_path / "made.xlsx", build())

    with as_file(SHIPPED) as shipped:
        assert cells_of(shipped) == cells_of(tmp_path / "made.xlsx")


def test_the_demo_is_as_large_as_promised() -> None:
    book = build()

    assert {row.kind for row in book.hospital} == {"general", "specialist", "community"}
    assert all("演示" in row.name for row in book.hospital)
    assert len(book.department) >= 60
    assert len(book.doctor) >= 200
    assert len({row.name for row in book.doctor}) == len(book.doctor)
    assert [sum(row.hospital == code for row in book.campus) for code in ("YXSF", "QHET")] == [2, 1]
    assert {row.fee_fen for row in book.fee if row.hospital == "MLSQ" and row.level == "general"} == {0}
    assert min(row.capacity_per_slot for row in book.schedule if row.level == "special") == 1


@anyio
async def test_the_demo_fills_an_empty_installation_for_two_weeks(
    sessions: Sessions, key_ring: KeyRing
) -> None:
    report = await load_demo(sessions, key_ring=key_ring)

    assert [one.code for one in report.hospitals] == ["YXSF", "QHET", "MHYK", "MLSQ"]
    assert {one.role for one in report.accounts} == {
        *("patient", "platform_admin", "hospital_admin", "desk"),
        *("nurse", "doctor", "finance", "auditor"),
    }
    async with transaction(sessions) as db:
        today = local_date(utc_now())
        for days in range(1, 15):  # what of today has begun is not made any more
            held = select(func.count()).where(ClinicSession.date == today + timedelta(days=days))
            assert await db.scalar(held), f"no session in {days} days"
        assert await db.scalar(select(func.count()).select_from(Slot)) > 5_000
        assert await db.scalar(select(func.count()).where(ClinicSession.fee_fen == 0))
        assert await db.scalar(select(func.count()).select_from(Patient)) == 4
        assert await db.scalar(select(func.count()).select_from(Staff)) == 8


@anyio
async def test_a_second_start_makes_nothing(sessions: Sessions, key_ring: KeyRing) -> None:
    first = await load_demo(sessions, key_ring=key_ring)

    second = await load_demo(sessions, key_ring=key_ring)

    assert second.accounts == first.accounts
    assert second.hospitals == first.hospitals
    assert second.sessions_made == 0
