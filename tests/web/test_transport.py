"""Limits of connections, on real sockets of 127.0.0.1 and with nothing in front."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from guahao.web.transport import Limits, limited, possible_connections

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
QUICK = Limits(idle_s=2, head_s=1, body_grace_s=1, body_bytes_s=100, reader_s=1)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_CODED = b"POST / HTTP/%b\r\nHost: x\r\nTransfer-Encoding: %b\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
BIG = 40_000_000


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer how many bytes came; to /big answer many, to /early without reading."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"x" * BIG if scope["path"] == "/big" else str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave the signals to pytest."""


@asynccontextmanager
async def served(limits: Limits) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2048)
        config = uvicorn.Config(
            _echo, http=limited(limits), ws="none", lifespan="off", log_config=None, timeout_keep_alive=600
        )
        server = _Server(config)
        with server.capture_signals():
            serving = asyncio.create_task(server._serve([listening]))
            try:
                yield listening.getsockname()[1]  # whoever comes early waits in the socket's queue
            finally:
                server.should_exit = True
                await serving


async def answer_to(port: int, *parts: bytes, pause_s: float = 0) -> tuple[int, dict[str, Any]]:
    """Send the parts and read until the server ends the connection; status 0 when it says nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        said = await reader.read()
    except ConnectionError:
        return -1, {}
    finally:
        writer.close()
    if not said:
        return 0, {}
    head, _, body = said.partition(b"\r\n\r\n")
    is_problem = b"application/problem+json" in head
    return int(said.split(b" ", 2)[1]), json.loads(body) if is_problem else {"body": body}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "request-malformed"),
        (b"GET /\xe5\x8c\xbb\xe9\x99\xa2 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "request-malformed"),
        (b"GET / HTTP/1.1\r\nHost: a b/@c\r\n\r\n", 400, "request-malformed"),
        (_CODED % (b"1.1", b"gzip, chunked"), 400, "request-malformed"),
        (_CODED % (b"1.1", b"xchunked"), 400, "request-malformed"),
        (_CODED % (b"1.0", b"chunked"), 400, "request-malformed"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "request-malformed"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "address-too-long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 70_000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 1000 + b"\r\n", 431, "headers-too-large"),
        (b"GET / HT", 408, "request-too-slow"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 408, "request-too-slow"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 408, "request-too-slow"),
    ],
)
async def test_what_breaks_a_limit_is_a_problem_document(sent: bytes, status: int, code: str) -> None:
    async with served(QUICK) as port:
        found, document = await answer_to(port, sent)

    assert (found, document.get("code")) == (status, code)
    assert not document["title"].isascii()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0\r\n",
        b"HTTP/1.1\r\nHost: [::1]:8000\r\nConnection: close\r\n",
        b"HTTP/1.1\r\nHost: guahao.example.cn:443\r\nConnection: close\r\n",
        b"HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n",
    ],
)
async def test_every_way_to_name_the_host_is_taken(head: bytes) -> None:
    sent = b"POST / " + head + b"\r\n" + (b"0\r\n\r\n" if b"Chunked" in head else b"")
    async with served(QUICK) as port:
        assert await answer_to(port, sent) == (200, {"body": b"0"})


async def test_as_many_headers_as_browsers_and_proxies_send_are_taken() -> None:
    sent = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + b"a: b\r\n" * 500 + b"\r\n"
    async with served(QUICK) as port:
        assert await answer_to(port, sent) == (200, {"body": b"0"})


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"POST / HTTP/1.0", b"3"),
        (b"POST /early HTTP/1.0", b"0"),
        (b"POST http://x/ HTTP/1.1", b"3"),
        (b"POST http://x/early HTTP/1.1", b"0"),
        (b"POST http://x/early?from=http://y/ HTTP/1.0", b"0"),
    ],
)
async def test_old_and_absolute_forms_of_a_request_reach_their_path(line: bytes, read: bytes) -> None:
    sent = line + b"\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    async with served(QUICK) as port:
        assert await answer_to(port, sent) == (200, {"body": read})


async def test_connections_that_say_nothing_or_half_are_ended() -> None:
    async with served(QUICK) as port:
        silent = [answer_to(port) for _ in range(450)]
        half = [answer_to(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: ") for _ in range(450)]
        found = await asyncio.gather(*silent, *half)

    assert [status for status, _ in found] == [0] * 450 + [408] * 450


async def test_a_connection_that_only_sends_line_ends_is_ended() -> None:
    async with served(QUICK) as port:
        assert (await answer_to(port, *[b"\r\n"] * 30, pause_s=0.1))[0] <= 0
        after_a_request, _ = await answer_to(port, GET, *[b"\r\n"] * 30, pause_s=0.1)

    assert after_a_request in {200, -1}


async def test_headers_without_an_end_are_refused_after_some_and_kept_nowhere() -> None:
    sent = 0
    async with served(QUICK) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        try:
            while sent < 285_000_000:
                writer.write(b"a" * 100_000)
                await writer.drain()
                sent += 100_000
        except ConnectionError:
            pass
        writer.close()

    assert sent < 30_000_000


@pytest.mark.parametrize("part", [b"1;" + b"x" * 200_000 + b"\r\na\r\n", b"0\r\nX: " + b"x" * 200_000])
async def test_chunk_extensions_and_trailers_count_as_headers(part: bytes) -> None:
    begin = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with served(QUICK) as port:
        status, document = await answer_to(port, begin, part, part, pause_s=0.05)

    assert (status, document.get("code")) == (431, "headers-too-large")


async def test_a_slow_body_that_keeps_its_pace_is_read() -> None:
    begin = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n"
    async with served(QUICK) as port:
        assert await answer_to(port, begin, *[b"x" * 300] * 10, pause_s=0.15) == (200, {"body": b"3000"})


async def test_a_body_that_nobody_wants_is_not_read_for_long() -> None:
    begin = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n"
    async with served(QUICK) as port:
        async with asyncio.timeout(10):
            status, _ = await answer_to(port, begin, *[b"x" * 1000] * 100, pause_s=0.05)

    assert status in {200, -1}


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with served(QUICK) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(2)
        read = 0
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(1_000_000):
                read += len(part)
        writer.close()

    assert read < BIG


async def test_one_connection_too_many_is_told_so_and_the_others_work() -> None:
    async with served(Limits(connections=5)) as port:
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        await asyncio.sleep(0.1)
        status, document = await answer_to(port, b"")
        reader, writer = others[0]
        writer.write(GET)
        first = await reader.readline()
        for _, other in others:
            other.close()

    assert (status, document["code"]) == (503, "temporarily-unavailable")
    assert first == b"HTTP/1.1 200 OK\r\n"


async def test_requests_sent_together_are_answered_in_turn() -> None:
    async with served(QUICK) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET * 3)
        said = await reader.read()
        writer.close()

    assert said.count(b"HTTP/1.1 200 OK") == 3


def test_no_more_connections_are_promised_than_the_system_has_files() -> None:
    assert 1 <= possible_connections(100_000_000) < 100_000_000
    assert possible_connections(10) == 10
