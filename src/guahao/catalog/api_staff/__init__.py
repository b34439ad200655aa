"""Staff routes of the catalogue."""

from fastapi import APIRouter

from guahao.catalog.api_staff import departments, doctors, fees, pictures, rows, rules

router = APIRouter()
router.include_router(rows.router)
router.include_router(departments.router)
router.include_router(doctors.router)
router.include_router(fees.router)
router.include_router(pictures.router)
router.include_router(rules.router)
