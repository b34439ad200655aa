"""One server process: serves until told to stop, then finishes what it has accepted."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import socket
import struct
import sys
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

import uvicorn
import uvloop
from fastapi import FastAPI

from guahao.kernel import log
from guahao.kernel.settings import Settings
from guahao.web import configuration, health
from guahao.web.app import create_app
from guahao.web.transport import Limits, limited, possible_connections

_QUIET_S = 1.0
_POLL_S = 0.05
_BACKLOG = 2048
_HANDSHAKE_S = 0.3
"""A client whose connection is half open completes it within this time, even from far away."""
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module does not name it
_ALL_BUT_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load byte 13 of the TCP header: its flags
    (0x45, 0, 1, 0x02),  # is SYN set?
    (0x06, 0, 0, 0),  # yes: drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # no: keep it whole
)
"""A classic BPF program (linux/filter.h): code, jump if true, jump if false, value."""


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals to us and drops nobody who got through."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield

    def stop_accepting(self, opened: socket.socket) -> None:
        """Take what waits in the accept queue, which a plain close would reset, and close the socket."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = opened.accept()
            except BlockingIOError:
                break
            connection.setblocking(False)
            self._taken.add(loop.create_task(loop.connect_accepted_socket(self._protocol, connection)))
        for server in self.servers:
            server.close()

    async def until_quiet(self, quiet_s: float, deadline: float) -> None:
        """Wait until no request was there for `quiet_s`, at most until `deadline`."""
        quiet_since, seen = monotonic(), self.server_state.total_requests
        while monotonic() < min(deadline, quiet_since + quiet_s):
            await asyncio.sleep(_POLL_S)
            if self.server_state.total_requests != seen or self.server_state.tasks:
                quiet_since, seen = monotonic(), self.server_state.total_requests

    def __init__(self, config: uvicorn.Config) -> None:
        """Take uvicorn's configuration."""
        super().__init__(config)
        self._taken: set[asyncio.Task[object]] = set()

    def _protocol(self) -> asyncio.Protocol:
        kind: type[asyncio.Protocol] = self.config.http_protocol_class
        return kind(  # type: ignore[call-arg]  # as uvicorn makes them
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket that every server process of this machine may open likewise.

    Each has a queue of its own (SO_REUSEPORT), so the kernel spreads the load evenly and a socket
    that is closed refuses new connections at once, instead of leaving them in a queue nobody reads.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind((host, port))
    opened.listen(_BACKLOG)
    opened.setblocking(False)
    return opened


def ignore_newcomers(listening: socket.socket) -> None:
    """Let the kernel drop requests for new connections to this socket; those under way still complete.

    Without it a connection that the kernel completes between the last accept and the close of the
    socket is reset, and its request lost. The dropped client asks again after a second, as TCP does,
    and finds another process, or nobody. Does nothing where the system has no such filter.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *step) for step in _ALL_BUT_NEW_CONNECTIONS)
    )
    described = struct.pack("HP", len(_ALL_BUT_NEW_CONNECTIONS), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _server_of(app: FastAPI, settings: Settings) -> _Server:
    limits = Limits(connections=possible_connections(settings.max_connections))
    return _Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=limited(limits),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the edge asks GUAHAO_TRUSTED_PROXIES; uvicorn believes this machine
            timeout_keep_alive=int(limits.idle_s),
            timeout_graceful_shutdown=max(int(settings.drain_s), 1),
        )
    )


def _numbers_app(main: FastAPI) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state = main.state
    app.include_router(health.numbers_router)
    return app


async def _drain(app: FastAPI, opened: list[tuple[_Server, socket.socket]], limit_s: float) -> None:
    """Say "not ready", go on answering until it becomes quiet, take no more connections, finish, close.

    A balancer in front sends nothing more once it has seen /readyz; whoever talks to us directly
    is told by `Connection: close` to come back on a new connection.
    """
    app.state.draining = True
    log.logger().info("draining", pid=os.getpid())
    main = opened[0][0]
    began = monotonic()
    await main.until_quiet(_QUIET_S, began + limit_s / 2)
    for _, listening in opened:
        ignore_newcomers(listening)
    await asyncio.sleep(_HANDSHAKE_S)
    for server, listening in opened:
        server.stop_accepting(listening)
    await main.until_quiet(_QUIET_S / 2, began + limit_s)
    for server, _ in opened:
        server.should_exit = True


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # all of this stays for good: full collections need not look at it, 0.2 s each time
    servers = [_server_of(app, settings)]
    sockets = [listen(settings.host, settings.port)]
    if settings.metrics_port is not None:
        servers.append(_server_of(_numbers_app(app), settings))
        sockets.append(listen(settings.metrics_host, settings.metrics_port))
    stopping = asyncio.Event()
    until_told(stopping)
    serving = [
        asyncio.create_task(server.serve([opened])) for server, opened in zip(servers, sockets, strict=True)
    ]
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait([told, *serving], return_when=asyncio.FIRST_COMPLETED)
    opened = list(zip(servers, sockets, strict=True))
    await _drain(app, opened, settings.drain_s if told.done() else 0)
    told.cancel()
    await asyncio.gather(*serving)


def until_told(stopping: asyncio.Event) -> None:
    """Set `stopping` on SIGTERM and when the parent process is gone; leave Ctrl-C to the parent."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)

    def parent_is_gone() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            stopping.set()

    loop.add_reader(sys.stdin.fileno(), parent_is_gone)


def main() -> None:
    """Serve with the settings of the environment."""
    settings = configuration.load()
    log.configure(level=settings.log_level)
    uvloop.run(_serve(settings))
