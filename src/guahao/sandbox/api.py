"""All routes of the sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.sandbox.payment import router as payment
from guahao.sandbox.sms import router as sms

router = APIRouter()
for part in (sms, payment):
    router.include_router(part)
