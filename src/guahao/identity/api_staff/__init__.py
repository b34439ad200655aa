"""Routes of staff about logins, users and consents."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.identity.api_staff.control import router as control
from guahao.identity.api_staff.entry import router as entry
from guahao.identity.api_staff.logins import router as logins
from guahao.identity.api_staff.members import router as members
from guahao.identity.api_staff.patients import router as patients
from guahao.identity.api_staff.releases import router as releases
from guahao.identity.api_staff.second_factor import router as second_factor
from guahao.identity.api_staff.security_events import router as security_events
from guahao.identity.api_staff.trail import router as trail

router = APIRouter()
for part in (entry, logins, second_factor, security_events, members, control, patients, releases, trail):
    router.include_router(part)
