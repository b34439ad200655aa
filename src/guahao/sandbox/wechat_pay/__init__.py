"""WeChat Pay's side of API v3, true to its protocol; see `app` for how to reach it."""

from guahao.sandbox.wechat_pay.app import app, http
from guahao.sandbox.wechat_pay.message import Merchant
from guahao.sandbox.wechat_pay.notice import WeChatNotifier

__all__ = ["Merchant", "WeChatNotifier", "app", "http"]
