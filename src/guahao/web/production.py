"""What stands between these settings and production: pure rules, named by setting.

What a hospital does not switch on is not asked for: WeChat, each way of payment, text messages and a provider
of identity checks are all optional, and a desk alone is enough.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from guahao.kernel.address import is_loopback, is_trusted, networks
from guahao.kernel.setting_shape import SANDBOX as SANDBOX_NAME
from guahao.kernel.settings import SANDBOX, Environment, IdentityProvider, Settings, SmsProvider

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
_VERIFYING = "verify-full"


def faults(settings: Settings) -> list[str]:
    """Name every setting that production refuses, with what to do; nothing outside production."""
    if settings.environment is not Environment.PRODUCTION:
        return []
    return [
        *_server(settings),
        *_databases(settings),
        *_own_address("GUAHAO_ANCHOR_URL", settings.anchor_url),
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
    if settings.debug:
        found.append("GUAHAO_DEBUG: must be off")
    if settings.api_docs:
        found.append("GUAHAO_API_DOCS: must be off; openapi.json is in the repository")
    found += _address("GUAHAO_PUBLIC_URL", settings.public_url)
    if settings.metrics_port == settings.port:
        found.append("GUAHAO_METRICS_PORT: must differ from GUAHAO_PORT")
    return found


def _databases(settings: Settings) -> list[str]:
    if settings.database_url is None:
        return ["GUAHAO_DATABASE_URL: missing; to try things out set GUAHAO_ENVIRONMENT=demo"]
    addresses = {
        "GUAHAO_DATABASE_URL": settings.database_url,
        "GUAHAO_OWNER_DATABASE_URL": settings.owner_database_url,
    }
    found = [
        fault
        for name, address in addresses.items()
        if address is not None
        for fault in _database(name, address.get_secret_value(), is_plain=settings.database_without_tls)
    ]
    return found + _roles(settings.database_url, settings.owner_database_url)


def _roles(serving: SecretStr | None, owning: SecretStr | None) -> list[str]:
    """Who serves must not be able to become who owns the tables."""
    if serving is None or owning is None:
        return []
    one, other = (make_url(address.get_secret_value()) for address in (serving, owning))
    if one.username == other.username:
        return ["GUAHAO_OWNER_DATABASE_URL: names the role that serves; tables need another owner"]
    if one.password and one.password == other.password:
        return ["GUAHAO_OWNER_DATABASE_URL: has the password of the role that serves; give it its own"]
    return []


def _database(name: str, address: str, *, is_plain: bool) -> list[str]:
    """Another machine's database is reached by TLS that checks whose it is.

    Where an address names no host, PGHOST would decide, so it has to name one.
    """
    parts = urlsplit(address)
    options = parse_qs(parts.query)
    hosts = [host for value in options.get("host", [parts.hostname or ""]) for host in value.split(",")]
    if not all(hosts):
        return [f"{name}: must name the machine, or this one's socket as ?host=/run/postgresql"]
    is_here = all(host.startswith("/") or host in _LOOPBACK for host in hosts)
    if is_here or is_plain or options.get("sslmode") == [_VERIFYING]:
        return []
    fault = f"{name}: another machine needs checked TLS: add ?sslmode={_VERIFYING} (and &sslrootcert=FILE)"
    return [f"{fault}, or set GUAHAO_DATABASE_WITHOUT_TLS=true where the network itself is encrypted"]


def _sms(settings: Settings) -> list[str]:
    if settings.sms_provider is SmsProvider.NONE:
        return []
    if settings.sms_provider is SmsProvider.SANDBOX:
        return ["GUAHAO_SMS_PROVIDER: sandbox sends nothing; choose tencent, aliyun or none"]
    needed = {
        "GUAHAO_SMS_ACCESS_KEY_ID": settings.sms_access_key_id,
        "GUAHAO_SMS_ACCESS_KEY_SECRET": settings.sms_access_key_secret.get_secret_value(),
        "GUAHAO_SMS_SIGN_NAME": settings.sms_sign_name,
        "GUAHAO_SMS_TEMPLATE_CODE": settings.sms_template_code,
    }
    if settings.sms_provider is SmsProvider.TENCENT:
        needed["GUAHAO_SMS_APP_ID"] = settings.sms_app_id
    return _missing(needed) + _own_address("GUAHAO_SMS_ENDPOINT", settings.sms_endpoint)


def _identity(settings: Settings) -> list[str]:
    if settings.identity_provider is IdentityProvider.SANDBOX:
        return ["GUAHAO_IDENTITY_PROVIDER: sandbox believes everybody; choose tencent or desk"]
    if settings.identity_provider is IdentityProvider.DESK:
        return []
    needed = {
        "GUAHAO_IDENTITY_ACCESS_KEY_ID": settings.identity_access_key_id,
        "GUAHAO_IDENTITY_ACCESS_KEY_SECRET": settings.identity_access_key_secret.get_secret_value(),
    }
    return _missing(needed) + _own_address("GUAHAO_IDENTITY_ENDPOINT", settings.identity_endpoint)


_PAY_NAMES = ("wechat_pay_mchid", "wechat_pay_serial", "wechat_pay_key_id")


def _wechat(settings: Settings) -> list[str]:
    """The mini program: its login needs AppID and AppSecret, WeChat Pay alone the AppID."""
    if settings.wechat_endpoint == "sandbox":
        return ["GUAHAO_WECHAT_ENDPOINT: sandbox lets anybody in; leave it empty for WeChat's own"]
    pays = any(getattr(settings, name) for name in ("wechat_pay_endpoint", *_PAY_NAMES))
    logs_in = settings.wechat_endpoint or settings.wechat_app_secret.get_secret_value()
    found = _own_address("GUAHAO_WECHAT_ENDPOINT", settings.wechat_endpoint)
    if logs_in or (settings.wechat_app_id and not pays):
        found += _own(settings, "wechat_app_id", "wechat_app_secret")
    elif pays:
        found += _own(settings, "wechat_app_id")
    return found


def _wechat_pay(settings: Settings) -> list[str]:
    if settings.wechat_pay_endpoint == "sandbox":
        return ["GUAHAO_WECHAT_PAY_ENDPOINT: sandbox moves no money; https://api.mch.weixin.qq.com does"]
    return _channel(settings, "wechat_pay_endpoint", _PAY_NAMES, "https://api.mch.weixin.qq.com")


def _alipay(settings: Settings) -> list[str]:
    names = ("alipay_app_id", "alipay_seller_id")
    if settings.alipay_endpoint == "sandbox":
        return ["GUAHAO_ALIPAY_ENDPOINT: sandbox moves no money; https://openapi.alipay.com/gateway.do does"]
    return _channel(settings, "alipay_endpoint", names, "https://openapi.alipay.com/gateway.do")


def _channel(settings: Settings, endpoint: str, names: tuple[str, ...], public: str) -> list[str]:
    """A way to pay is on when it has an address; one that was half set up is not left out in silence."""
    address = getattr(settings, endpoint)
    if address:
        return _address(f"GUAHAO_{endpoint.upper()}", address) + _own(settings, *names)
    present = [f"GUAHAO_{name.upper()}" for name in names if getattr(settings, name)]
    if present:
        return [f"GUAHAO_{endpoint.upper()}: missing, though {present[0]} is set; usually {public}"]
    return []


def _missing(needed: dict[str, str]) -> list[str]:
    return [f"{name}: missing" for name, value in needed.items() if not value]


def _own(settings: Settings, *names: str) -> list[str]:
    """Values that must be the hospital's own: not empty, not the sandbox's."""
    found = []
    for name in names:
        value = getattr(settings, name)
        text = value if isinstance(value, str) else value.get_secret_value()
        if not text or text == SANDBOX.get(name) or "sandbox" in text.lower():
            found.append(f"GUAHAO_{name.upper()}: missing or the sandbox's")
    return found


def _own_address(name: str, address: str) -> list[str]:
    return _address(name, address) if address else []


def _address(name: str, address: str) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme != "https":
        return [f"{name}: must begin with https://"]
    host = (parts.hostname or "").removesuffix(".")
    if is_loopback(host) or host in _LOOPBACK or host.endswith(".localhost") or SANDBOX_NAME in host:
        return [f"{name}: must name a real host"]
    return []
