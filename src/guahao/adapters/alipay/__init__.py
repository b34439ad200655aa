"""Alipay's open gateway (gateway.do): payments, refunds, notifications and bills, signed with RSA2 only."""

from __future__ import annotations

from guahao.adapters.alipay.client import ENDPOINT, Alipay
from guahao.adapters.alipay.keys import AlipayKeys

__all__ = ["ENDPOINT", "Alipay", "AlipayKeys"]
