"""What stands between these settings and production: pure rules, named by setting."""

from __future__ import annotations

from urllib.parse import urlsplit

from guahao.kernel.address import is_loopback, is_trusted, networks
from guahao.kernel.settings import Environment, IdentityProvider, Settings, SmsProvider

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  # compared, not bound


def faults(settings: Settings) -> list[str]:
    """Name every setting that production refuses, with what to do; nothing outside production."""
    if settings.environment is not Environment.PRODUCTION:
        return []
    return [
        *_server(settings),
        *_sms(settings),
        *_identity(settings),
        *_wechat(settings),
        *_wechat_pay(settings),
        *_alipay(settings),
    ]


def warnings(settings: Settings) -> list[str]:
    """Name what production accepts but is likely a mistake."""
    if settings.environment is not Environment.PRODUCTION:
        return []
    trusted = networks(settings.trusted_proxies)
    if is_loopback(settings.host) and not is_trusted(settings.host, trusted):
        warning = (
            f"GUAHAO_TRUSTED_PROXIES: only a proxy of this machine reaches GUAHAO_HOST {settings.host}, and "
            "it is not trusted: everybody counts as one address and shares one limit"
        )
        return [warning]
    if not settings.trusted_proxies:
        return ["GUAHAO_TRUSTED_PROXIES: missing; name the proxy in front, or none if there is none"]
    return []


def _server(settings: Settings) -> list[str]:
    found: list[str] = []
    if settings.database_url is None:
        found.append("GUAHAO_DATABASE_URL: missing; the embedded server is for trying out")
    if settings.debug:
        found.append("GUAHAO_DEBUG: must be off")
    found += _address("GUAHAO_PUBLIC_URL", settings.public_url)
    if settings.metrics_port is None:
        found.append("GUAHAO_METRICS_PORT: missing; numbers must not be on the public port")
    elif settings.metrics_port == settings.port:
        found.append("GUAHAO_METRICS_PORT: must differ from GUAHAO_PORT")
    return found


def _sms(settings: Settings) -> list[str]:
    if settings.sms_provider is SmsProvider.SANDBOX:
        return ["GUAHAO_SMS_PROVIDER: sandbox sends nothing; choose tencent or aliyun"]
    needed = {
        "GUAHAO_SMS_ACCESS_KEY_ID": settings.sms_access_key_id,
        "GUAHAO_SMS_ACCESS_KEY_SECRET": settings.sms_access_key_secret.get_secret_value(),
        "GUAHAO_SMS_SIGN_NAME": settings.sms_sign_name,
        "GUAHAO_SMS_TEMPLATE_CODE": settings.sms_template_code,
    }
    if settings.sms_provider is SmsProvider.TENCENT:
        needed["GUAHAO_SMS_APP_ID"] = settings.sms_app_id
    found = [f"{name}: missing" for name, value in needed.items() if not value]
    if settings.sms_endpoint:
        found += _address("GUAHAO_SMS_ENDPOINT", settings.sms_endpoint)
    return found


def _identity(settings: Settings) -> list[str]:
    if settings.identity_provider is IdentityProvider.SANDBOX:
        return ["GUAHAO_IDENTITY_PROVIDER: sandbox believes everybody; choose tencent or desk"]
    if settings.identity_provider is IdentityProvider.DESK:
        return []
    needed = {
        "GUAHAO_IDENTITY_ACCESS_KEY_ID": settings.identity_access_key_id,
        "GUAHAO_IDENTITY_ACCESS_KEY_SECRET": settings.identity_access_key_secret.get_secret_value(),
    }
    found = [f"{name}: missing" for name, value in needed.items() if not value]
    if settings.identity_endpoint:
        found += _address("GUAHAO_IDENTITY_ENDPOINT", settings.identity_endpoint)
    return found


def _wechat(settings: Settings) -> list[str]:
    found: list[str] = []
    if settings.wechat_endpoint == "sandbox":
        found.append("GUAHAO_WECHAT_ENDPOINT: sandbox lets anybody in; use https://api.weixin.qq.com")
    else:
        found += _address("GUAHAO_WECHAT_ENDPOINT", settings.wechat_endpoint)
    for name, value in (
        ("GUAHAO_WECHAT_APP_ID", settings.wechat_app_id),
        ("GUAHAO_WECHAT_APP_SECRET", settings.wechat_app_secret.get_secret_value()),
    ):
        if not value or "sandbox" in value:
            found.append(f"{name}: missing or the sandbox's")
    return found


def _wechat_pay(settings: Settings) -> list[str]:
    if not settings.wechat_pay_endpoint:
        return []
    if settings.wechat_pay_endpoint == "sandbox":
        return ["GUAHAO_WECHAT_PAY_ENDPOINT: sandbox moves no money; https://api.mch.weixin.qq.com does"]
    found = _address("GUAHAO_WECHAT_PAY_ENDPOINT", settings.wechat_pay_endpoint)
    return found + _own(settings, "wechat_pay_mchid", "wechat_pay_serial", "wechat_pay_key_id")


def _alipay(settings: Settings) -> list[str]:
    if not settings.alipay_endpoint:
        return []
    if settings.alipay_endpoint == "sandbox":
        return ["GUAHAO_ALIPAY_ENDPOINT: sandbox moves no money; https://openapi.alipay.com/gateway.do does"]
    found = _address("GUAHAO_ALIPAY_ENDPOINT", settings.alipay_endpoint)
    return found + _own(settings, "alipay_app_id", "alipay_seller_id")


def _own(settings: Settings, *names: str) -> list[str]:
    """Values that must be the hospital's own: not empty, not as shipped, not named after the sandbox."""
    found = []
    for name in names:
        value = getattr(settings, name)
        if not value or value == Settings.model_fields[name].default or "SANDBOX" in value:
            found.append(f"GUAHAO_{name.upper()}: missing or the sandbox's")
    return found


def _address(name: str, address: str) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme != "https":
        return [f"{name}: must begin with https://"]
    if not parts.hostname or parts.hostname in _LOOPBACK or "sandbox" in parts.hostname:
        return [f"{name}: must name a real host"]
    return []
