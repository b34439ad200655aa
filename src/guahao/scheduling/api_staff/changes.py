"""Changes to many sessions at once: proposed, looked at, applied, undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import false
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import StaffRef
from guahao.identity.queries.actors import actor_names
from guahao.kernel.errors import NotFound
from guahao.kernel.http import CountedPage, Db, Listed, Now, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import CursorInvalid, SortUnknown, page_of
from guahao.scheduling.api_staff.change_schemas import (
    ChangeWithItems,
    ScheduleChangeIn,
    ScheduleChangeItemOut,
    ScheduleChangeOut,
)
from guahao.scheduling.api_staff.plan import EDITED, SEEN, Planner, Viewer, own, own_doctor
from guahao.scheduling.models import ScheduleChange
from guahao.scheduling.queries.changes import CHANGES, change_with_items, changes
from guahao.scheduling.service.schedule_change import (
    ChangeInUse,
    ChangeStale,
    ChangeStateConflict,
    ChangeTooLarge,
    apply_change,
    propose_change,
    undo_change,
)

router = APIRouter()


@router.post(
    "/hospitals/{hospital_id}/schedule-changes",
    status_code=201,
    responses=problems(*EDITED, ChangeTooLarge),
)
async def create_change(
    hospital_id: str, body: ScheduleChangeIn, db: Db, who: Planner, now: Now
) -> ChangeWithItems:
    """Propose a change and see what it does to each session; nothing happens before it is applied."""
    change = await propose_change(
        db, body.root.asked(), hospital_id=own(who, hospital_id), by=f"staff:{who.id}", now=now
    )
    return await _shown(db, change.id)


@router.get(
    "/hospitals/{hospital_id}/schedule-changes", responses=problems(*SEEN, SortUnknown, CursorInvalid)
)
async def list_changes(
    hospital_id: str, search: Annotated[Listed, Query()], db: Db, who: Viewer
) -> CountedPage[ScheduleChangeOut]:
    """Changes that were applied, newest first: who, when, and whether they were undone; none for a doctor."""
    hospital = own(who, hospital_id)
    wanted = changes(hospital_id=hospital)
    if own_doctor(who) is not None:
        wanted = wanted.where(false())
    read = await page_of(db, wanted, listing=CHANGES, asked=search.asked)
    names = await _names(db, read.rows)
    return CountedPage.of(read, lambda row: ScheduleChangeOut.of(row, names))


@router.get("/schedule-changes/{change_id}", responses=problems(*SEEN))
async def show_change(change_id: str, db: Db, who: Viewer) -> ChangeWithItems:
    """A change with its sessions; a doctor sees no change of many sessions."""
    if own_doctor(who) is not None:
        raise NotFound
    return await _shown(db, _own_change(who, change_id))


@router.post(
    "/schedule-changes/{change_id}/apply", responses=problems(*SEEN, ChangeStateConflict, ChangeStale)
)
async def apply(change_id: str, db: Db, who: Planner, now: Now) -> ChangeWithItems:
    """Do what the preview showed. Refused when it is not true any more; doing it twice changes nothing."""
    id_ = _own_change(who, change_id)
    await apply_change(db, id_, by=f"staff:{who.id}", now=now)
    return await _shown(db, id_)


@router.post(
    "/schedule-changes/{change_id}/undo", responses=problems(*SEEN, ChangeStateConflict, ChangeInUse)
)
async def undo(change_id: str, db: Db, who: Planner, now: Now) -> ChangeWithItems:
    """Put everything back, as long as nothing was published, changed or booked since."""
    id_ = _own_change(who, change_id)
    await undo_change(db, id_, by=f"staff:{who.id}", now=now)
    return await _shown(db, id_)


def _own_change(who: StaffRef, change_id: str) -> UUID:
    id_ = parse_id(change_id)
    who.require(hospital_of(id_))
    return id_


async def _shown(db: AsyncSession, change_id: UUID) -> ChangeWithItems:
    change, items = await change_with_items(db, change_id)
    return ChangeWithItems(
        change=ScheduleChangeOut.of(change, await _names(db, [change])),
        items=[ScheduleChangeItemOut.of(item) for item in items],
    )


async def _names(db: AsyncSession, changes: Sequence[ScheduleChange]) -> dict[str, str]:
    people = {by for one in changes for by in (one.proposed_by, one.applied_by, one.undone_by) if by}
    return await actor_names(db, people)
