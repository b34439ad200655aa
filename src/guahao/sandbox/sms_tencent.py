"""Simulator of sms.tencentcloudapi.com: action SendSms of 2021-01-11, signed with TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request

from guahao.kernel.db import Json, Sessions, transaction
from guahao.sandbox import sms_outbox

_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<key>[^/\s]+)/(?P<day>\d{4}-\d\d-\d\d)/sms/tc3_request, ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_MOBILE = re.compile(r"\+86(1\d{10})")
_MOST_SKEW_S = 300


class _Wish(msgspec.Struct, rename="pascal"):
    phone_number_set: list[str]
    sms_sdk_app_id: str
    template_id: str
    sign_name: str = ""
    template_param_set: list[str] = []


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Tencent:
    """Checks signature, clock and shape, in this order; the message goes to the outbox."""

    def __init__(self, sessions: Sessions, *, clock: Callable[[], datetime]) -> None:
        """Keep messages in the database of `sessions`."""
        self._sessions = sessions
        self._clock = clock

    async def answer(self, request: Request) -> tuple[int, Json]:
        """The status and body of the answer; refusals have status 200 too."""
        try:
            statuses = await self._send(request, await request.body())
        except _Refused as refused:
            error = {"Code": refused.code, "Message": "refused by the sandbox"}
            return 200, {"Response": {"Error": error, "RequestId": "sandbox"}}
        return 200, {"Response": {"SendStatusSet": statuses, "RequestId": "sandbox"}}

    async def _send(self, request: Request, body: bytes) -> list[Json]:
        self._check_signature(request, body)
        if (request.headers["x-tc-action"], request.headers.get("x-tc-version")) != ("SendSms", "2021-01-11"):
            raise _Refused("InvalidAction")
        try:
            wish = msgspec.json.decode(body, type=_Wish)
        except msgspec.MsgspecError:
            raise _Refused("InvalidParameter") from None
        _check_account(wish)
        return [await self._send_to(number, wish) for number in wish.phone_number_set]

    async def _send_to(self, number: str, wish: _Wish) -> Json:
        mobile = _MOBILE.fullmatch(number)
        status = {"SerialNo": "", "PhoneNumber": number, "Fee": 0, "SessionContext": "", "IsoCode": "CN"}
        if mobile is None:
            code = "InvalidParameterValue.IncorrectPhoneNumber"
            return {**status, "Code": code, "Message": "incorrect phone number"}
        code, valid_min = wish.template_param_set
        async with transaction(self._sessions) as db:
            message = await sms_outbox.keep(
                db, phone=mobile[1], code=code, valid_min=valid_min, now=self._clock()
            )
        return {**status, "SerialNo": str(message.id), "Fee": 1, "Code": "Ok", "Message": "send success"}

    def _check_signature(self, request: Request, body: bytes) -> None:
        given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if given is None:
            raise _Refused("AuthFailure.SignatureFailure")
        if given["key"] != sms_outbox.KEY_ID:
            raise _Refused("AuthFailure.SecretIdNotFound")
        stamp = request.headers.get("x-tc-timestamp", "")
        if not stamp.isdecimal() or abs(int(stamp) - self._clock().timestamp()) > _MOST_SKEW_S:
            raise _Refused("AuthFailure.SignatureExpire")
        if datetime.fromtimestamp(int(stamp), UTC).date().isoformat() != given["day"]:
            raise _Refused("AuthFailure.SignatureFailure")
        expected = _signature(request, body, names=given["names"], day=given["day"], stamp=stamp)
        if not hmac.compare_digest(expected, given["signature"]):
            raise _Refused("AuthFailure.SignatureFailure")


def _signature(request: Request, body: bytes, *, names: str, day: str, stamp: str) -> str:
    signed = names.split(";")
    if not {"content-type", "host"} <= set(signed) or not set(signed) <= set(request.headers):
        raise _Refused("AuthFailure.SignatureFailure")
    lines = [f"{name}:{request.headers[name].strip().lower()}" for name in signed]
    hashed = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([request.method, request.url.path, request.url.query, *lines, "", names, hashed])
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["TC3-HMAC-SHA256", stamp, f"{day}/sms/tc3_request", hashed])
    return sms_outbox.digest(f"TC3{sms_outbox.KEY_SECRET}".encode(), day, "sms", "tc3_request", text).hex()


def _check_account(wish: _Wish) -> None:
    for is_right, code in (
        (wish.sms_sdk_app_id == sms_outbox.APP_ID, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        (wish.sign_name == sms_outbox.sign_name(), "FailedOperation.SignatureIncorrectOrUnapproved"),
        (wish.template_id == sms_outbox.TEMPLATE, "FailedOperation.TemplateIncorrectOrUnapproved"),
        (len(wish.template_param_set) == 2, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
    ):
        if not is_right:
            raise _Refused(code)
