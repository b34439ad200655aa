"""Chooses the clients of remote systems by the settings."""

from __future__ import annotations

from typing import assert_never

import httpx

from guahao.adapters import identity_tencent, sms_aliyun, sms_tencent, wechat
from guahao.adapters.identity_desk import DeskVerifier
from guahao.adapters.off import NoSms, NoWeChat
from guahao.identity.ports.sms import SmsSender
from guahao.identity.ports.verification import IdentityVerifier
from guahao.identity.ports.wechat import WeChatIdentity
from guahao.kernel.db import Sessions
from guahao.kernel.settings import IdentityProvider, Settings, SmsProvider
from guahao.sandbox import sms, sms_outbox, weixin_api
from guahao.sandbox.identity import SandboxIdentityVerifier
from guahao.web.outbound import outbound

_SANDBOX = "sandbox"


def sms_sender(settings: Settings, sessions: Sessions) -> SmsSender:
    """Make the client of the SMS provider in use; the sandbox is Tencent's, answered in process."""
    secret = settings.sms_access_key_secret.get_secret_value()
    match settings.sms_provider:
        case SmsProvider.NONE:
            return NoSms()
        case SmsProvider.SANDBOX:
            return sms_tencent.TencentSms(
                httpx.AsyncClient(transport=httpx.ASGITransport(sms.app(sessions))),
                access_key_id=sms_outbox.KEY_ID,
                access_key_secret=sms_outbox.KEY_SECRET,
                app_id=sms_outbox.APP_ID,
                sign_name=sms_outbox.sign_name(),
                template_code=sms_outbox.TEMPLATE,
            )
        case SmsProvider.TENCENT:
            return sms_tencent.TencentSms(
                outbound(),
                access_key_id=settings.sms_access_key_id,
                access_key_secret=secret,
                app_id=settings.sms_app_id,
                sign_name=settings.sms_sign_name,
                template_code=settings.sms_template_code,
                endpoint=settings.sms_endpoint or sms_tencent.ENDPOINT,
            )
        case SmsProvider.ALIYUN:
            return sms_aliyun.AliyunSms(
                outbound(),
                access_key_id=settings.sms_access_key_id,
                access_key_secret=secret,
                sign_name=settings.sms_sign_name,
                template_code=settings.sms_template_code,
                endpoint=settings.sms_endpoint or sms_aliyun.ENDPOINT,
            )
        case _:
            assert_never(settings.sms_provider)


def wechat_identity(settings: Settings, sessions: Sessions) -> WeChatIdentity:
    """Make the client of WeChat; `sandbox` as its address is answered in process, without a secret nobody."""
    app_id, secret = settings.wechat_app_id, settings.wechat_app_secret.get_secret_value()
    if settings.wechat_endpoint == _SANDBOX:
        simulator = weixin_api.app(sessions, app_id=app_id, app_secret=secret)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(simulator))
        return wechat.WeChat(http, app_id=app_id, app_secret=secret)
    if not (app_id and secret):
        return NoWeChat()
    return wechat.WeChat(
        outbound(),
        app_id=app_id,
        app_secret=secret,
        endpoint=settings.wechat_endpoint or wechat.ENDPOINT,
    )


def identity_verifier(settings: Settings) -> IdentityVerifier:
    """Make the client of the authority that compares names and document numbers."""
    match settings.identity_provider:
        case IdentityProvider.SANDBOX:
            return SandboxIdentityVerifier()
        case IdentityProvider.DESK:
            return DeskVerifier()
        case IdentityProvider.TENCENT:
            return identity_tencent.TencentIdentity(
                outbound(),
                access_key_id=settings.identity_access_key_id,
                access_key_secret=settings.identity_access_key_secret.get_secret_value(),
                endpoint=settings.identity_endpoint or identity_tencent.ENDPOINT,
            )
        case _:
            assert_never(settings.identity_provider)
