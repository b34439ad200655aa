"""Chooses the clients of payment providers by the settings, and the sandbox's side of them in the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from guahao.adapters import alipay, wechat_pay
from guahao.kernel.crypto import KeysUnusable, require_private
from guahao.kernel.db import Sessions
from guahao.kernel.jobs import Errand
from guahao.kernel.settings import Environment, Settings
from guahao.payment.ports import Gateway, Gateways, Provider
from guahao.sandbox import jobs as sandbox_jobs
from guahao.sandbox.alipay import AlipayShop
from guahao.sandbox.alipay.gateway import http as alipay_http
from guahao.sandbox.keys import SandboxKeys, is_sandbox_secret
from guahao.sandbox.wechat_pay.app import ADDRESS
from guahao.sandbox.wechat_pay.app import http as wechat_http
from guahao.sandbox.wechat_pay.message import Merchant
from guahao.web.outbound import outbound

SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """The clients in use, and of the sandbox its Alipay for browsers and its keys."""

    gateways: Gateways
    alipay_shop: AlipayShop | None
    sandbox_keys: SandboxKeys | None


def providers(settings: Settings, sessions: Sessions) -> Providers:
    """Make the clients of all providers that the settings offer. Raises what reading their keys raises."""
    is_sandbox = SANDBOX in {settings.wechat_pay_endpoint, settings.alipay_endpoint}
    keys = SandboxKeys.load(settings.keys_path / SANDBOX) if is_sandbox else None
    shop = _shop(settings, sessions, keys) if keys and settings.alipay_endpoint == SANDBOX else None
    found: dict[Provider, Gateway] = {}
    if settings.wechat_pay_endpoint:
        found[Provider.WECHAT] = _wechat_pay(settings, sessions, keys)
    if settings.alipay_endpoint:
        found[Provider.ALIPAY] = _alipay(settings, shop)
    return Providers(gateways=found, alipay_shop=shop, sandbox_keys=keys)


def key_faults(settings: Settings) -> list[str]:
    """Name every key file of a provider in use that is missing or unusable."""
    folder, found = settings.keys_path, _exposed(settings)
    if settings.wechat_pay_endpoint not in {"", SANDBOX}:
        try:
            _wechat_keys(settings, folder)
        except wechat_pay.KeyFileUnusable as error:
            found.append(f"GUAHAO_KEYS_DIR: {error} is missing or not the key it should be")
    if settings.alipay_endpoint not in {"", SANDBOX}:
        try:
            alipay.AlipayKeys.load(folder)
        except (OSError, ValueError) as error:
            found.append(f"GUAHAO_KEYS_DIR: {error} is missing or not the key it should be")
    return found


def _exposed(settings: Settings) -> list[str]:
    """Secrets of providers in use that others can read, or that the sandbox made."""
    used = [
        *((wechat_pay.MERCHANT_KEY_FILE, wechat_pay.APIV3_FILE) if settings.wechat_pay_endpoint else ()),
        *((alipay.PRIVATE_FILE,) if settings.alipay_endpoint else ()),
    ]
    found = []
    if settings.environment is Environment.PRODUCTION:
        for path in (settings.keys_path / name for name in used):
            if not path.exists():
                continue
            try:
                require_private(path)
            except KeysUnusable as error:
                found.append(f"GUAHAO_KEYS_DIR: {error}")
            if path.is_file() and is_sandbox_secret(path.read_bytes()):
                found.append(f"GUAHAO_KEYS_DIR: {path}: made by the sandbox; the provider's own is needed")
    return found


def _wechat_keys(settings: Settings, folder: Path) -> wechat_pay.WeChatPayKeys:
    return wechat_pay.WeChatPayKeys.load(
        folder, merchant_serial=settings.wechat_pay_serial, key_id=settings.wechat_pay_key_id
    )


def _wechat_pay(settings: Settings, sessions: Sessions, keys: SandboxKeys | None) -> wechat_pay.WeChatPay:
    endpoint, folder = settings.wechat_pay_endpoint, settings.keys_path
    if endpoint == SANDBOX and keys is not None:
        endpoint, folder = ADDRESS, settings.keys_path / SANDBOX
        merchant = Merchant(
            mchid=settings.wechat_pay_mchid,
            app_id=settings.wechat_app_id,
            serial=settings.wechat_pay_serial,
        )
        http = wechat_http(sessions, keys, merchant=merchant, time_scale=settings.sandbox_time_scale)
    else:
        http = outbound()
    return wechat_pay.WeChatPay(
        http,
        endpoint=endpoint,
        mchid=settings.wechat_pay_mchid,
        app_id=settings.wechat_app_id,
        keys=_wechat_keys(settings, folder),
        notify_url=f"{settings.public_url}/callbacks/wechat-pay",
        refund_notify_url=f"{settings.public_url}/callbacks/wechat-refund",
    )


def _alipay(settings: Settings, shop: AlipayShop | None) -> alipay.Alipay:
    endpoint, folder = settings.alipay_endpoint, settings.keys_path
    if shop is not None:
        endpoint, folder = shop.address("gateway.do"), settings.keys_path / SANDBOX
    return alipay.Alipay(
        outbound() if shop is None else alipay_http(shop),
        endpoint=endpoint,
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        keys=alipay.AlipayKeys.load(folder),
        notify_url=f"{settings.public_url}/callbacks/alipay",
    )


def _shop(settings: Settings, sessions: Sessions, keys: SandboxKeys) -> AlipayShop:
    return AlipayShop(
        sessions=sessions,
        keys=keys,
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        public_url=settings.public_url,
        time_scale=settings.sandbox_time_scale,
    )


def errands(settings: Settings, used: Providers) -> tuple[Errand, ...]:
    """List the sandbox's work by the clock, none where it is not in use."""
    if used.sandbox_keys is None:
        return ()
    return sandbox_jobs.errands(
        used.sandbox_keys,
        outbound(),
        mchid=settings.wechat_pay_mchid,
        time_scale=settings.sandbox_time_scale,
    )
