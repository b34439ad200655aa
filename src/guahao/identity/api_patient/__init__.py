"""Routes of patients about accounts, logins and the people they book for."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.identity.api_patient.accounts import router as accounts
from guahao.identity.api_patient.logins import router as logins

router = APIRouter()
for part in (accounts, logins):
    router.include_router(part)
