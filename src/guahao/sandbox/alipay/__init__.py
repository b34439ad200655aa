"""Alipay's side of gateway.do: payments, refunds, notifications, bills and the cashier."""

from __future__ import annotations

from guahao.sandbox.alipay.gateway import app
from guahao.sandbox.alipay.notify import AlipayNotifier
from guahao.sandbox.alipay.shop import AlipayShop

__all__ = ["AlipayNotifier", "AlipayShop", "app"]
