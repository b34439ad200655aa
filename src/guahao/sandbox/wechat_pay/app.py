"""The simulator as an ASGI application: checks who asks, answers, signs, and goes wrong when told to."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import faults
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.transport import ConnectionCut, InProcess
from guahao.sandbox.wechat_pay import bills, refunds, trades
from guahao.sandbox.wechat_pay.message import (
    SIGNING_FAULTS,
    Answer,
    Call,
    Merchant,
    Refusal,
    Signing,
    answer,
    local_text,
    nonce_text,
    refused,
    require_signed,
    sealed,
    signature_headers,
)

SLOW_S = 6.0
ADDRESS = "https://api.mch.weixin.qq.com"
_AFTER_COMMIT = (FaultKind.ERROR_AFTER_COMMIT, FaultKind.CUT_AFTER_COMMIT)

Handler = Callable[..., Awaitable[Answer]]
Sleep = Callable[[float], Awaitable[object]]


def app(
    sessions: Sessions,
    keys: SandboxKeys,
    *,
    merchant: Merchant,
    time_scale: float,
    clock: Callable[[], datetime] = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> ASGIApp:
    """Make the application that speaks /v3/*; its state is in the database."""
    return _App(
        sessions=sessions, keys=keys, merchant=merchant, time_scale=time_scale, clock=clock, sleep=sleep
    )


def http(
    sessions: Sessions,
    keys: SandboxKeys,
    *,
    merchant: Merchant,
    time_scale: float,
    clock: Callable[[], datetime] = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> httpx.AsyncClient:
    """Make the client that reaches the simulator without a port, for a client of ours made with `ADDRESS`."""
    inner = app(sessions, keys, merchant=merchant, time_scale=time_scale, clock=clock, sleep=sleep)
    return httpx.AsyncClient(transport=InProcess(inner), base_url=ADDRESS)


@dataclass(frozen=True, kw_only=True)
class _App:
    sessions: Sessions
    keys: SandboxKeys
    merchant: Merchant
    time_scale: float
    clock: Callable[[], datetime]
    sleep: Sleep
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = _call_of(request, await request.body())
        answered, wrong = await self._answer(call)
        if FaultKind.SLOW_ANSWER in wrong:
            await self.sleep(SLOW_S)
        if FaultKind.CUT_AFTER_COMMIT in wrong:
            raise ConnectionCut
        if FaultKind.ERROR_AFTER_COMMIT in wrong:
            answered = refused("SYSTEM_ERROR")
        await self._signed(answered, Signing.of(wrong))(scope, receive, send)

    async def _answer(self, call: Call) -> tuple[Answer, frozenset[FaultKind]]:
        async with transaction(self.sessions) as db:
            try:
                require_signed(call, merchant=self.merchant, keys=self.keys, now=self.clock())
                answered = await self._handle(db, call)
            except Refusal as refusal:
                answered = refused(refusal.code, field=refusal.field, issue=refusal.issue)
            kinds = [*SIGNING_FAULTS, FaultKind.SLOW_ANSWER]
            if call.method == "POST" and answered.status < 300:
                kinds += _AFTER_COMMIT
            wrong = await faults.taken(
                db, provider=SandboxProvider.WECHAT, kinds=kinds, out_trade_no=answered.out_trade_no
            )
        return answered, wrong

    async def _handle(self, db: AsyncSession, call: Call) -> Answer:
        for method, pattern, handler in _ROUTES:
            found = pattern.fullmatch(call.path)
            if found and method == call.method:
                return await handler(self, db, call, **found.groupdict())
        raise Refusal("RESOURCE_NOT_EXISTS")

    def _signed(self, answered: Answer, signing: Signing) -> Response:
        headers = {"Request-ID": nonce_text()}
        if answered.is_signed:
            headers |= signature_headers(
                answered.body,
                keys=self.keys,
                by_certificate=signing.by_certificate(next(self._numbers)),
                now=self.clock(),
            )
        kind = "application/json" if answered.is_signed else "text/plain"
        return Response(answered.body, answered.status, headers, media_type=kind)

    async def prepay(self, db: AsyncSession, call: Call, *, kind: str) -> Answer:
        return await trades.prepay(db, call, kind=kind, merchant=self.merchant, now=self.clock())

    async def query(self, db: AsyncSession, call: Call, **name: str) -> Answer:
        return await trades.query(db, call, merchant=self.merchant, **name)

    async def close(self, db: AsyncSession, call: Call, *, out_trade_no: str) -> Answer:
        return await trades.close(
            db,
            call,
            out_trade_no=out_trade_no,
            merchant=self.merchant,
            time_scale=self.time_scale,
            now=self.clock(),
        )

    async def refund(self, db: AsyncSession, call: Call) -> Answer:
        return await refunds.refund(db, call, now=self.clock())

    async def query_refund(self, db: AsyncSession, _call: Call, *, out_refund_no: str) -> Answer:
        return await refunds.query(db, out_refund_no=out_refund_no)

    async def apply_abnormal(self, db: AsyncSession, call: Call, *, refund_id: str) -> Answer:
        return await refunds.apply_abnormal(db, call, refund_id=refund_id, now=self.clock())

    async def bill(self, db: AsyncSession, call: Call, *, kind: str) -> Answer:
        return await bills.offer(db, call, kind=bills.Kind(kind), merchant=self.merchant, now=self.clock())

    async def download(self, db: AsyncSession, call: Call) -> Answer:
        return await bills.download(db, call, now=self.clock())

    async def certificates(self, _db: AsyncSession, _call: Call) -> Answer:
        certificate = self.keys.certificate
        content = certificate.public_bytes(Encoding.PEM)
        listed = {
            "serial_no": self.keys.certificate_serial,
            "effective_time": local_text(certificate.not_valid_before_utc),
            "expire_time": local_text(certificate.not_valid_after_utc),
            "encrypt_certificate": sealed(content, associated="certificate", apiv3=self.keys.apiv3),
        }
        return answer({"data": [listed]})


_TRADES, _REFUNDS = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
_NUMBER = r"[0-9A-Za-z_\-|*@]{1,64}"
_ROUTES: Sequence[tuple[str, re.Pattern[str], Handler]] = [
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("POST", rf"{_TRADES}/(?P<kind>jsapi|native)", _App.prepay),
        ("GET", rf"{_TRADES}/out-trade-no/(?P<out_trade_no>{_NUMBER})", _App.query),
        ("GET", rf"{_TRADES}/id/(?P<transaction_id>{_NUMBER})", _App.query),
        ("POST", rf"{_TRADES}/out-trade-no/(?P<out_trade_no>{_NUMBER})/close", _App.close),
        ("POST", _REFUNDS, _App.refund),
        ("GET", rf"{_REFUNDS}/(?P<out_refund_no>{_NUMBER})", _App.query_refund),
        ("POST", rf"{_REFUNDS}/(?P<refund_id>{_NUMBER})/apply-abnormal-refund", _App.apply_abnormal),
        ("GET", r"/v3/bill/(?P<kind>tradebill|fundflowbill)", _App.bill),
        ("GET", r"/v3/billdownload/file", _App.download),
        ("GET", r"/v3/certificates", _App.certificates),
    )
]


def _call_of(request: Request, body: bytes) -> Call:
    scope = request.scope
    path = bytes(scope.get("raw_path") or request.url.path.encode()).decode("latin-1").partition("?")[0]
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    return Call(
        method=request.method,
        target=f"{path}?{query}" if query else path,
        path=request.url.path,
        base=f"{request.url.scheme}://{request.url.netloc}",
        headers=request.headers,
        body=body,
    )
