"""The bodies of requests, read strictly."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from guahao.kernel.i18n import text
from guahao.sandbox.wechat_pay.message import Call, Merchant, Refusal

S = TypeVar("S", bound=msgspec.Struct)
_FIELD = re.compile(r"[`.$]([a-z_.]+)`")


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a body with its documented members; any other is refused, as by the real one."""


class Amount(_Body, frozen=True):
    """What is to be paid, in fen."""

    total: int
    currency: Literal["CNY"] = "CNY"


class Payer(_Body, frozen=True):
    """Who pays."""

    openid: str


class StoreInfo(_Body, frozen=True):
    """A shop."""

    id: str
    name: str = ""
    area_code: str = ""
    address: str = ""


class SceneInfo(_Body, frozen=True):
    """Where it is paid."""

    payer_client_ip: str
    device_id: str = ""
    store_info: StoreInfo | None = None


class GoodsDetail(_Body, frozen=True):
    """What is bought."""

    merchant_goods_id: str
    quantity: int
    unit_price: int
    wechatpay_goods_id: str = ""
    goods_name: str = ""


class Detail(_Body, frozen=True):
    """What is bought, for coupons."""

    cost_price: int | None = None
    invoice_id: str = ""
    goods_detail: list[GoodsDetail] | None = None


class SettleInfo(_Body, frozen=True):
    """How the money is shared."""

    profit_sharing: bool = False


class Prepay(_Body, frozen=True):
    """The body of a prepayment by QR code."""

    appid: str
    mchid: str
    description: str
    out_trade_no: str
    notify_url: str
    amount: Amount
    time_expire: datetime | None = None
    attach: str = ""
    goods_tag: str = ""
    support_fapiao: bool = False
    detail: Detail | None = None
    scene_info: SceneInfo | None = None
    settle_info: SettleInfo | None = None

    @property
    def openid(self) -> str | None:
        """Who shall pay; anybody who scans the code."""
        return None


class JsapiPrepay(Prepay, frozen=True, kw_only=True):
    """The body of a prepayment in the mini program."""

    payer: Payer

    @property
    def openid(self) -> str:
        """Who shall pay."""
        return self.payer.openid


class Close(_Body, frozen=True):
    """The body of a wish to close."""

    mchid: str


class RefundFrom(_Body, frozen=True):
    """Which account of the merchant gives."""

    account: Literal["AVAILABLE", "UNAVAILABLE"]
    amount: int


class RefundAmount(_Body, frozen=True):
    """What is to be given back, of which sum, in fen."""

    refund: int
    total: int
    currency: Literal["CNY"]
    from_: list[RefundFrom] | None = msgspec.field(default=None, name="from")


class RefundGoods(_Body, frozen=True):
    """What is given back."""

    merchant_goods_id: str
    unit_price: int
    refund_amount: int
    refund_quantity: int
    wechatpay_goods_id: str = ""
    goods_name: str = ""


class Refund(_Body, frozen=True):
    """The body of a refund; one of the two names of the trade is given."""

    out_refund_no: str
    amount: RefundAmount
    transaction_id: str = ""
    out_trade_no: str = ""
    reason: str = ""
    notify_url: str | None = None
    funds_account: Literal["AVAILABLE", "UNSETTLED"] | None = None
    goods_detail: list[RefundGoods] | None = None


class AbnormalRefund(_Body, frozen=True):
    """The body of the wish to send an abnormal refund to an account; the payer's is named, encrypted."""

    out_refund_no: str
    type: Literal["USER_BANK_CARD", "MERCHANT_BANK_CARD"]
    bank_type: str = ""
    bank_account: str = ""
    real_name: str = ""


TITLE_BYTES, ATTACH_BYTES, REASON_BYTES = 127, 128, 80
"""What WeChat Pay counts in bytes of UTF-8: a Chinese character has three."""

REFUND_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")


def is_within(value: str, most_bytes: int) -> bool:
    """Whether a text has no more bytes than that."""
    return len(value.encode()) <= most_bytes


def is_address(url: str) -> bool:
    """Whether WeChat Pay would post to an address: https without a query.

    The one exception is named: http to where nobody on the internet is, this machine, a private address or
    a name that is reserved for tests, as in the demo. The real one could not reach these at all.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and _is_unreachable(host))
    return is_secure and bool(host) and "?" not in url


def _is_unreachable(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".test", ".example", ".invalid")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def read(call: Call, kind: type[S]) -> S:
    """Read a body. Raises `Refusal` PARAM_ERROR."""
    if b"\\u0000" in call.body:
        raise Refusal("PARAM_ERROR")
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.ValidationError as error:
        field = _FIELD.search(str(error))
        is_unknown = "unknown field" in str(error)
        issue = text(f"sandbox-wechat.{'undocumented' if is_unknown else 'malformed'}")
        raise Refusal("PARAM_ERROR", field=field[1] if field else "", issue=issue) from None
    except msgspec.MsgspecError:
        raise Refusal("PARAM_ERROR") from None


def require_merchant(given: str | None, merchant: Merchant) -> None:
    """Refuse a merchant number that is not the signer's. Raises `Refusal` PARAM_ERROR."""
    if given != merchant.mchid:
        raise Refusal("PARAM_ERROR")
