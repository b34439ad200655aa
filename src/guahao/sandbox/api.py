"""All routes of the sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.sandbox.index import router as index
from guahao.sandbox.sms import router as sms
from guahao.sandbox.weixin import router as weixin
from guahao.sandbox.wechat_pay.cashier import router as wechat_cashier

router = APIRouter()
for part in (index, sms, wechat_cashier):
    router.include_router(part)
