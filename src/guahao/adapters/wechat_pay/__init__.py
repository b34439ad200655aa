"""WeChat Pay API v3 for one merchant and one mini program."""

from __future__ import annotations

from guahao.adapters.wechat_pay.client import ENDPOINT, WeChatPay
from guahao.adapters.wechat_pay.keys import APIV3_FILE, MERCHANT_KEY_FILE, KeyFileUnusable, WeChatPayKeys

__all__ = ["APIV3_FILE", "ENDPOINT", "MERCHANT_KEY_FILE", "KeyFileUnusable", "WeChatPay", "WeChatPayKeys"]
