"""Simulator of dysmsapi.aliyuncs.com: action SendSms of 2017-05-25, signed with ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from guahao.kernel.db import Json, Sessions, transaction
from guahao.sandbox import sms_outbox
from guahao.sandbox.weixin_models import SandboxSms

_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=(?P<key>\w+),SignedHeaders=(?P<names>[a-z0-9;-]+),"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MOBILE = re.compile(r"1\d{10}")
_MOST_SKEW = timedelta(minutes=15)
_VALID_MIN = "5"
_FLOW = ((timedelta(minutes=1), 1), (timedelta(hours=1), 5), (timedelta(days=1), 10))
"""Messages to one phone at most, as Aliyun limits verification codes of one signature."""


class _Refused(Exception):
    def __init__(self, code: str, *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Aliyun:
    """Checks signature, clock, nonce, shape and flow, in this order; the message goes to the outbox."""

    def __init__(self, sessions: Sessions, *, clock: Callable[[], datetime]) -> None:
        """Keep messages in the database of `sessions`."""
        self._sessions = sessions
        self._clock = clock

    async def answer(self, request: Request) -> tuple[int, Json]:
        """The status and body of the answer."""
        said = {"RequestId": "sandbox"}
        try:
            message = await self._send(request, await request.body())
        except _Refused as refused:
            return refused.status, {**said, "Code": refused.code, "Message": "refused by the sandbox"}
        except IntegrityError:  # the nonce is the only thing that can be there already
            return 400, {**said, "Code": "SignatureNonceUsed", "Message": "refused by the sandbox"}
        return 200, {**said, "Code": "OK", "Message": "OK", "BizId": str(message.id)}

    async def _send(self, request: Request, body: bytes) -> SandboxSms:
        self._check_signature(request, body)
        headers = request.headers
        if (headers.get("x-acs-action"), headers.get("x-acs-version")) != ("SendSms", "2017-05-25"):
            raise _Refused("InvalidAction.NotFound", status=404)
        wish = dict(parse_qsl(request.url.query, keep_blank_values=True))
        code = _code_of(wish)
        now = self._clock()
        async with transaction(self._sessions) as db:
            await _check_flow(db, wish["PhoneNumbers"], now=now)
            return await sms_outbox.keep(
                db,
                phone=wish["PhoneNumbers"],
                code=code,
                valid_min=_VALID_MIN,
                nonce=headers["x-acs-signature-nonce"],
                now=now,
            )

    def _check_signature(self, request: Request, body: bytes) -> None:
        given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if given is None or given["key"] != sms_outbox.KEY_ID:
            raise _Refused("InvalidAccessKeyId.NotFound", status=404)
        names = given["names"].split(";")
        needed = {name for name in request.headers if name.startswith("x-acs-")} | {"host"}
        needed |= {"x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
        if not needed <= set(names) or not set(names) <= set(request.headers):
            raise _Refused("SignatureDoesNotMatch")
        if request.headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest():
            raise _Refused("InvalidContentSha256")
        if not hmac.compare_digest(_signature(request, names), given["signature"]):
            raise _Refused("SignatureDoesNotMatch")
        self._check_time(request.headers["x-acs-date"])

    def _check_time(self, given: str) -> None:
        try:
            sent = datetime.strptime(given, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _Refused("InvalidTimeStamp.Format") from None
        if abs(sent - self._clock()) > _MOST_SKEW:
            raise _Refused("InvalidTimeStamp.Expired")


def _signature(request: Request, names: list[str]) -> str:
    parameters = sorted(parse_qsl(request.url.query, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in parameters)
    lines = [f"{name}:{request.headers[name].strip()}" for name in names]
    hashed = request.headers["x-acs-content-sha256"]
    canonical = "\n".join(
        [request.method, request.url.path, query, *lines, "", ";".join(names), hashed]
    ).encode()
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical).hexdigest()}"
    return sms_outbox.digest(sms_outbox.KEY_SECRET.encode(), text).hex()


def _code_of(wish: Mapping[str, str]) -> str:
    if not _MOBILE.fullmatch(wish.get("PhoneNumbers", "")):
        raise _Refused("isv.MOBILE_NUMBER_ILLEGAL", status=200)
    if wish.get("SignName") != sms_outbox.sign_name():
        raise _Refused("isv.SMS_SIGNATURE_ILLEGAL", status=200)
    if wish.get("TemplateCode") != f"SMS_{sms_outbox.TEMPLATE}":
        raise _Refused("isv.SMS_TEMPLATE_ILLEGAL", status=200)
    try:
        return msgspec.json.decode(wish.get("TemplateParam", ""), type=dict[str, str])["code"]
    except (msgspec.MsgspecError, KeyError):
        raise _Refused("isv.INVALID_JSON_PARAM", status=200) from None


async def _check_flow(db: AsyncSession, phone: str, *, now: datetime) -> None:
    for span, most in _FLOW:
        sent = select(func.count()).where(SandboxSms.phone == phone, SandboxSms.sent_at > now - span)
        if (await db.scalar(sent) or 0) >= most:
            raise _Refused("isv.BUSINESS_LIMIT_CONTROL", status=200)
