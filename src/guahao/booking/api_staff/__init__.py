"""Routes on which staff book for people at the desk or on the phone, and look after bookings."""

from fastapi import APIRouter

from guahao.booking.api_staff import (
    appointments,
    blocks,
    correction,
    deeds,
    desk,
    duplicates,
    file,
    hold,
    today,
    what_if,
)

router = APIRouter(prefix="/api/v1/staff", tags=["booking: staff"])
for part in (hold, appointments, desk, correction, duplicates, file, deeds, blocks, what_if, today):
    router.include_router(part.router)

__all__ = ["router"]
