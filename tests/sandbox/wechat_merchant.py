"""A merchant of WeChat Pay as its documents describe it, written apart from the simulator and our client."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from fastapi import FastAPI, Request, Response

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.http import render
from guahao.kernel.settings import Settings
from guahao.sandbox import faults
from guahao.sandbox.api import router
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import FaultKind, SandboxProvider
from guahao.sandbox.wechat_pay import Merchant, http

MCHID, APP_ID, SERIAL = "1900000000", "wxsandbox00000000", "SANDBOX_MERCHANT"
NOTIFY = "http://guahao.test/callbacks/wechat-pay"
REFUND_NOTIFY = "http://guahao.test/callbacks/wechat-refund"
NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Shop:
    """Signs requests, verifies answers, opens notifications; keeps what it was told."""

    sessions: Sessions
    folder: Path
    keys: SandboxKeys
    clock: Clock = field(default_factory=Clock)
    slept: list[float] = field(default_factory=list)
    skew_s: int = 0
    signed_by: list[str] = field(default_factory=list)
    time_scale: float = 1

    def http(self) -> httpx.AsyncClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        merchant = Merchant(mchid=MCHID, app_id=APP_ID, serial=SERIAL)
        return http(
            self.sessions,
            self.keys,
            merchant=merchant,
            time_scale=self.time_scale,
            clock=self.clock,
            sleep=sleep,
        )

    def authorization(self, method: str, target: str, body: bytes, **changed: str) -> str:
        key = load_pem_private_key((self.folder / "wechat_pay_merchant.pem").read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        stamp = str(int(self.clock.now.timestamp()) + self.skew_s)
        signed = f"{method}\n{target}\n{stamp}\nn0nce\n{body.decode()}\n"
        signature = base64.b64encode(key.sign(signed.encode(), PKCS1v15(), SHA256())).decode()
        parts = {
            "mchid": MCHID,
            "nonce_str": "n0nce",
            "signature": signature,
            "timestamp": stamp,
            "serial_no": SERIAL,
        }
        parts |= changed
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    async def call(self, method: str, target: str, content: object = None) -> httpx.Response:
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        headers = {
            "Authorization": self.authorization(method, target, body),
            "Content-Type": "application/json",
        }
        async with self.http() as client:
            answered = await client.request(method, target, content=body, headers=headers)
        if not target.startswith("/v3/billdownload/"):
            self.verify(answered.headers, answered.content)
        return answered

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        serial = headers["Wechatpay-Serial"]
        pem = (self.folder / "wechat_pay_keys" / f"{serial}.pem").read_bytes()
        is_certificate = b"CERTIFICATE" in pem
        key = x509.load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_public_key(pem)
        assert isinstance(key, RSAPublicKey)
        signed = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        signature = base64.b64decode(headers["Wechatpay-Signature"], validate=True)
        key.verify(signature, signed, PKCS1v15(), SHA256())
        assert int(headers["Wechatpay-Timestamp"]) == int(self.clock.now.timestamp())
        self.signed_by.append(serial)

    def open(self, sealed: Mapping[str, str]) -> bytes:
        key = (self.folder / "wechat_pay_apiv3.txt").read_text().splitlines()[0].encode()
        hidden = base64.b64decode(sealed["ciphertext"], validate=True)
        return AESGCM(key).decrypt(sealed["nonce"].encode(), hidden, sealed["associated_data"].encode())

    def read(self, request: httpx.Request) -> dict[str, Any]:
        """Verify and open a notification; answers the envelope with what was in it."""
        self.verify(request.headers, request.content)
        envelope: dict[str, Any] = json.loads(request.content)
        envelope["opened"] = json.loads(self.open(envelope["resource"]))
        return envelope

    async def prepay(
        self, out_trade_no: str = "order-0001", *, kind: str = "jsapi", **changed: object
    ) -> Any:
        wish: dict[str, object] = {
            "appid": APP_ID,
            "mchid": MCHID,
            "description": "门诊挂号",
            "out_trade_no": out_trade_no,
            "notify_url": NOTIFY,
            "amount": {"total": 5000, "currency": "CNY"},
        }
        if kind == "jsapi":
            wish["payer"] = {"openid": "openid-1"}
        return await self.call("POST", f"/v3/pay/transactions/{kind}", wish | changed)

    async def query(self, out_trade_no: str = "order-0001") -> dict[str, Any]:
        answered = await self.call("GET", f"/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={MCHID}")
        found: dict[str, Any] = answered.json()
        return found

    async def close(self, out_trade_no: str = "order-0001") -> httpx.Response:
        target = f"/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
        return await self.call("POST", target, {"mchid": MCHID})

    async def refund(
        self, number: str = "order-0001R1", fen: int = 5000, *, total: int = 5000, **changed: object
    ) -> httpx.Response:
        wish: dict[str, object] = {
            "out_trade_no": "order-0001",
            "out_refund_no": number,
            "reason": "取消预约",
            "notify_url": REFUND_NOTIFY,
            "amount": {"refund": fen, "total": total, "currency": "CNY"},
        }
        return await self.call("POST", "/v3/refund/domestic/refunds", wish | changed)

    async def switch(self, kind: FaultKind, *, times: int | None = 1) -> None:
        async with transaction(self.sessions) as db:
            await faults.switch_on(db, provider=SandboxProvider.WECHAT, kind=kind, times=times)


def pages_alone(sessions: Sessions, settings: Settings, *, clock: Callable[[], datetime]) -> FastAPI:
    """The routes of the sandbox without the product around them."""

    async def refuse(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return render(problem)

    app = FastAPI()
    app.state.sessions, app.state.settings, app.state.clock = sessions, settings, clock
    app.add_exception_handler(Problem, refuse)
    app.include_router(router)
    return app
