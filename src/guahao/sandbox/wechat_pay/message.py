"""What goes over the wire: signatures of both sides, sealed resources, requests, answers and refusals."""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from guahao.kernel.clock import CHINA
from guahao.kernel.i18n import text
from guahao.sandbox.keys import KEY_ID, SandboxKeys
from guahao.sandbox.models import FaultKind

_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_SKEW = timedelta(minutes=5)
_PAIR = re.compile(r'(\w+)="([^"]*)"')
_LETTERS = string.ascii_letters + string.digits
_STATUS = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "ORDER_CLOSED": 400,
    "ORDERPAID": 400,
    "NO_STATEMENT_EXIST": 400,
    "STATEMENT_CREATING": 400,
    "SIGN_ERROR": 401,
    "OUT_TRADE_NO_USED": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "FREQUENCY_LIMITED": 429,
    "SYSTEM_ERROR": 500,
}


SIGNING_FAULTS = (FaultKind.CERTIFICATE, FaultKind.MIGRATION)


class Signing(StrEnum):
    """Which of its keys WeChat Pay signs with."""

    KEY = "key"
    CERTIFICATE = "certificate"
    MIXED = "mixed"

    @classmethod
    def of(cls, faults: Collection[FaultKind]) -> Self:
        """Choose by the switches that are on."""
        if FaultKind.MIGRATION in faults:
            return cls.MIXED
        return cls.CERTIFICATE if FaultKind.CERTIFICATE in faults else cls.KEY

    def by_certificate(self, number: int) -> bool:
        """Tell whether the certificate's key signs the message with this number; mixed is in turn."""
        return self is Signing.CERTIFICATE or (self is Signing.MIXED and number % 2 == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """Whom the simulator knows: one merchant with one app and one certificate."""

    mchid: str
    app_id: str
    serial: str


class Refusal(Exception):
    """A definite no, answered as {code, message, detail}; raised before anything is written."""

    def __init__(self, code: str, *, field: str = "", issue: str = "") -> None:
        """Say no by one of WeChat Pay's codes, and which member of the body is wrong."""
        super().__init__(code)
        self.code = code
        self.field = field
        self.issue = issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it arrived: `target` is the path with the query, byte for byte."""

    method: str
    target: str
    path: str
    base: str
    """Scheme and host, to name other addresses of the same simulator."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered, before it is signed; `out_trade_no` is the trade it was about."""

    status: int
    body: bytes = b""
    out_trade_no: str = ""
    is_signed: bool = True
    """Only files of bills are not."""


def answer(content: object, *, out_trade_no: str = "") -> Answer:
    """Answer 200 with JSON."""
    return Answer(status=200, body=msgspec.json.encode(content), out_trade_no=out_trade_no)


def refused(code: str, *, out_trade_no: str = "", field: str = "", issue: str = "") -> Answer:
    """Answer one of WeChat Pay's errors; `detail` names the member of the body that is wrong."""
    message = text(f"sandbox-wechat.{code}")
    said: dict[str, object] = {"code": code, "message": issue or message}
    if field:
        said["detail"] = {
            "location": "body",
            "field": f"/{field.replace('.', '/')}",
            "issue": issue or message,
        }
    return Answer(status=_STATUS[code], body=msgspec.json.encode(said), out_trade_no=out_trade_no)


def require_signed(call: Call, *, merchant: Merchant, keys: SandboxKeys, now: datetime) -> None:
    """Check the merchant's signature over the exact bytes. Raises `Refusal` SIGN_ERROR."""
    scheme, _, rest = call.headers.get("authorization", "").partition(" ")
    given = dict(_PAIR.findall(rest))
    known = (given.get("mchid"), given.get("serial_no")) == (merchant.mchid, merchant.serial)
    stamp = given.get("timestamp", "")
    if scheme != _SCHEME or not known or not re.fullmatch(r"\d{10}", stamp):
        raise Refusal("SIGN_ERROR")
    if abs(now.timestamp() - int(stamp)) > _SKEW.total_seconds():
        raise Refusal("SIGN_ERROR")
    signed = f"{call.method}\n{call.target}\n{stamp}\n{given.get('nonce_str', '')}\n".encode()
    try:
        signature = base64.b64decode(given.get("signature", ""), validate=True)
        keys.merchant.verify(signature, signed + call.body + b"\n", PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise Refusal("SIGN_ERROR") from None


def signature_headers(
    body: bytes, *, keys: SandboxKeys, by_certificate: bool, now: datetime
) -> dict[str, str]:
    """Sign an answer or a notification, with the key of the public-key id or of the certificate."""
    stamp, nonce = str(int(now.timestamp())), nonce_text()
    key: RSAPrivateKey = keys.certificate_key if by_certificate else keys.platform
    signed = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Serial": keys.certificate_serial if by_certificate else KEY_ID,
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(key.sign(signed, PKCS1v15(), SHA256())).decode(),
        "Wechatpay-Signature-Type": _SCHEME,
    }


def sealed(content: bytes, *, associated: str, apiv3: bytes) -> dict[str, str]:
    """Encrypt with the merchant's APIv3 key, as resources of notifications and certificates are."""
    nonce = nonce_text(12)
    hidden = AESGCM(apiv3).encrypt(nonce.encode(), content, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(hidden).decode(),
        "associated_data": associated,
        "nonce": nonce,
    }


def nonce_text(length: int = 32) -> str:
    """Make a random text of letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def local_text(moment: datetime) -> str:
    """Write a moment as WeChat Pay does: RFC 3339, seconds, in China."""
    return moment.astimezone(CHINA).isoformat(timespec="seconds")
