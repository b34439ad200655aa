"""The outermost layer of every request: ids, body checks, headers, counts, and no bare failure."""

from __future__ import annotations

import re
from functools import cache
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guahao.kernel.address import client_address, networks
from guahao.kernel.errors import Problem
from guahao.kernel.http import render
from guahao.kernel.log import logger
from guahao.kernel.metrics import BOOKINGS, REQUESTS, SECONDS
from guahao.web import body
from guahao.web.refusal import problem_of
from guahao.web.unreadable import tell_unreadable

_SLOW_S = 1.0
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""Said where clients use https: their browsers never fall back to a connection that can be read."""

_AS_PATCH = (b"x-http-method-override", b"PATCH")
"""What a client says that cannot send PATCH, as WeChat's wx.request cannot."""

_BOOKING_ROUTE = ("POST", "/api/v1/appointments")


_requests = cache(REQUESTS.labels)
_seconds = cache(SECONDS.labels)
"""Finding a label's counter costs more than counting; routes, methods and status codes are few."""


class Edge:
    """ASGI middleware around the whole application.

    Only slow requests and failures are logged: counts tell the rest, and addresses of people's
    requests are not kept.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request from its first byte to its last."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _see_through_proxies(scope)
        if scope["method"] == "POST" and _AS_PATCH in scope["headers"]:
            scope["method"] = "PATCH"
        elif scope["method"] == "HEAD":  # the server below keeps its own scope, and sends no body for it
            scope = {**scope, "method": "GET"}
            send = _without_body(send)
        exchange = _Exchange(scope, send)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self._answer(scope, receive, exchange)
        except ClientDisconnect:
            exchange.status = 499
        finally:
            exchange.count()

    async def _answer(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        try:
            upload = body.upload(scope, receive)
            content = b"" if upload else await body.read(scope, receive)
            body.check_query(scope)
            if content:
                body.check(scope, content)
            await self._app(scope, upload or body.replay(content, receive), exchange.send)
            await tell_unreadable(scope["app"].state)
        except ClientDisconnect:
            raise
        except Problem as problem:
            await exchange.refuse(problem, receive)
        except Exception as error:  # noqa: BLE001  # nothing may leave the server without an answer
            await exchange.refuse(problem_of(error), receive)


def _without_body(send: Send) -> Send:
    async def head_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return head_only


_trusted = cache(networks)


def _see_through_proxies(scope: Scope) -> None:
    """Let the application see the client where a trusted proxy stands in between."""
    trusted = _trusted(scope["app"].state.settings.trusted_proxies)
    peer = scope.get("client")
    if trusted and peer is not None:
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        scope["client"] = (client_address(peer[0], said, trusted=trusted), 0)


class _Exchange:
    """One request and what has been answered to it so far."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = perf_counter()
        given = next((value for key, value in scope["headers"] if key == b"x-request-id"), b"")
        self.request_id = given.decode() if _GIVEN_ID.match(given) else uuid4().hex
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_ours(list(message.get("headers", [])))
        await self._send(message)

    def _with_ours(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        ours = {**_HEADERS, b"x-request-id": self.request_id.encode()}
        if self._scope["path"].startswith("/api/"):
            ours[b"cache-control"] = b"no-store"
        if self._scope["app"].state.settings.public_url.startswith("https://"):
            ours |= [_ONLY_TLS]
        if self._scope["app"].state.draining:
            ours[b"connection"] = b"close"  # so that clients move to another server before this one ends
        headers.extend(item for item in ours.items() if item[0] not in present)
        return headers

    async def refuse(self, problem: Problem, receive: Receive) -> None:
        if self.status == 0:
            self._scope["problem"] = problem.code
            await render(problem)(self._scope, receive, self.send)

    def count(self) -> None:
        route = getattr(self._scope.get("route"), "path", "unknown")
        method = self._scope["method"]
        elapsed = perf_counter() - self._began
        _requests(method, route, self.status).inc()
        _seconds(route).observe(elapsed)
        if (method, route) == _BOOKING_ROUTE:
            BOOKINGS.labels(self._scope.get("problem", "booked")).inc()
        if elapsed > _SLOW_S or self.status >= 500:
            logger().warning(
                "request", method=method, route=route, status=self.status, duration_ms=round(elapsed * 1000)
            )
