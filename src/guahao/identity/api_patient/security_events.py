"""Routes by which the holder of an account sees what happened to it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from guahao.identity.access import CurrentAccount, NotLoggedIn
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.queries.security_events import ToldEvent, events_of
from guahao.identity.service.security_event import Owner, mark_seen
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Keys, Now, Page, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.masking import mask_name, shown
from guahao.kernel.value.fields import Id

router = APIRouter(prefix="/api/v1/me/security-events", tags=["account"])


class SecurityEventOut(BaseModel):
    """What happened; address and device are null when an office did it, `seen_at` while it is new."""

    id: str
    kind: SecurityEventKind
    at: datetime
    address: str | None = Field(examples=["203.0.113.7"])
    device: str | None
    patient_name: str | None = Field(description="Masked; whom it concerns. Null of `patient_overruled`")
    seen_at: datetime | None

    @classmethod
    def of(cls, told: ToldEvent, keys: KeyRing) -> SecurityEventOut:
        """Show one to its owner."""
        event, name = told.event, None
        if told.person is not None and event.kind is not SecurityEventKind.PATIENT_OVERRULED:
            sealed = told.person.name_sealed
            name = shown(keys.open_shown(sealed, field="person.name_sealed", row=told.person.id), mask_name)
        return cls(
            id=str(event.id),
            kind=event.kind,
            at=event.at,
            address=event.address,
            device=event.device,
            patient_name=name,
            seen_at=event.seen_at,
        )


class SeenIn(Body):
    """The newest event that was shown; it and all before it are no longer new."""

    newest_id: Id


@router.get("", responses=problems(NotLoggedIn))
async def list_security_events(account: CurrentAccount, db: Db, keys: Keys) -> Page[SecurityEventOut]:
    """What happened to this account in half a year, newest first, a hundred at most."""
    found = await events_of(db, owner=Owner(account_id=account.id))
    return Page(items=[SecurityEventOut.of(told, keys) for told in found])


@router.post("/seen", status_code=204, responses=problems(NotLoggedIn, NotFound))
async def see_security_events(body: SeenIn, account: CurrentAccount, db: Db, now: Now) -> None:
    """Note that the holder has seen them; what came meanwhile stays new."""
    await mark_seen(db, owner=Owner(account_id=account.id), up_to=parse_id(body.newest_id), now=now)
