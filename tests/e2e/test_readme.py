from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def commands_of(page: str) -> str:
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks, f"{page} shows no commands"
    return "\n".join(blocks)


def run(script: str, base: str) -> str:
    script = script.replace("BASE=http://127.0.0.1:8000", f"BASE={base}")
    assert base in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_chinese_readme_shows_the_same_commands() -> None:
    english, chinese = (
        [line for line in commands_of(page).splitlines() if not line.startswith("#")]
        for page in ("README.md", "README.zh-CN.md")
    )

    assert chinese == english


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_a_readme_prints_the_two_commands_of_a_newcomer(page: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)

    assert blocks == ["make demo\n", "make test\n"]


@pytest.mark.timeout(300)
def test_the_commands_of_the_readme_lead_to_a_booked_place(demo: str) -> None:
    shown = run(commands_of("README.md"), demo)

    assert re.search(r"^booked number [1-9]\d* 20\d\d-", shown.splitlines()[-1])


@pytest.mark.timeout(300)
def test_the_tutorial_books_moves_and_cancels(demo: str) -> None:
    shown = run(commands_of("docs/tutorial/first-booking.md"), demo)

    assert shown.splitlines()[-1] == "cancelled_by_patient"
