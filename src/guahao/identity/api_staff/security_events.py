"""Routes by which a member of staff sees what happened to their own login."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from guahao.identity.access import NotLoggedIn, Permission, StaffRef, staff
from guahao.identity.api_patient.security_events import SecurityEventOut, SeenIn
from guahao.identity.queries.security_events import events_of
from guahao.identity.service.security_event import Owner, mark_seen
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, Keys, Now, Page, problems
from guahao.kernel.ids import parse_id

router = APIRouter(prefix="/api/v1/staff/me/security-events", tags=["staff login"])

Myself = Annotated[StaffRef, Depends(staff(Permission.OWN_LOGIN))]


@router.get("", responses=problems(NotLoggedIn))
async def list_own_security_events(who: Myself, db: Db, keys: Keys) -> Page[SecurityEventOut]:
    """What happened to the caller's login in half a year, newest first, a hundred at most."""
    found = await events_of(db, owner=Owner(staff_id=who.id))
    return Page(items=[SecurityEventOut.of(told, keys) for told in found])


@router.post("/seen", status_code=204, responses=problems(NotLoggedIn, NotFound))
async def see_own_security_events(body: SeenIn, who: Myself, db: Db, now: Now) -> None:
    """Note that the caller has seen them; what came meanwhile stays new."""
    await mark_seen(db, owner=Owner(staff_id=who.id), up_to=parse_id(body.newest_id), now=now)
