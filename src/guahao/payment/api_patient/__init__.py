"""Routes of payment for patients, for providers' notifications, and the page that opens Alipay."""

from fastapi import APIRouter

from guahao.payment.api_patient import callbacks, orders, page

router = APIRouter()
for part in (orders.router, callbacks.router, page.router):
    router.include_router(part)
