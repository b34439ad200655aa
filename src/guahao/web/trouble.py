"""Routes on which staff look after events that could not be told: again, or let rest with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel import relay
from guahao.kernel.errors import NotFound
from guahao.kernel.events import EventRow, Reaction
from guahao.kernel.http import Body, CountedPage, Db, Listed, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import CursorInvalid, SortUnknown, page_of
from guahao.kernel.value.fields import reason_text

router = APIRouter(prefix="/api/v1/staff/dead-letters", tags=["trouble: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_EVENTS))]
Settler = Annotated[StaffRef, Depends(staff(Permission.SETTLE_EVENTS))]


class DeadLetterSearch(Listed):
    """Which events; without a hospital the platform's people see all, others those of their own."""

    hospital_id: Annotated[int | None, Field(ge=0, le=16_777_215)] = None
    name: Annotated[str | None, Field(max_length=100)] = None


class DeadLetterSeen(BaseModel):
    """An event nobody could be told of; `last_error` is the kind of the last failure."""

    id: UUID
    hospital_id: int
    name: str
    attempts: int
    occurred_at: datetime
    last_error: str | None


class DeadLetterFile(DeadLetterSeen):
    """The same with what it says (identifiers and numbers only), who took it and who did not."""

    payload: dict[str, Any]
    heard_by: list[str]
    not_heard_by: list[str]


class SettledOut(BaseModel):
    """The event is settled."""

    id: UUID


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid))
async def list_dead_letters(
    search: Annotated[DeadLetterSearch, Query()], db: Db, who: Viewer
) -> CountedPage[DeadLetterSeen]:
    """Events that were given up after many tries, newest first; sorted by `occurred_at`."""
    hospital_id = who.hospital_id if search.hospital_id is None else search.hospital_id
    if hospital_id is not None:
        who.require(hospital_id)
    wanted = relay.dead_letters(hospital_id=hospital_id, name=search.name)
    return CountedPage.of(await page_of(db, wanted, listing=relay.DEAD_LETTERS, asked=search.asked), _seen)


@router.get("/{event_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_dead_letter(event_id: str, request: Request, db: Db, who: Viewer) -> DeadLetterFile:
    """One of them, with what it says and which reactions failed."""
    row = await relay.dead_letter(db, event_id=_own(who, event_id))
    took = await relay.heard_by(db, hospital_id=row.hospital_id, event_id=row.id)
    reactions: tuple[Reaction, ...] = request.app.state.reactions
    hearers = {one.name for one in reactions if one.event.name == row.name}
    return DeadLetterFile(
        **_seen(row).model_dump(),
        payload=row.payload,
        heard_by=sorted(took),
        not_heard_by=sorted(hearers - took),
    )


_SETTLED = problems(NotLoggedIn, PermissionMissing, NotFound, relay.NotDead)


@router.post("/{event_id}/retry", responses=_SETTLED)
async def tell_again(event_id: str, db: Db, who: Settler) -> SettledOut:
    """Have it told again now, to those who have not heard it; it comes back if it fails again."""
    row = await relay.tell_again(db, event_id=_own(who, event_id))
    await _note(db, row, "event.retry", who)
    return SettledOut(id=row.id)


class DiscardIn(Body):
    """Why nobody needs to hear it any more."""

    reason: Annotated[str, reason_text(least=4)]


@router.post("/{event_id}/discard", responses=_SETTLED)
async def discard(event_id: str, body: DiscardIn, db: Db, who: Settler) -> SettledOut:
    """Let it rest, untold; the reason stands in the audit trail."""
    row = await relay.discard(db, event_id=_own(who, event_id))
    await _note(db, row, "event.discard", who, reason=body.reason)
    return SettledOut(id=row.id)


def _seen(row: EventRow) -> DeadLetterSeen:
    return DeadLetterSeen.model_validate(row, from_attributes=True)


async def _note(db: AsyncSession, row: EventRow, action: str, who: StaffRef, **data: str) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=row.hospital_id,
            actor=f"staff:{who.id}",
            action=action,
            subject=f"event:{row.id}",
            data={"name": row.name, **data},
        ),
    )


def _own(who: StaffRef, event_id: str) -> UUID:
    id_ = parse_id(event_id)
    who.require(hospital_of(id_))
    return id_
