"""Routes of patients about accounts, logins and the people they book for."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.identity.api_patient.accounts import router as accounts
from guahao.identity.api_patient.closure import router as closure
from guahao.identity.api_patient.codes import router as codes
from guahao.identity.api_patient.consents import router as consents
from guahao.identity.api_patient.copy import router as copy
from guahao.identity.api_patient.correction import router as correction
from guahao.identity.api_patient.guardian import router as guardian
from guahao.identity.api_patient.logins import router as logins
from guahao.identity.api_patient.patients import router as patients
from guahao.identity.api_patient.phone import router as phone
from guahao.identity.api_patient.phone_change import router as phone_change
from guahao.identity.api_patient.security_events import router as security_events

router = APIRouter()
for part in (
    codes,
    accounts,
    phone,
    phone_change,
    security_events,
    logins,
    patients,
    guardian,
    correction,
    consents,
    closure,
    copy,
):
    router.include_router(part)
