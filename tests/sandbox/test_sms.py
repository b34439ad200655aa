from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from sqlalchemy import func, select
from starlette.types import ASGIApp
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import SendSmsRequest, SendSmsResponse
from tencentcloud.sms.v20210111.sms_client import SmsClient

from guahao.adapters.sms_aliyun import AliyunSms
from guahao.adapters.sms_tencent import TencentSms
from guahao.identity.ports.sms import SmsNotSent, SmsSender
from guahao.kernel.db import Sessions
from guahao.sandbox import sms, sms_outbox
from guahao.sandbox.weixin_models import SandboxSms
from tests.web.processes import free_port

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PHONE = "13800138000"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Changing(httpx.ASGITransport):
    """Does something to a signed request on its way."""

    change: Callable[[httpx.Request], httpx.Request] = staticmethod(lambda request: request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(self.change(request))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(sessions: Sessions, clock: Clock) -> Changing:
    return Changing(sms.app(sessions, clock=clock))


def tencent(wire: httpx.AsyncBaseTransport, **change: str) -> SmsSender:
    account = {
        "access_key_id": sms_outbox.KEY_ID,
        "access_key_secret": sms_outbox.KEY_SECRET,
        "app_id": sms_outbox.APP_ID,
        "sign_name": sms_outbox.sign_name(),
        "template_code": sms_outbox.TEMPLATE,
    }
    return TencentSms(httpx.AsyncClient(transport=wire), **(account | change), clock=lambda: NOW)


def aliyun(wire: httpx.AsyncBaseTransport, **change: str) -> SmsSender:
    account = {
        "access_key_id": sms_outbox.KEY_ID,
        "access_key_secret": sms_outbox.KEY_SECRET,
        "sign_name": sms_outbox.sign_name(),
        "template_code": f"SMS_{sms_outbox.TEMPLATE}",
    }
    return AliyunSms(httpx.AsyncClient(transport=wire), **(account | change), clock=lambda: NOW)


async def send(sender: SmsSender, phone: str = PHONE) -> None:
    await sender.send_code(phone=phone, code="042042", valid_min=5)


async def refusal(sender: SmsSender, phone: str = PHONE) -> str:
    with pytest.raises(SmsNotSent) as refused:
        await send(sender, phone)
    return str(refused.value)


async def sent(sessions: Sessions) -> int:
    async with sessions() as db:
        return await db.scalar(select(func.count()).select_from(SandboxSms))


BOTH = pytest.mark.parametrize("adapter", [tencent, aliyun])
Adapter = Callable[..., SmsSender]


@BOTH
async def test_what_our_client_sends_is_shown(
    client: httpx.AsyncClient, wire: Changing, adapter: Adapter
) -> None:
    await send(adapter(wire))

    shown = await client.get("/sandbox/sms", params={"phone": PHONE})

    assert shown.json() == {
        "phone": PHONE,
        "code": "042042",
        "text": "【大众医疗】您的验证码是 042042，5 分钟内有效。请勿告诉他人，工作人员不会向您索要。",
    }


async def test_the_last_message_to_a_phone_is_shown(client: httpx.AsyncClient, wire: Changing) -> None:
    for code, phone in (("111111", PHONE), ("222222", PHONE), ("333333", "13900139000")):
        await tencent(wire).send_code(phone=phone, code=code, valid_min=5)

    assert (await client.get("/sandbox/sms", params={"phone": PHONE})).json()["code"] == "222222"


@pytest.mark.parametrize(
    ("adapter", "change", "code"),
    [
        (tencent, {"access_key_secret": "old"}, "AuthFailure.SignatureFailure"),
        (tencent, {"access_key_id": "AKIDother"}, "AuthFailure.SecretIdNotFound"),
        (tencent, {"app_id": "1"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        (tencent, {"sign_name": "他人"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        (tencent, {"template_code": "2"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        (aliyun, {"access_key_secret": "old"}, "SignatureDoesNotMatch"),
        (aliyun, {"access_key_id": "other"}, "InvalidAccessKeyId.NotFound"),
        (aliyun, {"sign_name": "他人"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        (aliyun, {"template_code": "SMS_2"}, "isv.SMS_TEMPLATE_ILLEGAL"),
    ],
)
async def test_a_wrong_account_sends_nothing(
    sessions: Sessions, wire: Changing, adapter: Adapter, change: dict[str, str], code: str
) -> None:
    assert await refusal(adapter(wire, **change)) == code
    assert await sent(sessions) == 0


@pytest.mark.parametrize(
    ("adapter", "minutes", "code"),
    [(tencent, 6, "AuthFailure.SignatureExpire"), (aliyun, 16, "InvalidTimeStamp.Expired")],
)
async def test_a_wrong_clock_sends_nothing(
    *, sessions: Sessions, clock: Clock, wire: Changing, adapter: Adapter, minutes: int, code: str
) -> None:
    for later in (timedelta(minutes=minutes), -timedelta(minutes=minutes)):
        clock.now = NOW + later
        assert await refusal(adapter(wire)) == code
    assert await sent(sessions) == 0


@pytest.mark.parametrize(
    ("adapter", "code"),
    [
        (tencent, "InvalidParameterValue.IncorrectPhoneNumber"),
        (aliyun, "isv.MOBILE_NUMBER_ILLEGAL"),
    ],
)
async def test_what_is_no_mobile_is_sent_nothing(
    sessions: Sessions, wire: Changing, adapter: Adapter, code: str
) -> None:
    assert await refusal(adapter(wire), "110") == code
    assert await sent(sessions) == 0


async def test_a_body_that_was_changed_on_its_way_is_refused(sessions: Sessions, wire: Changing) -> None:
    wire.change = lambda request: httpx.Request(
        "POST",
        request.url,
        headers=request.headers,
        content=request.content.replace(b"042042", b"042043"),
    )

    assert await refusal(tencent(wire)) == "AuthFailure.SignatureFailure"
    assert await sent(sessions) == 0


async def test_a_query_that_was_changed_on_its_way_is_refused(sessions: Sessions, wire: Changing) -> None:
    wire.change = lambda request: httpx.Request(
        "POST", str(request.url).replace("042042", "042043"), headers=request.headers
    )

    assert await refusal(aliyun(wire)) == "SignatureDoesNotMatch"
    assert await sent(sessions) == 0


async def test_aliyun_takes_a_nonce_once(sessions: Sessions, clock: Clock, wire: Changing) -> None:
    seen: list[httpx.Request] = []

    def first_again(request: httpx.Request) -> httpx.Request:
        seen.append(request)
        return seen[0]

    wire.change = first_again
    await send(aliyun(wire))
    clock.now = NOW + timedelta(minutes=2)

    assert await refusal(aliyun(wire)) == "SignatureNonceUsed"
    assert await sent(sessions) == 1


async def test_aliyun_sends_one_a_minute_and_five_an_hour(
    sessions: Sessions, clock: Clock, wire: Changing
) -> None:
    said: list[str] = []
    for minute in (0, 0.5, 1, 2, 3, 4, 5):
        clock.now = NOW + timedelta(minutes=minute)
        try:
            await send(aliyun(wire))
        except SmsNotSent as refused:
            said.append(f"{minute} {refused}")

    assert said == ["0.5 isv.BUSINESS_LIMIT_CONTROL", "5 isv.BUSINESS_LIMIT_CONTROL"]
    assert await sent(sessions) == 5


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    port = free_port()
    listening = socket.create_server(("127.0.0.1", port))  # from now on clients may come
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def ask_tencent(address: str, secret: str) -> SendSmsResponse:
    request = SendSmsRequest()
    request.PhoneNumberSet = [f"+86{PHONE}", "+86110"]
    request.SmsSdkAppId, request.TemplateId = sms_outbox.APP_ID, sms_outbox.TEMPLATE
    request.SignName, request.TemplateParamSet = sms_outbox.sign_name(), ["042042", "5"]
    profile = ClientProfile(httpProfile=HttpProfile(endpoint=address, protocol="http"))
    return SmsClient(Credential(sms_outbox.KEY_ID, secret), "ap-guangzhou", profile).SendSms(request)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_tencents_own_client_sends_through_the_sandbox(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    async with served(sms.app(sessions)) as address:
        answer = await asyncio.to_thread(ask_tencent, address, sms_outbox.KEY_SECRET)

    assert [status.Code for status in answer.SendStatusSet] == [
        "Ok",
        "InvalidParameterValue.IncorrectPhoneNumber",
    ]
    assert (await client.get("/sandbox/sms", params={"phone": PHONE})).json()["code"] == "042042"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_tencents_own_client_hears_why_it_is_refused(sessions: Sessions) -> None:
    async with served(sms.app(sessions)) as address:
        with pytest.raises(Exception, match=r"AuthFailure\.SignatureFailure"):
            await asyncio.to_thread(ask_tencent, address, "old")

    assert await sent(sessions) == 0
