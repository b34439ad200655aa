from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from guahao.adapters import sms_aliyun, sms_tencent
from guahao.adapters.sms_aliyun import AliyunSms
from guahao.adapters.sms_tencent import TencentSms
from guahao.identity.ports.sms import SmsNotSent, SmsSender
from guahao.kernel.clock import utc_now
from tests.contract.sms_simulator import KEY_ID, KEY_SECRET, Aliyun, Provider, Tencent, served

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
SIGN_NAME = "大众医疗 & 挂号~+*"


def tencent(
    transport: httpx.AsyncBaseTransport | None,
    *,
    secret: str = KEY_SECRET,
    endpoint: str = sms_tencent.ENDPOINT,
    clock: Callable[[], datetime] = lambda: NOW,
) -> SmsSender:
    return TencentSms(
        httpx.AsyncClient(transport=transport),
        access_key_id=KEY_ID,
        access_key_secret=secret,
        app_id="1400000000",
        sign_name=SIGN_NAME,
        template_code="1234",
        endpoint=endpoint,
        clock=clock,
    )


def aliyun(
    transport: httpx.AsyncBaseTransport | None,
    *,
    secret: str = KEY_SECRET,
    endpoint: str = sms_aliyun.ENDPOINT,
    clock: Callable[[], datetime] = lambda: NOW,
) -> SmsSender:
    return AliyunSms(
        httpx.AsyncClient(transport=transport),
        access_key_id=KEY_ID,
        access_key_secret=secret,
        sign_name=SIGN_NAME,
        template_code="SMS_1",
        endpoint=endpoint,
        clock=clock,
    )


BOTH = pytest.mark.parametrize(("provider", "adapter"), [(Tencent, tencent), (Aliyun, aliyun)])
Adapter = Callable[..., SmsSender]


async def send(sender: SmsSender) -> None:
    await sender.send_code(phone="13800138000", code="042042", valid_min=5)


async def refusal(sender: SmsSender) -> str:
    with pytest.raises(SmsNotSent) as refused:
        await send(sender)
    return str(refused.value)


async def test_tencent_takes_our_message() -> None:
    simulator = Tencent(now=NOW)

    await send(tencent(simulator.transport()))

    (call,) = simulator.calls
    assert json.loads(call.body) == {
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": "1400000000",
        "SignName": SIGN_NAME,
        "TemplateId": "1234",
        "TemplateParamSet": ["042042", "5"],
    }
    assert call.headers["host"] == "sms.tencentcloudapi.com"


async def test_aliyun_takes_our_message() -> None:
    simulator = Aliyun(now=NOW)

    await send(aliyun(simulator.transport()))

    (call,) = simulator.calls
    assert parse_qs(call.query) == {
        "PhoneNumbers": ["13800138000"],
        "SignName": [SIGN_NAME],
        "TemplateCode": ["SMS_1"],
        "TemplateParam": ['{"code":"042042"}'],
    }
    assert call.headers["host"] == "dysmsapi.aliyuncs.com"


@BOTH
async def test_a_message_reaches_a_real_server(provider: type[Provider], adapter: Adapter) -> None:
    simulator = provider(now=utc_now())

    with served(simulator) as address:
        await send(adapter(None, endpoint=f"http://{address}", clock=utc_now))

    assert len(simulator.calls) == 1


@pytest.mark.parametrize(
    ("provider", "adapter", "code"),
    [
        (Tencent, tencent, "AuthFailure.SignatureFailure"),
        (Aliyun, aliyun, "SignatureDoesNotMatch"),
    ],
)
async def test_a_wrong_secret_is_refused(provider: type[Provider], adapter: Adapter, code: str) -> None:
    simulator = provider(now=NOW)

    assert await refusal(adapter(simulator.transport(), secret="another")) == code


@pytest.mark.parametrize(
    ("provider", "adapter", "code"),
    [
        (Tencent, tencent, "AuthFailure.SignatureExpire"),
        (Aliyun, aliyun, "InvalidTimeStamp.Expired"),
    ],
)
async def test_a_wrong_clock_is_refused(provider: type[Provider], adapter: Adapter, code: str) -> None:
    simulator = provider(now=NOW + timedelta(minutes=16))

    assert await refusal(adapter(simulator.transport())) == code


@BOTH
async def test_the_providers_own_limit_is_told(provider: type[Provider], adapter: Adapter) -> None:
    simulator = provider(now=NOW, failure="isv.BUSINESS_LIMIT_CONTROL")

    assert await refusal(adapter(simulator.transport())) == "isv.BUSINESS_LIMIT_CONTROL"


@pytest.mark.parametrize("adapter", [tencent, aliyun])
@pytest.mark.parametrize(
    "content",
    [b"", b"<html>502</html>", b"[]", b"{}", b'{"Response": {"SendStatusSet": []}}', b'{"Code": 1}'],
)
async def test_an_answer_that_cannot_be_read_is_no_success(adapter: Adapter, content: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(502, content=content))

    assert await refusal(adapter(transport))


@pytest.mark.parametrize("adapter", [tencent, aliyun])
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_a_lost_connection_is_tried_once_only(adapter: Adapter, error: type[httpx.HTTPError]) -> None:
    tries: list[object] = []

    def lose(request: httpx.Request) -> httpx.Response:
        tries.append(request.method)
        raise error(str(request.url))

    said = await refusal(adapter(httpx.MockTransport(lose)))

    assert said == error.__name__
    assert tries == ["POST"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tencents_own_client_signs_as_we_do() -> None:
    simulator = Tencent(now=utc_now())
    request = SendSmsRequest()
    request.PhoneNumberSet = ["+8613800138000"]
    request.SmsSdkAppId, request.TemplateId, request.SignName = "1400000000", "1234", SIGN_NAME
    request.TemplateParamSet = ["042042", "5"]

    with served(simulator) as address:
        profile = ClientProfile(httpProfile=HttpProfile(endpoint=address, protocol="http"))
        client = SmsClient(Credential(KEY_ID, KEY_SECRET), "ap-guangzhou", profile)
        answer = client.SendSms(request)

    (call,) = simulator.calls
    assert answer.SendStatusSet[0].Code == "Ok"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["authorization"] == sms_tencent.authorization(
        access_key_id=KEY_ID,
        access_key_secret=KEY_SECRET,
        host=call.headers["host"],
        body=call.body,
        moment=datetime.fromtimestamp(int(call.headers["x-tc-timestamp"]), UTC),
    )


def test_aliyuns_documented_example_is_signed_as_documented() -> None:
    query = sms_aliyun.canonical_query(
        {
            "RegionId": "cn-shanghai",
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        }
    )

    signed = sms_aliyun.authorization(
        access_key_id="YourAccessKeyId",
        access_key_secret="YourAccessKeySecret",
        query=query,
        headers={
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-version": "2014-05-26",
        },
    )

    assert signed.endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")
