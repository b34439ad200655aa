from pathlib import Path

import pytest

from guahao.kernel.settings import Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    description = Settings.model_fields[name].description

    rows = [line.split("|") for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert [row[3].strip() for row in rows if row[1].strip() == f"`GUAHAO_{name.upper()}`"] == [description]


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {f"`GUAHAO_{name.upper()}`" for name in Settings.model_fields}

    rows = [
        line.split("|")[1].strip()
        for line in DOCUMENT.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]

    assert set(rows) == known
