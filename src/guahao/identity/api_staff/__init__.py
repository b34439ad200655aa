"""Routes of staff about logins, users and consents."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.identity.api_staff.logins import router as logins

router = APIRouter()
for part in (logins,):
    router.include_router(part)
