"""Staff routes of the catalogue."""

from fastapi import APIRouter

from guahao.catalog.api_staff import fees, rows, rules

router = APIRouter()
router.include_router(rows.router)
router.include_router(fees.router)
router.include_router(rules.router)
