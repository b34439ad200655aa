from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = """
1.3:1 2.1:2 2.2:2 2.3:5 3.1.1:2 3.1.2:5 3.1.3:4 3.2.1:1 3.2.2:3 3.2.3:3 3.3.1:5 3.3.2:3 3.4.1:5 3.4.2:3
5.1:1 5.2.1:1 5.2.2:1 5.2.3:1 6.1:1 6.2:1 6.3:1 7.2:3 8.1:1 8.2:1 8.3:1 8.4:1
"""
REQUIRED = [
    f"{section}-{number}"
    for section, last in re.findall(r"(\S+):(\d+)", SECTIONS)
    for number in range(1, int(last) + 1)
]
REQUIRED += ["4.1.5-4", "4.2.4-1"]
WANTED = [*map(str, range(1, 66)), "50a"]
WANTED += [f"console-{number}" for number in range(1, 13)]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FRONT_END_TEST = re.compile(r"`((?:miniprogram|preview|console)/tests/[\w/-]+\.test\.[jt]s)::([^`]+)`")
TITLE = re.compile(r"""^\s*test(?:\.each\(.*\))?\((['"])(.+?)\1,""", re.MULTILINE)


def rows() -> dict[str, list[str]]:
    page = (ROOT / "docs" / "reference" / "features.md").read_text("utf-8")
    found: dict[str, list[str]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"[\d.]+(-\d+)?a?|console-\d+", cells[0]):
            assert cells[0] not in found
            found[cells[0]] = cells
    return found


def names_in(path: Path) -> set[str]:
    return set(re.findall(r"^ *(?:async )?def (\w+)\(", path.read_text("utf-8"), re.MULTILINE))


def titles_in(path: Path) -> set[str]:
    """What vitest runs: `test('title', ...)`, not one that is skipped or stands in a comment."""
    return {title for _, title in TITLE.findall(path.read_text("utf-8"))}


def test_no_row_is_missing() -> None:
    assert sorted(rows()) == sorted([*REQUIRED, *WANTED])


@pytest.mark.parametrize("row", [*REQUIRED, *WANTED])
def test_a_row_names_an_existing_test_or_the_release_it_arrives_in(row: str) -> None:
    shown_by = rows()[row][3]
    named = TEST.findall(shown_by)
    titled = FRONT_END_TEST.findall(shown_by)

    assert named or titled or shown_by.startswith("later: "), shown_by
    for path, test in named:
        assert test in names_in(ROOT / path)
    for path, title in titled:
        assert title in titles_in(ROOT / path)
    assert shown_by.count("::") == len(named) + len(titled), shown_by
