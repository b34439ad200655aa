"""The wire form of gateway.do, seen from Alipay: requests are verified, answers and forms signed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from guahao.kernel.clock import CHINA

MOST_SKEW = timedelta(minutes=10)
"""How far a request's timestamp may be off; Alipay publishes no number."""

Node = dict[str, Any]
Fields = Mapping[str, str]

_CHARSETS = frozenset(("utf-8", "gbk", "gb2312"))
_NUMBER = re.compile(r"[0-9A-Za-z_]{1,64}")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_FORBIDDEN = frozenset("/=&")
_MOST_FEN = 2_147_483_647
"""Alipay takes a hundred million yuan; a fifth of that is what the books of a registration hold."""
_YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")


class Refused(Exception):
    """Alipay's no: its code, the text of that code, and the sub code that says why."""

    def __init__(self, sub_code: str, *, code: str = "40004") -> None:
        """Refuse as a business failure, if nothing else is said."""
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code

    @property
    def node(self) -> Node:
        """The answer's node."""
        return {
            "code": self.code,
            "msg": _MESSAGES[self.code],
            "sub_code": self.sub_code,
            "sub_msg": "refused by the sandbox",
        }


_MESSAGES = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose signature is genuine."""

    method: str
    notify_url: str
    return_url: str
    content: Mapping[str, Any]

    def text(self, name: str, *, longest: int = 64) -> str:
        """A required text of the content. Raises `Refused`."""
        value = self.content.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            raise Refused("ACQ.INVALID_PARAMETER")
        return value

    def number(self, name: str) -> str:
        """A number that the merchant gave: letters, digits and underscores. Raises `Refused`."""
        value = self.text(name)
        if not _NUMBER.fullmatch(value):
            raise Refused("ACQ.INVALID_PARAMETER")
        return value

    def title(self, name: str) -> str:
        """A text for the payer, without the signs that Alipay refuses in it. Raises `Refused`."""
        value = self.text(name, longest=256)
        if not _FORBIDDEN.isdisjoint(value):
            raise Refused("ACQ.INVALID_PARAMETER")
        return value

    def fen(self, name: str) -> int:
        """A required amount of the content, as a text or as a number. Raises `Refused`."""
        value = self.content.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        found = _YUAN.fullmatch(str(value) if is_number else self.text(name))
        amount = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
        if not 0 < amount <= _MOST_FEN:
            raise Refused("ACQ.INVALID_PARAMETER")
        return amount


def success(**members: Any) -> Node:  # noqa: ANN401  # members of a JSON object
    """The node of a yes."""
    return {"code": "10000", "msg": "Success", **members}


def signed_text(fields: Fields, *, without: tuple[str, ...]) -> str:
    """What a signature covers: `key=value` joined by `&`, sorted, without the empty ones."""
    kept = sorted((key, value) for key, value in fields.items() if value and key not in without)
    return "&".join(f"{key}={value}" for key, value in kept)


def sign(key: RSAPrivateKey, text: str) -> str:
    """RSA2: SHA256withRSA in base64."""
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def form_signed(key: RSAPrivateKey, fields: Fields) -> dict[str, str]:
    """Sign a notification or the parameters of a return: the signature's type is not covered."""
    text = signed_text(fields, without=("sign", "sign_type"))
    return {**fields, "sign_type": "RSA2", "sign": sign(key, text)}


def answer_signed(key: RSAPrivateKey, method: str, node: Node) -> bytes:
    """An answer, signed over the exact characters of its node."""
    exact = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    name = f"{method.replace('.', '_')}_response"
    return f'{{"{name}":{exact},"sign":"{sign(key, exact)}"}}'.encode()


def verified(fields: Fields, *, app_id: str, key: RSAPublicKey, now: datetime) -> Asked:
    """Check who asks, the signature, the time and the form, in this order. Raises `Refused`."""
    _require_form(fields)
    if fields["app_id"] != app_id:
        raise Refused("isv.invalid-app-id", code="40002")
    if fields["sign_type"] != "RSA2":
        raise Refused("isv.invalid-signature-type", code="40002")
    if not _is_genuine(key, signed_text(fields, without=("sign",)), fields["sign"]):
        raise Refused("isv.invalid-signature", code="40002")
    asked_at = moment_of(fields["timestamp"])
    if asked_at is None or abs(asked_at - now) > MOST_SKEW:
        raise Refused("isv.invalid-timestamp", code="40002")
    return Asked(
        method=fields["method"],
        notify_url=fields.get("notify_url", ""),
        return_url=fields.get("return_url", ""),
        content=_content(fields.get("biz_content", "")),
    )


def _require_form(fields: Fields) -> None:
    for name in ("app_id", "method", "sign_type", "sign", "timestamp", "version", "charset"):
        if not fields.get(name):
            missing = f"isv.missing-{name.replace('_', '-')}"
            raise Refused(missing, code="40001")
    if fields["version"] != "1.0" or fields["charset"].lower() not in _CHARSETS:
        raise Refused("isv.invalid-parameter", code="40002")


def _is_genuine(key: RSAPublicKey, text: str, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _content(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Refused("isv.invalid-parameter", code="40002")
    texts = [value for value in content.values() if isinstance(value, str)]
    if not all(_PRINTABLE.fullmatch(value) for value in texts):
        raise Refused("isv.invalid-parameter", code="40002")
    return content


def yuan(amount_fen: int) -> str:
    """Write fen as yuan with two decimals; what was taken back is negative."""
    whole, cents = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{cents:02d}"


def local_text(moment: datetime) -> str:
    """Write a moment in Beijing time, to the second."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def moment_of(text: str) -> datetime | None:
    """Read what `local_text` writes; None for anything else."""
    try:
        written = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        return None
    return written.astimezone(UTC)
