import asyncio
import json
import re
import secrets
import signal
import stat
import subprocess
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from openpyxl import load_workbook

from guahao.identity.service.setup import needs_first_admin, setup_code, setup_file
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.postgres import EmbeddedPostgres
from guahao.kernel.settings import Settings
from guahao.web.cli.run import tell_setup_code
from guahao.web.migrate import upgrade
from tests.database import folder
from tests.factories.workbook import headers, put, sheets, write_xlsx
from tests.web.processes import environment, free_port, guahao, running, until


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    made = folder()
    server = EmbeddedPostgres(made / "pg")
    server.start()
    upgrade(server.dsn)
    yield made
    server.stop()


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    code, error = said(guahao(environment(tmp_path, 20000, workers="many"), "serve"))

    assert code == 2
    assert error.startswith("guahao: GUAHAO_WORKERS: ")


def test_production_does_not_start_unfit(tmp_path: Path) -> None:
    code, error = said(guahao(environment(tmp_path, 20000, environment="production"), "serve"))

    assert code == 2
    assert "guahao: GUAHAO_DATABASE_URL: " in error
    assert "guahao: GUAHAO_PUBLIC_URL: " in error


def test_check_config_names_everything_and_secrets_come_from_files(tmp_path: Path) -> None:
    folder_of_secrets = tmp_path / "secrets"
    folder_of_secrets.mkdir()
    (folder_of_secrets / "guahao_wechat_app_secret").write_text("0123456789abcdef\n")
    folder_of_secrets.chmod(0o700)
    (folder_of_secrets / "guahao_wechat_app_secret").chmod(0o600)
    variables = environment(tmp_path, 20000, environment="production", secrets_dir=folder_of_secrets)

    code, error = said(guahao(variables, "check-config"))

    assert code == 2
    assert "GUAHAO_WECHAT_APP_ID" in error
    assert "GUAHAO_WECHAT_APP_SECRET" not in error
    assert "GUAHAO_KEYS_DIR" in error
    assert said(guahao(environment(tmp_path, 20000), "check-config"))[0] == 0


def test_an_unreachable_database_is_told_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    code, error = said(guahao(environment(tmp_path, 20000, database_url=url), "migrate"))

    assert code == 1
    assert error == (
        "guahao: the database cannot be reached (ConnectionRefusedError); check GUAHAO_DATABASE_URL\n"
    )


def test_an_empty_database_is_refused_until_migrated() -> None:
    variables = environment(folder(), free_port())

    before = said(guahao(variables, "serve"))
    migrated = [said(guahao(variables, "migrate")) for _ in range(2)]

    assert before[0] == 1
    assert before[1].endswith("run: guahao migrate\n")
    assert [code for code, _ in migrated] == [0, 0]


def test_a_port_in_use_is_told(data_dir: Path) -> None:
    port = free_port()
    variables = environment(data_dir, port)
    with running("serve", variables):
        until(port, "/livez", 200)

        code, error = said(guahao(variables, "serve"))

    assert code == 1
    assert f"127.0.0.1:{port} is in use" in error


def test_an_administrator_is_created_once_and_invited(data_dir: Path) -> None:
    variables = environment(data_dir, 20000)
    create = ("admin", "create-staff", "boss", "--name", "王", "--role", "platform_admin")

    first = guahao(variables, *create)
    again = said(guahao(variables, *create))
    trail = guahao(variables, "audit", "verify")

    assert (first.returncode, again[0]) == (0, 1)
    id_, invitation = first.stdout.split()
    assert UUID(id_).version == 8
    assert re.fullmatch("[a-z0-9]{4}(-[a-z0-9]{4}){3}", invitation)
    assert "staff-username-taken" in again[1]
    assert trail.returncode == 0
    assert trail.stdout.startswith("hospital 0: ")


def test_the_trail_is_written_as_data_of_the_days_asked_for(data_dir: Path) -> None:
    variables = environment(data_dir, 20000)
    create = ("admin", "create-staff", "keeper", "--name", "李", "--role", "platform_admin")
    id_ = guahao(variables, *create).stdout.split()[0]
    whole, later = folder() / "whole.jsonl", folder() / "later.jsonl"

    done = guahao(variables, "audit", "export", str(whole))
    none = guahao(variables, "audit", "export", str(later), "--from", "2999-01-01")

    entries = [json.loads(line) for line in whole.read_text().splitlines()]
    assert done.stderr == f"Wrote {len(entries)} entries into {whole}.\n"
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600
    made = {(entry["action"], entry["actor"]) for entry in entries if entry["subject"] == f"staff:{id_}"}
    assert ("staff.create", "system") in made
    assert (none.returncode, later.read_text()) == (0, "")


@pytest.mark.anyio
async def test_a_log_is_told_where_the_setup_code_lies_and_not_the_code(
    settings: Settings,
    sessions: Sessions,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which says nothing about who reads
    async with transaction(sessions) as db:
        assert await needs_first_admin(db)
    await tell_setup_code(settings)

    told = capsys.readouterr().err
    file = setup_file(settings.data_dir)
    assert f"with the code in {file}" in told
    assert len(setup_code(file)) == 19
    assert setup_code(file) not in told


def test_a_new_key_seals_anew_and_the_old_one_is_named_idle(data_dir: Path) -> None:
    variables = environment(data_dir, 20000)
    guahao(variables, "check-config")  # makes the first keys
    (key,) = data_dir.rglob("sealing-1.key")
    second = key.with_name("sealing-2.key")
    second.touch(mode=0o600)
    second.write_text(secrets.token_hex(32))

    counted = guahao(variables, "reseal", "--dry-run")
    done = guahao(variables, "reseal")

    assert (counted.returncode, done.returncode) == (0, 0), done.stderr
    assert "account.phone_sealed: 0 sealed anew; empty" in done.stdout
    assert "No column needs sealing-1.key any more" in done.stderr


def test_a_faulty_file_is_refused_and_named(data_dir: Path, tmp_path: Path) -> None:
    variables = environment(data_dir, 20000)
    (tmp_path / "x.xlsx").write_bytes(b"no workbook")

    code, error = said(guahao(variables, "import", str(tmp_path / "x.xlsx")))

    assert code == 1
    assert "nothing was imported" in error


def test_eight_o_clock_is_that_of_china_wherever_the_server_stands(data_dir: Path, tmp_path: Path) -> None:
    variables = environment(data_dir, free_port()) | {"TZ": "America/New_York", "LC_ALL": "C"}
    filled = write_xlsx(tmp_path / "h.xlsx", sheets(put("出诊安排", 0, 节假日="照常")))
    exported = tmp_path / "out.xlsx"

    imported = guahao(variables, "import", str(filled))
    with running("worker", variables):
        made = asyncio.run(sessions_made(EmbeddedPostgres(data_dir / "pg").dsn))
    written = guahao(variables, "export", str(exported))
    again = guahao(variables, "import", "--dry-run", str(exported))

    assert (imported.returncode, written.returncode, again.returncode) == (0, 0, 0), imported.stderr
    assert {row[:2] for row in made} == {(time(8), time(12))}
    assert all(day == starts for _, _, day, starts in made)
    _, *rows = load_workbook(exported)["出诊安排"].values
    column = headers("出诊安排").index("开始时间")
    assert [str(row[column])[:5] for row in rows] == ["08:00", "08:00"]
    assert "出诊安排: +0 ~0 =2" in again.stdout


async def sessions_made(dsn: str) -> list[tuple[time, time, date, date]]:
    """Hours and days in China of the sessions, as soon as there are some."""
    local = "{} AT TIME ZONE 'Asia/Shanghai'"
    starts, ends = local.format("starts_at"), local.format("ends_at")
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(60):
            while True:
                rows = await connection.fetch(
                    f"SELECT ({starts})::time, ({ends})::time, date, ({starts})::date FROM clinic_session"
                )
                if rows:
                    return [tuple(row) for row in rows]
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


def test_the_demo_starts_tells_its_logins_and_stops_cleanly() -> None:
    data_dir = folder() / "var"
    port = free_port()
    variables = environment(data_dir, port)
    with running("demo", variables) as process:
        until(port, "/readyz", 200)
        described = json.loads((data_dir / "demo.json").read_text())
        hospitals = json.loads(until(port, "/api/v1/hospitals", 200))

        process.send_signal(signal.SIGINT)
        code = process.wait(30)

    assert code == 0
    assert described["base_url"] == f"http://127.0.0.1:{port}"
    assert {account["role"] for account in described["accounts"]} >= {"patient", "desk", "platform_admin"}
    assert len(described["hospitals"]) == len(hospitals["items"]) >= 3
    assert not EmbeddedPostgres(data_dir / "pg").is_running()
