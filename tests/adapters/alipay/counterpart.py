"""Alipay's side of the wire for tests: checks our signatures and signs answers by code of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

from guahao.adapters.alipay import Alipay, AlipayKeys
from guahao.payment.ports import Paid, Provider, Source

NOW = datetime(2026, 11, 22, 16, 30, 5, tzinfo=UTC)
ENDPOINT = "https://openapi.alipay.test/gateway.do"
APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
NOTIFY_URL = "https://guahao.test/callbacks/alipay"
NO = "0192f4c8a1b27c3d8e9f001122334455"
TRADE_NO = "2026112322001400000000000001"

OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
THEIRS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = AlipayKeys(private=OURS, public=THEIRS.public_key())

PAID_NODE = {
    "code": "10000",
    "msg": "Success",
    "buyer_pay_amount": "0.00",
    "out_trade_no": NO,
    "receipt_amount": "0.00",
    "send_pay_date": "2026-11-23 00:29:59",
    "total_amount": "50.07",
    "trade_no": TRADE_NO,
    "trade_status": "TRADE_SUCCESS",
}
PAID = Paid(
    provider=Provider.ALIPAY,
    source=Source.QUERY,
    message_id=f"query:{TRADE_NO}",
    out_trade_no=NO,
    transaction_id=TRADE_NO,
    amount_fen=5007,
    paid_at=datetime(2026, 11, 22, 16, 29, 59, tzinfo=UTC),
)


def refusal(sub_code: str, code: str = "40004") -> dict[str, str]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行 {"}


def signature(text: str, key: rsa.RSAPrivateKey = THEIRS, algorithm: HashAlgorithm | None = None) -> str:
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm or SHA256())).decode()


def answer(method: str, node: Mapping[str, Any] | str, **signing: Any) -> bytes:
    exact = node if isinstance(node, str) else json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    name = f"{method.replace('.', '_')}_response"
    return f'{{"{name}":{exact},"sign":"{signature(exact, **signing)}"}}'.encode()


def verified(fields: Mapping[str, str]) -> dict[str, str]:
    """Check our signature as the gateway does; give what was signed."""
    covered = {name: value for name, value in fields.items() if name != "sign"}
    text = "&".join(f"{name}={value}" for name, value in sorted(covered.items()))
    OURS.public_key().verify(base64.b64decode(fields["sign"]), text.encode(), padding.PKCS1v15(), SHA256())
    return covered


Reply = Mapping[str, Any] | httpx.Response | Exception


@dataclass
class Counterpart:
    """Answers each call by method, and remembers what it was asked."""

    replies: dict[str, Reply | list[Reply]]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    download: Callable[[httpx.Request], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "GET" and self.download is not None:
            return self.download(request)
        assert request.method == "POST"
        assert str(request.url) == ENDPOINT
        assert request.headers["content-type"] == "application/x-www-form-urlencoded;charset=utf-8"
        asked = verified(dict(parse_qsl(request.content.decode(), strict_parsing=True)))
        self.fields.append(asked)
        method = asked["method"]
        self.calls.append((method, json.loads(asked["biz_content"])))
        reply = self.replies[method]
        if isinstance(reply, list):
            reply = reply.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return reply
        return httpx.Response(200, content=answer(method, reply))


Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Awaitable[httpx.Response]]


def alipay(counterpart: Handler) -> Alipay:
    return Alipay(
        httpx.AsyncClient(transport=httpx.MockTransport(counterpart), follow_redirects=True),
        endpoint=ENDPOINT,
        app_id=APP_ID,
        seller_id=SELLER_ID,
        keys=KEYS,
        notify_url=NOTIFY_URL,
        clock=lambda: NOW,
    )


def form(
    fields: Mapping[str, str], *, sign_type: str = "RSA2", covers_empties: bool = False, **signing: Any
) -> bytes:
    """A notification as Alipay posts it."""
    covered = [(name, value) for name, value in sorted(fields.items()) if value or covers_empties]
    text = "&".join(f"{name}={value}" for name, value in covered)
    return urlencode({**fields, "sign_type": sign_type, "sign": signature(text, **signing)}).encode()
