"""Who moves money, by which ways, and from where we know it."""

from __future__ import annotations

from enum import StrEnum


class Provider(StrEnum):
    """Who moves the money."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    CASH = "cash"
    """The hospital's own desk: no remote system, a person counts."""


class Channel(StrEnum):
    """By which way a payer reaches a provider."""

    WECHAT_JSAPI = "wechat_jsapi"
    """Inside the mini program."""
    WECHAT_NATIVE = "wechat_native"
    """A QR code that WeChat scans, for the desk and for computers."""
    ALIPAY_WAP = "alipay_wap"
    """A page in a phone's browser."""
    ALIPAY_PAGE = "alipay_page"
    """A page in a computer's browser."""
    ALIPAY_QR = "alipay_qr"
    """A QR code that Alipay scans."""
    CASH = "cash"
    """Money over the counter."""

    @property
    def provider(self) -> Provider:
        """Who moves the money of this channel."""
        return Provider(self.value.partition("_")[0])


class Source(StrEnum):
    """From where we know a fact; what follows is the same for all."""

    NOTIFICATION = "notification"
    QUERY = "query"
    BILL = "bill"
    DESK = "desk"


class BillKind(StrEnum):
    """What a row of a bill is about."""

    PAYMENT = "payment"
    REFUND = "refund"
