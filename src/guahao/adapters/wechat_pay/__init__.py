"""WeChat Pay API v3 for one merchant and one mini program."""

from __future__ import annotations

from guahao.adapters.wechat_pay.client import ENDPOINT, WeChatPay
from guahao.adapters.wechat_pay.keys import KeyFileUnusable, WeChatPayKeys

__all__ = ["ENDPOINT", "KeyFileUnusable", "WeChatPay", "WeChatPayKeys"]
