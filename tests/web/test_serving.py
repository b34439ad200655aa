import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from guahao.kernel.clock import utc_now
from guahao.kernel.postgres import EmbeddedPostgres
from guahao.web.migrate import upgrade
from guahao.web.server import ignore_newcomers, listen
from tests.database import folder
from tests.web.processes import checks, environment, free_port, get, running, until


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    made = folder()
    server = EmbeddedPostgres(made / "pg")
    server.start()
    upgrade(server.dsn)
    yield made
    server.stop()


async def load(port: int, stop: asyncio.Event, failed: list[str]) -> int:
    answered = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while not stop.is_set():
            try:
                answer = await client.get("/api/v1/hospitals")
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
                continue
            except httpx.HTTPError as error:
                failed.append(repr(error))
                continue
            if answer.status_code != 200:
                failed.append(str(answer.status_code))
            answered += 1
    return answered


@pytest.mark.anyio
async def test_a_stopping_server_fails_no_request_it_accepted(data_dir: Path) -> None:
    port = free_port()
    failed: list[str] = []
    stop = asyncio.Event()
    with running("serve", environment(data_dir, port, drain_s=4), "--workers", "2") as process:
        await asyncio.to_thread(until, port, "/livez", 200)
        clients = [asyncio.create_task(load(port, stop, failed)) for _ in range(8)]
        await asyncio.sleep(1)

        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, 60)
        stop.set()
        answered = sum(await asyncio.gather(*clients))

    assert (code, failed) == (0, [])
    assert answered > 0
    assert get(port, "/livez")[0] == 0


def ask(port: int, stop: threading.Event, cut_off: list[str]) -> None:
    while not stop.is_set():
        with socket.socket() as client:
            client.settimeout(10)
            try:
                client.connect(("127.0.0.1", port))
            except OSError:
                continue
            try:
                client.sendall(b"?")
                assert client.recv(1) == b"!"
            except (OSError, AssertionError) as error:
                cut_off.append(repr(error))


def answer(listening: socket.socket, for_s: float = 0) -> None:
    until_then = time.monotonic() + for_s
    while True:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            if time.monotonic() >= until_then:
                return
            continue
        with connection:
            connection.settimeout(10)
            connection.recv(1)
            connection.sendall(b"!")


def test_a_closing_socket_cuts_nobody_off_whom_the_kernel_let_in() -> None:
    port = free_port()
    stop = threading.Event()
    cut_off: list[str] = []
    askers = [threading.Thread(target=ask, args=(port, stop, cut_off)) for _ in range(8)]
    for asker in askers:
        asker.start()

    for _ in range(60):
        with listen("127.0.0.1", port) as listening:
            answer(listening, for_s=0.02)
            ignore_newcomers(listening)
            answer(listening, for_s=0.02)

    stop.set()
    for asker in askers:
        asker.join()
    assert cut_off == []


def test_every_answer_carries_the_servers_time(data_dir: Path) -> None:
    port = free_port()
    paths = ("/api/v1/hospitals", "/api/v1/doctors/x", "/api/v1/appointments", "/nothing", "/openapi.json")
    with running("serve", environment(data_dir, port)):
        until(port, "/livez", 200)
        answers = [httpx.get(f"http://127.0.0.1:{port}{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [200, 404, 401, 404, 200]
    for answer in answers:
        told = parsedate_to_datetime(answer.headers["date"])
        assert abs((told - utc_now()).total_seconds()) < 60


@pytest.mark.anyio
async def test_a_draining_server_says_so_and_still_answers(data_dir: Path) -> None:
    port = free_port()
    with running("serve", environment(data_dir, port, drain_s=8)) as process:
        await asyncio.to_thread(until, port, "/livez", 200)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            process.send_signal(signal.SIGTERM)
            draining = False
            while not draining:
                answer = await client.get("/readyz")
                draining = not answer.json()["checks"]["not_draining"]
            last = await client.get("/livez")

    assert answer.status_code == 503
    assert answer.headers["connection"] == "close"
    assert last.status_code == 200


def test_children_end_with_a_killed_parent(data_dir: Path) -> None:
    port = free_port()
    with running("serve", environment(data_dir, port, drain_s=1), "--workers", "2") as process:
        until(port, "/livez", 200)

        process.kill()
        until(port, "/livez", 0, within_s=20)


def test_a_killed_child_is_started_again(data_dir: Path) -> None:
    port = free_port()
    with running("serve", environment(data_dir, port, drain_s=1)) as process:
        until(port, "/livez", 200)
        child = next(
            int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        )

        os.kill(child, signal.SIGKILL)
        until(port, "/livez", 0, within_s=20)
        until(port, "/livez", 200)


def test_server_and_worker_come_back_after_the_database_crashed(data_dir: Path) -> None:
    port = free_port()
    variables = environment(data_dir, port, drain_s=1)
    with running("serve", variables), running("worker", variables):
        until(port, "/readyz", 200)
        server = EmbeddedPostgres(data_dir / "pg")
        server.start()
        postmaster = server.postmaster_pid()
        assert postmaster is not None

        os.kill(postmaster, signal.SIGKILL)

        # Both tend the server, so one of them starts it again.
        deadline = time.monotonic() + 60
        while server.postmaster_pid() in {None, postmaster} and time.monotonic() < deadline:
            time.sleep(0.1)
        until(port, "/readyz", 200)
        assert checks(port) == dict.fromkeys(("database", "migrations", "worker", "not_draining"), True)
        assert b'"items"' in until(port, "/api/v1/hospitals", 200)


def test_numbers_of_all_workers_are_told_on_a_port_of_their_own(data_dir: Path) -> None:
    port = free_port()
    variables = environment(data_dir, port, drain_s=1, metrics_port=free_port() + 1)
    metrics_port = int(variables["GUAHAO_METRICS_PORT"])
    with running("serve", variables, "--workers", "2"):
        until(port, "/livez", 200)
        for _ in range(9):
            get(port, "/problems/not-found")

        told = until(metrics_port, "/metrics", 200).decode()

        assert 'guahao_requests_total{method="GET",route="/problems/{code}",status="200"} 9.0' in told
        assert "\nguahao_database_up 1.0\n" in told
        assert get(port, "/metrics")[0] == 404


def test_serving_every_address_leaves_the_numbers_on_this_machine_alone(data_dir: Path) -> None:
    port = free_port()
    variables = environment(data_dir, port, drain_s=1, metrics_port=port + 1, host="0.0.0.0")
    with running("serve", variables):
        until(port, "/livez", 200)
        until(port + 1, "/metrics", 200)

        with socket.create_connection(("127.0.0.2", port), timeout=5):
            pass
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port + 1), 5):
            pass
