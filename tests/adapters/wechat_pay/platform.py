"""The provider's side, written for these tests alone: it signs, encrypts and checks who asks."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from guahao.adapters.circuit import Circuit
from guahao.adapters.wechat_pay import WeChatPay, WeChatPayKeys

NOW = datetime(2026, 3, 2, 1, 30, 0, tzinfo=UTC)
MCHID = "1900000109"
APP_ID = "wx0123456789abcdef"
PUBLIC_KEY_ID = "PUB_KEY_ID_0114232134912410000000000000000"
CERTIFICATE = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
MERCHANT_SERIAL = "444F4864EA9B34415A4A5B2B1C6A8D0C1C1C1C1C"
APIV3 = b"0123456789abcdef0123456789ABCDEF"
OLD_APIV3 = b"ffffffffffffffff0000000000000000"
ORDER = "0197f6a4b3c28000a000000100000001"
TRANSACTION = "4200001234202603021234567890"


@cache
def private_key(name: str) -> RSAPrivateKey:
    """A key for each name, made once: `merchant`, a platform serial, or anybody else."""
    return generate_private_key(65537, 2048)


def make_keys(*serials: str, apiv3: tuple[bytes, ...] = (APIV3,)) -> WeChatPayKeys:
    return WeChatPayKeys(
        merchant_serial=MERCHANT_SERIAL,
        merchant_key=private_key("merchant"),
        key_id=PUBLIC_KEY_ID,
        verification={name: private_key(name).public_key() for name in serials or (PUBLIC_KEY_ID,)},
        apiv3=apiv3,
    )


def sign(name: str, text: bytes) -> str:
    return b64encode(private_key(name).sign(text, PKCS1v15(), SHA256())).decode()


def signed_headers(
    body: bytes, *, serial: str = PUBLIC_KEY_ID, signer: str | None = None, at: datetime = NOW
) -> dict[str, str]:
    timestamp, nonce = str(int(at.timestamp())), "c5ac7061fccab6bf3e254dcf98995b8c"
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": sign(signer or serial, f"{timestamp}\n{nonce}\n".encode() + body + b"\n"),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def order(**changes: Any) -> dict[str, Any]:
    values = {
        "mchid": MCHID,
        "appid": APP_ID,
        "out_trade_no": ORDER,
        "transaction_id": TRANSACTION,
        "trade_type": "JSAPI",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "success_time": "2026-03-02T09:29:58+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": 5000, "payer_total": 4800, "currency": "CNY", "payer_currency": "CNY"},
    }
    return {**values, **changes}


def refund_notice(status: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
    values = {
        "mchid": MCHID,
        "out_trade_no": ORDER,
        "transaction_id": TRANSACTION,
        "out_refund_no": ORDER + "R1",
        "refund_id": "50000000382019052709732678859",
        "refund_status": status,
        "user_received_account": "支付用户零钱",
        "amount": {"total": 5000, "refund": 3000, "payer_total": 4800, "payer_refund": 2880},
    }
    if status == "SUCCESS":
        values["success_time"] = "2026-03-02T09:29:57+08:00"
    return {**values, **changes}


def sealed(content: Any, *, event: str = "TRANSACTION.SUCCESS", key: bytes = APIV3, **changes: Any) -> bytes:
    """A notification's body."""
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    nonce, extra = "fdasflkja484w1", "transaction"
    cipher = AESGCM(key).encrypt(nonce.encode(), plain, extra.encode())
    resource = {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(cipher).decode(),
        "associated_data": extra,
        "nonce": nonce,
    }
    envelope = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-03-02T09:29:59+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": {**resource, **changes.pop("resource", {})},
    }
    return json.dumps({**envelope, **changes}, ensure_ascii=False).encode()


_FIELD = re.compile(r'(\w+)="([^"]*)"')


def checked(request: httpx.Request) -> dict[str, str]:
    """The fields of a request's Authorization, after checking its signature over what was sent."""
    scheme, _, rest = request.headers["Authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    fields = dict(_FIELD.findall(rest))
    target = request.url.raw_path.decode()
    head = f"{request.method}\n{target}\n{fields['timestamp']}\n{fields['nonce_str']}\n"
    private_key("merchant").public_key().verify(
        b64decode(fields["signature"]), head.encode() + request.content + b"\n", PKCS1v15(), SHA256()
    )
    assert fields["mchid"] == MCHID
    assert fields["serial_no"] == MERCHANT_SERIAL
    assert abs(int(fields["timestamp"]) - NOW.timestamp()) <= 300
    assert request.headers["Wechatpay-Serial"] == PUBLIC_KEY_ID
    return fields


def answer(content: Any = None, *, status: int = 200, **signing: Any) -> httpx.Response:
    """A signed answer; None is an empty one."""
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
    return httpx.Response(status, content=body, headers=signed_headers(body, **signing))


def refusal(code: str, *, status: int = 400, message: str = "说明", **signing: Any) -> httpx.Response:
    return answer({"code": code, "message": message}, status=status, **signing)


def unsigned(content: Any = None, *, status: int = 200) -> httpx.Response:
    body = b"" if content is None else json.dumps(content).encode()
    return httpx.Response(status, content=body)


class Platform:
    """Answers from a list and remembers what it was asked; each request's signature is checked."""

    def __init__(
        self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
    ) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.nonces: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        self.nonces.append(checked(request)["nonce_str"])
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, httpx.Response) else given(request)

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(request.method, str(request.url)) for request in self.requests]


def gateway(
    platform: Platform,
    *,
    endpoint: str = "https://api.mch.weixin.qq.com",
    keys: WeChatPayKeys | None = None,
    circuit: Circuit | None = None,
    now: datetime = NOW,
) -> WeChatPay:
    """The client under test, talking to `platform` alone, through a connection that would follow it."""
    return WeChatPay(
        httpx.AsyncClient(transport=httpx.MockTransport(platform), follow_redirects=True),
        endpoint=endpoint,
        mchid=MCHID,
        app_id=APP_ID,
        keys=keys or make_keys(),
        notify_url="https://guahao.example/callbacks/wechat-pay",
        refund_notify_url="https://guahao.example/callbacks/wechat-refund",
        clock=lambda: now,
        circuit=circuit,
    )
