"""Routes on which staff look after money: orders, refunds, the desk, cases, bills, books, settings."""

from fastapi import APIRouter

from guahao.payment.api_staff import bills, cases, desk, ledger, orders, payments, refunds, settings

router = APIRouter(prefix="/api/v1/staff")
for part in (orders, payments, refunds, desk, cases, bills, ledger, settings):
    router.include_router(part.router)

__all__ = ["router"]
