import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.postgres import EmbeddedPostgres, utf8_ctype
from tests.database import folder

STARTER = """
import sys, time
from pathlib import Path
from guahao.kernel.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.postmaster_pid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    one = EmbeddedPostgres(folder() / "pg")
    yield one
    one.stop()


@pytest.mark.anyio
async def test_trigrams_see_chinese_letters(db: AsyncSession) -> None:
    assert await db.scalar(text("SELECT similarity('心血管内科', '心内科')")) == pytest.approx(0.25)


def test_the_server_writes_to_disk_before_it_answers(server: EmbeddedPostgres) -> None:
    server.start()

    assert [server._psql(f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == [
        "on",
        "on",
        "on",
    ]
    assert server._psql("SHOW listen_addresses") == ""
    assert server._psql("SELECT datctype FROM pg_database WHERE datname = 'guahao'") == utf8_ctype()


def test_starting_twice_is_one_server(server: EmbeddedPostgres) -> None:
    server.start()
    first = server.postmaster_pid()

    EmbeddedPostgres(server._named).start()

    assert server.postmaster_pid() == first


def test_a_crashed_server_is_started_again_with_its_data(server: EmbeddedPostgres) -> None:
    server.start()
    server._psql("CREATE TABLE kept AS SELECT 7 AS number")
    before = server.postmaster_pid()
    assert before is not None

    os.kill(before, signal.SIGKILL)
    server.start()

    assert server.postmaster_pid() != before
    assert server._psql("SELECT number FROM kept") == "7"


def test_the_server_survives_a_killed_parent_and_is_adopted(server: EmbeddedPostgres) -> None:
    command = [sys.executable, "-c", STARTER, str(server._named)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        started = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    server.start()

    assert server.postmaster_pid() == started


def test_a_clean_stop_leaves_no_process_and_can_be_repeated(server: EmbeddedPostgres) -> None:
    server.start()

    server.stop()
    server.stop()

    assert server.postmaster_pid() is None
    assert not server.is_running()


def test_a_half_made_data_folder_is_made_again(server: EmbeddedPostgres) -> None:
    server._named.mkdir(parents=True)
    (server._named / "new").mkdir()
    (server._named / "new" / "PG_VERSION").write_text("18")

    server.start()

    assert server.is_running()


def test_a_path_too_long_for_a_socket_gets_a_short_one() -> None:
    server = EmbeddedPostgres(folder() / ("long " * 20).strip() / "pg")
    server.start()
    try:
        assert server.is_running()
        assert server._psql("SELECT 1") == "1"
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
def test_root_may_keep_its_data_where_the_servers_account_cannot_reach() -> None:
    private = folder() / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedPostgres(private / "pg")
    server.start()
    try:
        assert server.is_running()
        assert private.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
        shutil.rmtree((private / "pg").resolve())


ACCOUNT_MAKER = """
import sys
from guahao.kernel import postgres
postgres.ACCOUNT = "guahao-made-at-once"
sys.stdin.readline()
print(postgres._account().pw_uid)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
def test_servers_that_start_at_once_make_one_account() -> None:
    command = [sys.executable, "-c", ACCOUNT_MAKER]
    makers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    try:
        for maker in makers:
            assert maker.stdin is not None
            maker.stdin.write("go\n")
            maker.stdin.flush()
        told = {int(maker.communicate(timeout=30)[0]) for maker in makers}

        assert told == {pwd.getpwnam("guahao-made-at-once").pw_uid}
    finally:
        subprocess.run(["userdel", "guahao-made-at-once"], check=False, capture_output=True)
