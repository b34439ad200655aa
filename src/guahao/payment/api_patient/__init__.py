"""Routes of payment for patients, for providers' notifications, and the page that opens Alipay."""

from fastapi import APIRouter

from guahao.payment.api_patient import orders, page
from guahao.payment.api_patient.callbacks import hot

__all__ = ["hot", "router"]

router = APIRouter()
for part in (orders.router, page.router):
    router.include_router(part)
