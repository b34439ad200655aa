import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compliance" / "levels.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_shows_a_row_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text("utf-8") if name else (ROOT / path).exists()


def test_every_row_has_a_state() -> None:
    rows = [line.split("|") for line in PAGE.splitlines() if re.match(r"\| (8\.1|V\d)", line)]

    states = {row[3 if row[1].startswith(" 8") else 2].strip().split()[0] for row in rows}
    assert len(rows) > 35
    assert states <= {"holds", "partly", "yours", "no", "does"}
