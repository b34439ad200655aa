"""All routes of the sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.sandbox.sms import router as sms

router = APIRouter()
for part in (sms,):
    router.include_router(part)
