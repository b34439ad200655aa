"""What the staff routes of the catalogue share: who may, whose rows, and what a late editor is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from guahao.catalog.ports import EditTouchesSessions, SessionWatch
from guahao.catalog.queries import lists
from guahao.catalog.service.conflict import CodeTaken
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import EditConflict, Invalid, NotFound, Problem, Unavailable
from guahao.kernel.http import Db, Now
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown
from guahao.kernel.value.fields import opaque

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]
Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_CATALOG))]
Approver = Annotated[StaffRef, Depends(staff(Permission.APPROVE_FEE))]
Founder = Annotated[StaffRef, Depends(staff(Permission.CREATE_HOSPITAL))]

SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
LISTED: tuple[type[Problem], ...] = (*SEEN, SortUnknown, CursorInvalid)
EXPORTED: tuple[type[Problem], ...] = (*SEEN, SortUnknown, ExportTooLarge, Unavailable)
CREATED: tuple[type[Problem], ...] = (*SEEN, Invalid, CodeTaken)
EDITED: tuple[type[Problem], ...] = (*CREATED, EditConflict)
WATCHED: tuple[type[Problem], ...] = (*EDITED, EditTouchesSessions)

Confirm = Annotated[
    Annotated[str, opaque(64)] | None,
    Query(description="The `confirm` of an edit-touches-sessions: save although this becomes of sessions"),
]


Watch = Callable[[int, StaffRef], AbstractAsyncContextManager[None]]


async def _watch(request: Request, db: Db, now: Now, confirm: Confirm = None) -> Watch:
    watch: SessionWatch = request.app.state.session_watch
    return lambda hospital_id, who: watch(
        db, hospital_id=hospital_id, confirm=confirm, by=f"staff:{who.id}", now=now
    )


Watched = Annotated[Watch, Depends(_watch)]
"""Around an edit of a hospital's catalogue: what it does to coming sessions is told before it is saved."""


async def existing(db: Db, who: StaffRef, hospital_id: str) -> int:
    """The number of a hospital that is there and that this person works for; raises NotFound."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return (await lists.hospital_for_staff(db, hospital_id=id_)).id


def own(who: StaffRef, id_: str) -> UUID:
    """The id of a row of a hospital that this person works for; raises NotFound."""
    parsed = parse_id(id_)
    who.require(hospital_of(parsed))
    return parsed


@asynccontextmanager
async def telling_current(show: Callable[[], Awaitable[BaseModel]]) -> AsyncGenerator[None]:
    """Put the row as it is now into an edit conflict, so that the late editor can compare."""
    try:
        yield
    except EditConflict as late:
        current = (await show()).model_dump(mode="json")
        raise EditConflict(**late.extra, current=current) from late
