"""docs/how-to/deploy.md, followed word for word on a copy of this machine, gives a production instance."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "deploy.md"
DEPLOY = ROOT / "deploy"
SCRIPTS = Path(__file__).with_name("deploy_guide")
NEEDED = ("unshare", "nginx", "pg_createcluster", "systemd-analyze", "logrotate", "openssl", "curl", "ip")
ALONE = ("unshare", "--mount", "--net", "--pid", "--fork")
DEVELOPMENT = ("pytest", "mypy", "ruff", "hypothesis", "playwright", "schemathesis", "mutmut")

_READY = """
until_ready http://127.0.0.1:8000/readyz
"""


def commands() -> str:
    """The guide's commands, and a wait where a reader would look whether the units have started."""
    text = GUIDE.read_text("utf-8").replace("<this repository>", "https://example.org/guahao.git")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 9
    return "".join(_READY + block if "curl" in block and "readyz" in block else block for block in blocks)


def part(name: str) -> str:
    return (SCRIPTS / name).read_text("utf-8")


def why_not() -> str | None:
    if os.geteuid() != 0:
        return "a root file system of its own needs root"
    if "CLOCK_MOVED_S" in os.environ:
        return "what moves the clock is not on a root file system of its own"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return None if subprocess.run([*ALONE, "true"], check=False).returncode == 0 else "no namespaces here"


def install(clone: Path) -> Path:
    """What `make production` makes of a clone: the program. Its packages then need no network."""
    names = ("src", "scripts", "pyproject.toml", "requirements-production.lock")
    clone.mkdir()
    for name in names:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, clone / name)
    subprocess.run([clone / "scripts" / "setup.sh", "production"], check=True, capture_output=True)
    return clone / ".venv" / "bin" / "guahao"


def follow(work: Path) -> subprocess.CompletedProcess[str]:
    """Run the guide's commands on a copy of this machine; what the proof says stands at the end of stdout."""
    script = work / "guide.sh"
    script.write_text(part("before.sh") + commands() + part("after.sh"))
    (work / "copy").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUAHAO_")}
    given = {"WORK": work / "copy", "ROOT": ROOT, "SCRIPT": script, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*ALONE, "--kill-child", "bash", str(SCRIPTS / "machine.sh")],
        env=kept | {name: str(value) for name, value in given.items()},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


@pytest.mark.timeout(600)
def test_the_guide_followed_word_for_word_gives_a_running_production_instance(tmp_path: Path) -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)

    install(tmp_path / "fetched")
    done = follow(tmp_path)

    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    said = done.stdout.partition("== proof\n")[2].splitlines()
    assert said[:8] == ["200", "200", "200", "404", "404", "404", "404", "400"], said
    assert said[8] == str(
        ["address", "agent", "at", "bytes", "method", "path", "request_id", "seconds", "status"]
    )
    assert [line.split()[:2] for line in said[9:14]] == [
        ["700", "guahao"],
        ["600", "guahao"],
        ["600", "guahao"],
        ["700", "guahao"],
        ["700", "guahao"],
    ]
    assert "Permission denied" in said[14]
    assert said[15] == "0"
    assert "must be owner of table audit_entry" in said[16]
    assert "The backup was read through, and is whole." in done.stderr
    assert said[-1].startswith(("The audit trail is intact.", "Nothing is broken"))


def test_the_units_are_what_systemd_understands(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("not installed: systemd-analyze")
    program = tmp_path / "guahao"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = []
    for source in sorted((DEPLOY / "systemd").iterdir()):
        unit = tmp_path / source.name
        text = source.read_text().replace("/opt/guahao/.venv/bin/guahao", str(program))
        unit.write_text(text.replace("User=guahao", "User=root").replace("Group=guahao", "Group=root"))
        units.append(str(unit))

    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)

    about_ours = [line for line in done.stderr.splitlines() if "guahao" in line and "postgresql" not in line]
    assert about_ours == []
    assert {Path(unit).name for unit in units} >= {"guahao-serve.service", "guahao-worker.service"}


def test_what_production_installs_runs_and_asks_for_its_settings(tmp_path: Path) -> None:
    program = install(tmp_path / "clone")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUAHAO_")}

    done = subprocess.run(
        [program, "check-config"], cwd=tmp_path, env=kept, capture_output=True, text=True, check=False
    )

    assert (done.returncode, "GUAHAO_DATABASE_URL: missing" in done.stderr) == (2, True), done.stderr
    found = subprocess.run([program.with_name("python"), "-c", "import pytest"], check=False)
    assert found.returncode == 1


def test_what_production_installs_is_locked_and_has_no_test_tools() -> None:
    def locked(name: str) -> dict[str, str]:
        return dict(
            re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
        )

    everything, production = locked("requirements.lock"), locked("requirements-production.lock")

    assert production.items() <= everything.items()
    assert not set(DEVELOPMENT) & set(production)
    assert {"fastapi", "asyncpg", "uvicorn", "cryptography"} <= set(production)


def test_logs_are_kept_for_six_months() -> None:
    journal, access = (DEPLOY / "logs" / name for name in ("journald.conf", "logrotate"))

    assert "MaxRetentionSec=200day" in journal.read_text()
    assert "rotate 200" in access.read_text()
