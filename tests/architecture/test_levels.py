import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from guahao.kernel.db import Sessions
from guahao.kernel.settings import Settings
from guahao.web import wiring
from guahao.web.money import providers

ROOT = Path(__file__).parents[2]
LEVELS = (ROOT / "docs/compliance/levels.md").read_text("utf-8")
DATA_MAP = (ROOT / "docs/compliance/data-map.md").read_text("utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
NAMED = sorted(set(_TEST.findall(LEVELS + DATA_MAP + (ROOT / "SECURITY.md").read_text("utf-8"))))
ROWS = [line for line in LEVELS.splitlines() if re.match(r"\| (8\.1|V\d)", line)]
_PERIODS = {
    "every minute": timedelta(minutes=1),
    "every ten minutes": timedelta(minutes=10),
    "every hour": timedelta(hours=1),
    "every day": timedelta(days=1),
}


def state_of(row: str) -> str:
    cells = row.split("|")
    return cells[3 if cells[1].startswith(" 8") else 2].strip().split()[0]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_shows_a_row_exists(path: str, name: str) -> None:
    assert re.search(rf"def {name}\b" if name else r"def test_", (ROOT / path).read_text("utf-8"))


def test_every_row_has_a_state() -> None:
    assert len(ROWS) > 35
    assert {state_of(row) for row in ROWS} <= {"holds", "partly", "yours", "no", "does"}


@pytest.mark.parametrize("row", [row for row in ROWS if state_of(row) == "holds"])
def test_a_row_that_holds_names_the_test_that_shows_it(row: str) -> None:
    assert _TEST.search(row)


@pytest.mark.parametrize("row", [row for row in ROWS if state_of(row) == "partly"])
def test_a_row_that_holds_in_part_says_what_is_missing(row: str) -> None:
    assert "Missing: " in row


@pytest.mark.anyio
async def test_what_forgets_runs_as_often_as_the_data_map_says(
    app: FastAPI, settings: Settings, sessions: Sessions
) -> None:
    told = {
        name: _PERIODS[period]
        for name, period in re.findall(r"\| job `([a-z_.]+)`[^|]*\| ([a-z ]+) \|", DATA_MAP)
    }
    jobs = wiring.jobs(settings, app.state.key_ring, providers(settings, sessions))
    every = {job.name: job.every for job in jobs}

    assert len(told) == 5
    assert {name: every.get(name) for name in told} == told
