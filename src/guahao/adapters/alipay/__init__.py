"""Alipay's open gateway (gateway.do): payments, refunds, notifications and bills, signed with RSA2 only."""

from __future__ import annotations

from guahao.adapters.alipay.client import ENDPOINT, Alipay
from guahao.adapters.alipay.keys import PRIVATE_FILE, AlipayKeys

__all__ = ["ENDPOINT", "PRIVATE_FILE", "Alipay", "AlipayKeys"]
