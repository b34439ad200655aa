"""Reaches a simulator without a port, as if over a network: time-outs count and connections can be cut."""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send


class ConnectionCut(Exception):
    """Raised by a simulator in place of an answer: the work is done, the connection is gone."""


class InProcess(httpx.AsyncBaseTransport):
    """Calls an ASGI application; the caller's read time-out and cut connections are as over a network."""

    def __init__(self, app: ASGIApp) -> None:
        """Call `app`."""
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or raise what a network would."""
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
                return await self._inner.handle_async_request(request)
        except TimeoutError as error:
            message = "the simulator took too long"
            raise httpx.ReadTimeout(message, request=request) from error
        except ConnectionCut as error:
            message = "the simulator cut the connection"
            raise httpx.ReadError(message, request=request) from error


class CutsSockets:
    """Around simulators on a port: the server closes the socket of an answer that was never finished."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; for a cut connection begin an answer and leave."""
        try:
            await self._app(scope, receive, send)
        except ConnectionCut:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
