"""Routes of patients about appointments."""

from fastapi import APIRouter

from guahao.booking.api_patient import appointments, hold
from guahao.booking.api_patient.hold import hot

router = APIRouter()
router.include_router(hold.router)
router.include_router(appointments.router)

__all__ = ["hot", "router"]
