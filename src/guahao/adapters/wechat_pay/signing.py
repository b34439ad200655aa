"""Signatures of WeChat Pay API v3: ours on requests, the platform's on answers and notifications."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from guahao.adapters.wechat_pay.keys import WeChatPayKeys
from guahao.payment.ports import RefusalKind

_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PROBE = "WECHATPAY/SIGNTEST/"
_HEADERS = ("wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial")
TOLERANCE = timedelta(minutes=5)
_SECONDS = re.compile(r"[0-9]{1,11}")


def authorization(
    keys: WeChatPayKeys, *, mchid: str, method: str, target: str, body: bytes, nonce: str, moment: datetime
) -> str:
    """The Authorization header; `target` is path and query exactly as sent, `body` the exact bytes."""
    timestamp = int(moment.timestamp())
    text = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = _sign(keys.merchant_key, text)
    return (
        f'{_SCHEME} mchid="{mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
        f'serial_no="{keys.merchant_serial}",signature="{signature}"'
    )


def payment_parameters(
    keys: WeChatPayKeys, *, app_id: str, prepay_id: str, nonce: str, moment: datetime
) -> dict[str, str]:
    """What wx.requestPayment takes, signed with the key that signed the prepayment."""
    timestamp = str(int(moment.timestamp()))
    package = f"prepay_id={prepay_id}"
    text = f"{app_id}\n{timestamp}\n{nonce}\n{package}\n".encode()
    return {
        "appId": app_id,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": _sign(keys.merchant_key, text),
    }


def distrust(
    headers: Mapping[str, str], body: bytes, *, keys: Mapping[str, RSAPublicKey], now: datetime
) -> RefusalKind | None:
    """Why an answer or notification is not from the platform, or not fresh; None if it may be believed.

    Answers without any call: a key that we do not have is one that we do not trust. The signature is
    looked at before its time, so that STALE always means a genuine message, sent again.
    """
    found = {name.lower(): value for name, value in headers.items()}
    timestamp, nonce, signature, serial = (found.get(name, "") for name in _HEADERS)
    key = keys.get(serial)
    if signature.startswith(_PROBE):
        return RefusalKind.PROBE
    if key is None or not nonce or not _SECONDS.fullmatch(timestamp):
        return RefusalKind.SIGNATURE
    if not _is_signed(key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", signature):
        return RefusalKind.SIGNATURE
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        return RefusalKind.STALE
    return None


def _sign(key: RSAPrivateKey, text: bytes) -> str:
    return b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def _is_signed(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
