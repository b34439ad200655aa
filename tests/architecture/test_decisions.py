from __future__ import annotations

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs/adr"


def test_each_decision_has_a_number_of_its_own_and_its_line_in_order() -> None:
    files = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    listed = re.findall(
        r"^\| \[(\d+)\]\(([^)]+)\) \|", (DECISIONS / "README.md").read_text("utf-8"), re.MULTILINE
    )

    assert [name for _, name in listed] == files
    assert [int(number) for number, _ in listed] == list(range(1, len(files) + 1))
    assert [name[:4] for name in files] == [number for number, _ in listed]


def test_each_decision_begins_with_its_number() -> None:
    for path in DECISIONS.glob("[0-9]*.md"):
        assert path.read_text("utf-8").startswith(f"# {int(path.name[:4])}. "), path.name
