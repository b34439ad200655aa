"""The bodies of requests, read strictly."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from guahao.sandbox.wechat_pay.message import Call, Merchant, Refusal

S = TypeVar("S", bound=msgspec.Struct)


class Amount(msgspec.Struct, frozen=True):
    """What is to be paid, in fen."""

    total: int
    currency: Literal["CNY"] = "CNY"


class Payer(msgspec.Struct, frozen=True):
    """Who pays."""

    openid: str


class Prepay(msgspec.Struct, frozen=True):
    """The body of a prepayment."""

    appid: str
    mchid: str
    description: str
    out_trade_no: str
    notify_url: str
    amount: Amount
    payer: Payer | None = None
    time_expire: datetime | None = None
    attach: str = ""


class Close(msgspec.Struct, frozen=True):
    """The body of a wish to close."""

    mchid: str


class RefundAmount(msgspec.Struct, frozen=True):
    """What is to be given back, of which sum, in fen."""

    refund: int
    total: int
    currency: Literal["CNY"]


class Refund(msgspec.Struct, frozen=True):
    """The body of a refund; one of the two names of the trade is given."""

    out_refund_no: str
    amount: RefundAmount
    transaction_id: str = ""
    out_trade_no: str = ""
    reason: str = ""
    notify_url: str | None = None


class AbnormalRefund(msgspec.Struct, frozen=True):
    """The body of the wish to send an abnormal refund to an account."""

    out_refund_no: str
    type: Literal["USER_BANK_CARD", "MERCHANT_BANK_CARD"]


def read(call: Call, kind: type[S]) -> S:
    """Read a body. Raises `Refusal` PARAM_ERROR."""
    if b"\\u0000" in call.body:
        raise Refusal("PARAM_ERROR")
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.MsgspecError:
        raise Refusal("PARAM_ERROR") from None


def require_merchant(given: str | None, merchant: Merchant) -> None:
    """Refuse a merchant number that is not the signer's. Raises `Refusal` PARAM_ERROR."""
    if given != merchant.mchid:
        raise Refusal("PARAM_ERROR")
