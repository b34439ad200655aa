"""HTTP/1.1 clients that cost little, so that the machine's time goes to the server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run of load came to."""

    seconds: float
    statuses: Counter[int]
    latencies_s: Sequence[float]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The latency that this share of answers stayed below."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Lane(asyncio.Protocol):
    """One connection: sends a request, waits for its whole answer, sends the next."""

    def __init__(self, next_request: Callable[[], bytes | None], load: _Tally) -> None:
        self._next = next_request
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        _, _, length = head.lower().partition(b"content-length:")  # a 204 has none
        if length and len(body) < int(length.split(b"\r\n", 1)[0]):
            return
        self._load.statuses[int(head[9:12])] += 1
        self._load.latencies_s.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


class _Tally:
    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies_s: list[float] = []


async def run(port: int, requests: Sequence[bytes], *, connections: int) -> Load:
    """Send all requests over so many connections, each waiting for its answer; 127.0.0.1 only."""
    waiting = iter(requests)
    tally = _Tally()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    lanes = [
        (await loop.create_connection(lambda: _Lane(lambda: next(waiting, None), tally), "127.0.0.1", port))[
            1
        ]
        for _ in range(connections)
    ]
    await asyncio.gather(*(lane.done for lane in lanes))
    return Load(seconds=time.perf_counter() - started, statuses=tally.statuses, latencies_s=tally.latencies_s)


async def run_patiently(port: int, requests: Sequence[bytes], *, connections: int) -> Load:
    """Run a load and, while somebody is told "too busy", run it again with the same keys, as clients do.

    What was done already is answered from memory then. Answers the last run's figures.
    """
    load = await run(port, requests, connections=connections)
    for _ in range(4):
        if 503 not in load.statuses:
            break
        load = await run(port, requests, connections=connections)
    return load


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request."""

    status: int
    body: bytes
    is_replayed: bool


class Connection:
    """One connection to 127.0.0.1, opened when needed and again after it was lost."""

    def __init__(self, port: int) -> None:
        """Name the port; nothing is opened yet."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, *, timeout_s: float) -> Answer:
        """Send one request and read its whole answer.

        Raises OSError, EOFError or TimeoutError when no whole answer came; what the server did is
        unknown then, and the connection is given up.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                return await self._exchange(request, *self._streams)
        except BaseException:
            self.close()
            raise

    async def _exchange(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        _, found, length = head.partition(b"content-length:")
        body = await reader.readexactly(int(length.split(b"\r\n", 1)[0])) if found else b""
        if b"\r\nconnection: close" in head:
            self.close()
        return Answer(status=int(head[9:12]), body=body, is_replayed=b"\r\nidempotent-replayed: true" in head)

    def close(self) -> None:
        """Close what is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: str, *, token: str, key: str) -> bytes:
    """A POST request of JSON with a token and an Idempotency-Key."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def post_signed(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST request whose sender proves itself by headers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
