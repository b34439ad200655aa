"""Routes of staff who plan sessions."""

from fastapi import APIRouter

from guahao.scheduling.api_staff import calendar, changes, plan, scan_codes, sessions

router = APIRouter(prefix="/api/v1/staff", tags=["schedule (staff)"])
router.include_router(plan.router)
router.include_router(sessions.router)
router.include_router(calendar.router)
router.include_router(changes.router)
router.include_router(scan_codes.router)
