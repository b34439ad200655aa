"""Alibaba Cloud SMS (Dysmsapi 2017-05-25), signed with ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from guahao.identity.ports.sms import SmsNotSent
from guahao.kernel.clock import utc_now

ENDPOINT = "https://dysmsapi.aliyuncs.com"
_TIMEOUT_S = 5.0
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class _Answer(msgspec.Struct, rename="pascal"):
    code: str


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Parameters sorted by name and percent-encoded by RFC 3986."""
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parameters.items())
    )


def authorization(
    *, access_key_id: str, access_key_secret: str, query: str, headers: Mapping[str, str]
) -> str:
    """The Authorization header of a POST to `/` without body (help.aliyun.com/document_detail/2593177).

    `headers` have lower-case names; all of them are signed.
    """
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    signed = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(access_key_secret.encode(), signed.encode(), "sha256").hex()
    return f"ACS3-HMAC-SHA256 Credential={access_key_id},SignedHeaders={names},Signature={signature}"


class AliyunSms:
    """Sends codes by the action SendSms; the template has one place, `code`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        access_key_id: str,
        access_key_secret: str,
        sign_name: str,
        template_code: str,
        endpoint: str = ENDPOINT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use `http` for all calls; `endpoint` and `clock` stand for the real ones in tests."""
        self._http = http
        self._key_id = access_key_id
        self._key_secret = access_key_secret
        self._message = {"SignName": sign_name, "TemplateCode": template_code}
        self._endpoint = endpoint.rstrip("/")
        self._clock = clock

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:  # noqa: ARG002  # fixed in the template
        """Send once, never again: a lost answer may be a sent message. Raises `SmsNotSent`."""
        parameter = msgspec.json.encode({"code": code}).decode()
        query = canonical_query({**self._message, "PhoneNumbers": phone, "TemplateParam": parameter})
        try:
            answered = await self._http.post(
                f"{self._endpoint}/?{query}", headers=self._headers(query), timeout=_TIMEOUT_S
            )
            result = msgspec.json.decode(answered.content, type=_Answer)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise SmsNotSent(type(error).__name__) from error
        if result.code != "OK":
            raise SmsNotSent(result.code)

    def _headers(self, query: str) -> dict[str, str]:
        headers = {
            "host": urlsplit(self._endpoint).netloc,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": _EMPTY_SHA256,
            "x-acs-date": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": "2017-05-25",
        }
        signed = authorization(
            access_key_id=self._key_id, access_key_secret=self._key_secret, query=query, headers=headers
        )
        return {**headers, "authorization": signed}
