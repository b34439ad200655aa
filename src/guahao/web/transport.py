"""HTTP on one connection, with limits that hold without a proxy in front, and refusals in the API's own form.

uvicorn's own protocol waits for ever for a request that was begun, keeps headers of any size and refuses
in plain text.
"""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from guahao.kernel.errors import Problem, Unavailable
from guahao.kernel.http import render
from guahao.kernel.metrics import REQUESTS

_FILES_FOR_OTHERS = 200
"""File descriptors that connections leave to the database, logs and everything else."""

_LINGER_S = 2.0
_LINGER_BYTES = 2 * 1024 * 1024
"""So long and so much a refused client may still send: closing at once would reset the answer away."""

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(:[0-9]{0,5})?")

_FRAMING = 10
"""How many bytes of chunk headers may come with each byte of a body."""


class RequestMalformed(Problem):
    """What came is not HTTP/1.1: the request line, a header or the framing of the body."""

    code = "request-malformed"
    status = 400


class RequestTooSlow(Problem):
    """The request did not arrive in time: ten seconds for its headers, then at least 16 KiB a second."""

    code = "request-too-slow"
    status = 408


class AddressTooLong(Problem):
    """The request's path and query together are longer than 8 KiB."""

    code = "address-too-long"
    status = 414


class HeadersTooLarge(Problem):
    """The request's headers are larger than 64 KiB together, or more than a thousand."""

    code = "headers-too-large"
    status = 431


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one connection, and all of a process together, may take."""

    idle_s: float = 30
    """Before the first request, and between two."""
    head_s: float = 10
    """From the first byte of a request to the end of its headers."""
    body_grace_s: float = 20
    body_bytes_s: float = 16 * 1024
    """A body has the grace, and a second more for each so many bytes that came: what a slow phone can do."""
    reader_s: float = 60
    """So long an answer waits for a client that reads nothing of it."""
    address_bytes: int = 8 * 1024
    head_bytes: int = 64 * 1024
    headers: int = 1000
    connections: int = 2000


class LimitedProtocol(HttpToolsProtocol):
    """One connection under `limits`."""

    limits: ClassVar[Limits] = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # as uvicorn passes them
        """Take what uvicorn gives each connection."""
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._refusal: Problem = RequestMalformed()
        self._is_refused = False
        self._received = self._head_bytes = self._body_bytes = 0
        self._body_began = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        """Begin; a connection too many is told that this server is full."""
        super().connection_made(transport)
        surplus = len(self.connections) - self.limits.connections
        if surplus > _FILES_FOR_OTHERS // 2:
            transport.abort()
        elif surplus > 0:
            self._refuse(Unavailable())
        else:
            self._within(self.limits.idle_s, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._stop_clock()
        self._stop_reader_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; what breaks a limit or the protocol is refused and ends the connection."""
        self._received += len(data)
        if self._is_refused:
            if self._received > _LINGER_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        overhead = self._received - (_FRAMING + 1) * self._body_bytes
        if overhead > self.limits.head_bytes:
            self._refuse(HeadersTooLarge())

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser, or one of the limits below, has stopped at."""
        _ = msg
        self._refuse(self._refusal)

    def on_message_begin(self) -> None:
        """Start the clock of a request's headers."""
        super().on_message_begin()
        self._received = self._head_bytes = self._body_bytes = 0
        self._within(self.limits.head_s, self._too_slow)

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        super().on_url(url)
        if len(self.url) > self.limits.address_bytes:
            self._stop_at(AddressTooLong())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, or one trailer after the body."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.head_bytes or len(self.headers) >= self.limits.headers:
            self._stop_at(HeadersTooLarge())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the clock of the body."""
        if not self._is_well_framed():
            self._stop_at(RequestMalformed())
        super().on_headers_complete()
        self._body_began = self.loop.time()
        self._within(self.limits.body_grace_s, self._judge_body)

    def on_body(self, body: bytes) -> None:
        """Count what of the body came."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Leave the time to the application, or wait for the next request if that has answered already."""
        super().on_message_complete()
        if self.cycle.response_complete:
            self._within(self.limits.idle_s, self._close)
        else:
            self._stop_clock()

    def on_response_complete(self) -> None:
        """Wait for the next request, or a little for the rest of a body that nobody wants."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._within(_LINGER_S if self.cycle.more_body else self.limits.idle_s, self._close)

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(self.limits.reader_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it: the client reads."""
        self._stop_reader_clock()
        super().resume_writing()

    def _is_well_framed(self) -> bool:
        """Whether one host is named and the body is framed as all readers take it (RFC 9112, 3.2, 6.1)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        is_new = self.parser.get_http_version() != "1.0"
        is_named = len(hosts) == 1 if is_new else len(hosts) <= 1
        is_framed = not codings or (is_new and [value.lower() for value in codings] == [b"chunked"])
        return is_named and is_framed and all(_HOST.fullmatch(host) for host in hosts)

    def _stop_at(self, problem: Problem) -> None:
        self._refusal = problem
        raise ValueError  # ends the parser, which tells `send_400_response`

    def _judge_body(self) -> None:
        now = self.loop.time()
        if self.flow.read_paused:  # the application is the slow one
            self._body_began = now
        allowed_s = self.limits.body_grace_s + self._body_bytes / self.limits.body_bytes_s
        remaining_s = self._body_began + allowed_s - now
        if remaining_s > 0:
            self._within(remaining_s, self._judge_body)
        else:
            self._too_slow()

    def _too_slow(self) -> None:
        self._refuse(RequestTooSlow())

    def _refuse(self, problem: Problem) -> None:
        """Answer a problem document, unless an answer is under way, and end the connection."""
        if self._is_refused:
            return
        self._is_refused = True
        REQUESTS.labels("-", "refused", problem.status).inc()
        cycle: RequestResponseCycle | None = self.cycle
        is_answering = False
        if cycle is not None and not cycle.response_complete:
            is_answering = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        if self.transport.is_closing():
            return
        if is_answering:
            self._close()
            return
        self.transport.write(_document(problem, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._within(_LINGER_S, self._close)

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _within(self, seconds: float, otherwise: Callable[[], None]) -> None:
        self._stop_clock()
        self._timer = self.loop.call_later(seconds, otherwise)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_reader_clock(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None


def _document(problem: Problem, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    answer = render(problem)
    headers = [*default_headers, *answer.raw_headers, (b"connection", b"close")]
    lines = [b"%s: %s\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", bytes(answer.body)])


def limited(limits: Limits) -> type[LimitedProtocol]:
    """Make the protocol that uvicorn gives each connection of one server."""
    return type("LimitedProtocol", (LimitedProtocol,), {"limits": limits})


def possible_connections(asked: int) -> int:
    """Let this process open as many files as the system allows; answer how many connections that gives."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return max(min(asked, most - _FILES_FOR_OTHERS), 1) if most != resource.RLIM_INFINITY else asked
