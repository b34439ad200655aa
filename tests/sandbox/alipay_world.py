"""A merchant at the sandbox's Alipay, its own signer, and the clock of both."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from sqlalchemy import select

from guahao.kernel.db import Sessions, transaction
from guahao.sandbox import delivery, faults
from guahao.sandbox.alipay import AlipayNotifier, AlipayShop, gateway, notify
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import FaultKind, SandboxDelivery, SandboxProvider
from guahao.sandbox.trade import locked

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
ALIPAY = SandboxProvider.ALIPAY
APP_ID, SELLER_ID = "2021000000000000", "2088000000000000"
NOTIFY_URL = "https://guahao.test/callbacks/alipay"
NUMBER = "0123456789abcdef0123456789abcdef"


class World:
    """Everything at one moment, which stands still until it is set."""

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self.now = NOW
        self.sessions = sessions
        self.slept: list[float] = []
        self.folder = folder
        self.shop = AlipayShop(
            sessions=sessions,
            keys=SandboxKeys.load(folder),
            app_id=APP_ID,
            seller_id=SELLER_ID,
            public_url="https://guahao.test",
            time_scale=60,
            clock=lambda: self.now,
            sleep=self._sleep,
        )
        self.http = gateway.http(self.shop)
        self.endpoint = self.shop.address("gateway.do")
        merchant = load_pem_private_key((folder / "alipay_app.pem").read_bytes(), None)
        public = load_pem_public_key((folder / "alipay_public.pem").read_bytes())
        assert isinstance(merchant, RSAPrivateKey)
        assert isinstance(public, RSAPublicKey)
        self.merchant, self.public = merchant, public
        self.heard: list[dict[str, str]] = []

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def fields(self, method: str, content: object, **change: str) -> dict[str, str]:
        """A signed request; what is changed is signed too."""
        local = self.now + timedelta(hours=8)
        fields = {
            "app_id": APP_ID,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": f"{local:%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
            "notify_url": NOTIFY_URL,
            "biz_content": json.dumps(content),
        } | change
        text = "&".join(f"{key}={fields[key]}" for key in sorted(fields) if fields[key])
        signature = self.merchant.sign(text.encode(), PKCS1v15(), SHA256())
        return {**fields, "sign": base64.b64encode(signature).decode()}

    async def ask(self, method: str, content: object, **change: str) -> Any:
        return await self.post(self.fields(method, content, **change))

    async def post(self, fields: dict[str, str]) -> Any:
        """The verified node of the answer."""
        answer = (await self.http.post(self.endpoint, data=fields)).text
        name, sign = answer[2:].partition('":')[0], answer.rpartition(',"sign":"')[2][:-2]
        exact = answer.removeprefix(f'{{"{name}":').rpartition(',"sign":"')[0]
        self.verify(exact, sign)
        return {"node": name, **json.loads(exact)}

    def verify(self, text: str, sign: str) -> None:
        self.public.verify(base64.b64decode(sign), text.encode(), PKCS1v15(), SHA256())

    def order(self, amount: str = "50.00", **change: str) -> dict[str, str]:
        expires = self.now + timedelta(hours=8, minutes=15)
        return {
            "out_trade_no": NUMBER,
            "total_amount": amount,
            "subject": "门诊挂号",
            "product_code": "QUICK_WAP_WAY",
            "time_expire": f"{expires:%Y-%m-%d %H:%M:%S}",
        } | change

    async def open(self, **change: str) -> None:
        await gateway.open_page(self.shop, self.fields("alipay.trade.wap.pay", self.order(**change)))

    async def pay(self, number: str = NUMBER) -> bool:
        async with transaction(self.sessions) as db:
            found = await locked(db, provider=ALIPAY, out_trade_no=number)
            assert found is not None
            return await notify.capture(db, self.shop, found)

    async def fault(self, kind: FaultKind) -> None:
        async with transaction(self.sessions) as db:
            await faults.switch_on(db, provider=ALIPAY, kind=kind)

    async def deliver(self, said: str = "success", status: int = 200) -> list[dict[str, str]]:
        """Attempt what is due now; gives the forms that arrived."""
        heard: list[dict[str, str]] = []

        def hear(request: httpx.Request) -> httpx.Response:
            assert str(request.url) == NOTIFY_URL
            heard.append(dict(parse_qsl(request.content.decode(), strict_parsing=True)))
            return httpx.Response(status, text=said)

        async with httpx.AsyncClient(transport=httpx.MockTransport(hear)) as http:
            notifiers = {ALIPAY: AlipayNotifier(self.shop.keys)}
            await delivery.deliver(
                self.sessions, http=http, notifiers=notifiers, time_scale=60, clock=lambda: self.now
            )
        return heard

    def verify_form(self, form: dict[str, str]) -> None:
        kept = sorted((key, value) for key, value in form.items() if key not in {"sign", "sign_type"})
        assert form["sign_type"] == "RSA2"
        self.verify("&".join(f"{key}={value}" for key, value in kept), form["sign"])

    async def deliveries(self) -> list[SandboxDelivery]:
        async with self.sessions() as db:
            return list((await db.scalars(select(SandboxDelivery).order_by(SandboxDelivery.id))).all())
