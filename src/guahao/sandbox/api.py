"""All routes of the sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.sandbox.alipay.cashier import router as alipay_cashier
from guahao.sandbox.index import router as index
from guahao.sandbox.sms import router as sms
from guahao.sandbox.wechat_pay.cashier import router as wechat_cashier
from guahao.sandbox.weixin import router as weixin

router = APIRouter()
for part in (index, sms, weixin, wechat_cashier, alipay_cashier):
    router.include_router(part)
