"""Tencent Cloud SMS 2021-01-11, signed with TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from guahao.identity.ports.sms import SmsNotSent
from guahao.kernel.clock import utc_now

ENDPOINT = "https://sms.tencentcloudapi.com"
_REGION = "ap-guangzhou"
_CONTENT_TYPE = "application/json"
_TIMEOUT_S = 5.0


class _Status(msgspec.Struct, rename="pascal"):
    code: str


class _Error(msgspec.Struct, rename="pascal"):
    code: str


class _Response(msgspec.Struct, rename="pascal"):
    send_status_set: list[_Status] = []
    error: _Error | None = None


class _Answer(msgspec.Struct, rename="pascal"):
    response: _Response


def authorization(
    *,
    access_key_id: str,
    access_key_secret: str,
    host: str,
    body: bytes,
    moment: datetime,
    service: str = "sms",
) -> str:
    """The Authorization header of a POST to `/` (cloud.tencent.com/document/product/382/52072)."""
    day = moment.strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    hashed_body = hashlib.sha256(body).hexdigest()
    canonical = (
        f"POST\n/\n\ncontent-type:{_CONTENT_TYPE}\nhost:{host}\n\ncontent-type;host\n{hashed_body}".encode()
    )
    signed = f"TC3-HMAC-SHA256\n{int(moment.timestamp())}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = f"TC3{access_key_secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, signed.encode(), "sha256").hex()
    return (
        f"TC3-HMAC-SHA256 Credential={access_key_id}/{scope},"
        f" SignedHeaders=content-type;host, Signature={signature}"
    )


class TencentSms:
    """Sends codes by the action SendSms; the template has two places: the code and the minutes."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        access_key_id: str,
        access_key_secret: str,
        app_id: str,
        sign_name: str,
        template_code: str,
        endpoint: str = ENDPOINT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use `http` for all calls; `endpoint` and `clock` stand for the real ones in tests."""
        self._http = http
        self._key_id = access_key_id
        self._key_secret = access_key_secret
        self._message = {
            "SmsSdkAppId": app_id,
            "SignName": sign_name,
            "TemplateId": template_code,
        }
        self._url = endpoint.rstrip("/") + "/"
        self._clock = clock

    async def send_code(self, *, phone: str, code: str, valid_min: int) -> None:
        """Send once, never again: a lost answer may be a sent message. Raises `SmsNotSent`."""
        body = msgspec.json.encode(
            {
                **self._message,
                "PhoneNumberSet": [f"+86{phone}"],
                "TemplateParamSet": [code, str(valid_min)],
            }
        )
        try:
            answered = await self._http.post(
                self._url, content=body, headers=self._headers(body), timeout=_TIMEOUT_S
            )
            response = msgspec.json.decode(answered.content, type=_Answer).response
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise SmsNotSent(type(error).__name__) from error
        if response.error is not None:
            raise SmsNotSent(response.error.code)
        if [status.code for status in response.send_status_set] != ["Ok"]:
            raise SmsNotSent(response.send_status_set[0].code if response.send_status_set else "NoStatus")

    def _headers(self, body: bytes) -> dict[str, str]:
        moment = self._clock()
        host = urlsplit(self._url).netloc
        return {
            "Authorization": authorization(
                access_key_id=self._key_id,
                access_key_secret=self._key_secret,
                host=host,
                body=body,
                moment=moment,
            ),
            "Content-Type": _CONTENT_TYPE,
            "Host": host,
            "X-TC-Action": "SendSms",
            "X-TC-Region": _REGION,
            "X-TC-Timestamp": str(int(moment.timestamp())),
            "X-TC-Version": "2021-01-11",
        }
