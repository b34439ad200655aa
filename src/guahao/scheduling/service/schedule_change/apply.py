"""Applying a change: everything the preview called possible, or nothing when things have moved since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.service import keep_catalog
from guahao.scheduling.models import ChangeKind, ChangeState, ScheduleChange, ScheduleChangeItem
from guahao.scheduling.policy.refusals import PlacesTaken
from guahao.scheduling.policy.sight import Look
from guahao.scheduling.service.locks import LockedSessions, lock_whole_sessions
from guahao.scheduling.service.schedule_change.asked import Asked, ChangeStale, meant_items
from guahao.scheduling.service.schedule_change.propose import stored
from guahao.scheduling.service.schedule_change.write import (
    ChangeStateConflict,
    Gone,
    give_looks,
    items_of,
    lock_change,
    make_drafts,
    publish_all,
    record_change,
    remove_all,
)


async def apply_change(db: AsyncSession, change_id: UUID, *, by: str, now: datetime) -> ScheduleChange:
    """Do to each session what the preview showed; what it refused is left. Twice changes nothing.

    The sessions are locked before they are compared with the preview, so no booking comes between.
    Raises `NotFound`, `ChangeStateConflict`, and `ChangeStale` when anything is not as it was shown.
    """
    change = await lock_change(db, change_id)
    if change.state is ChangeState.APPLIED:
        return change
    if change.state is not ChangeState.PROPOSED:
        raise ChangeStateConflict(state=change.state.value)
    # Before any session: an edit of the catalogue takes the hospital first, then slots.
    await keep_catalog(db, hospital_id=change.hospital_id)
    items = await items_of(db, change)
    wanted = [item for item in items if item.refused_code is None]
    locked = await lock_whole_sessions(
        db,
        hospital_id=change.hospital_id,
        session_ids=[item.session_id for item in wanted if item.session_id],
    )
    await _must_be_fresh(db, change, items, now=now)
    try:
        await _write(db, change, wanted, locked, now=now)
    except (Gone, PlacesTaken) as error:
        raise ChangeStale from error
    change.state, change.applied_by, change.applied_at = ChangeState.APPLIED, by, now
    await db.flush()
    await record_change(db, change, [item.session_id for item in wanted if item.session_id], by=by)
    return change


async def _must_be_fresh(
    db: AsyncSession, change: ScheduleChange, items: Sequence[ScheduleChangeItem], *, now: datetime
) -> None:
    asked = msgspec.convert(change.asked, Asked)
    fresh = await meant_items(db, asked, hospital_id=change.hospital_id, now=now)
    names = ("session_id", "before", "after", "refused_code")
    if [stored(one) for one in fresh] != [{name: getattr(one, name) for name in names} for one in items]:
        raise ChangeStale


async def _write(
    db: AsyncSession,
    change: ScheduleChange,
    wanted: Sequence[ScheduleChangeItem],
    locked: LockedSessions,
    *,
    now: datetime,
) -> None:
    hospital_id = change.hospital_id
    match change.kind:
        case ChangeKind.COPY_WEEK:
            await _copy(db, hospital_id, wanted, now=now)
        case ChangeKind.SET:
            by_id = {one.session_id: msgspec.convert(one.after, Look) for one in wanted if one.session_id}
            await give_looks(db, locked, by_id, hospital_id=hospital_id)
            for item in wanted:
                item.version = locked.version_of(item.session_id)
        case ChangeKind.PUBLISH:
            await publish_all(db, locked, list(locked.sessions), hospital_id=hospital_id, now=now)
        case ChangeKind.REMOVE:
            await remove_all(db, locked, hospital_id=hospital_id)
        case _:
            assert_never(change.kind)


async def _copy(
    db: AsyncSession, hospital_id: int, wanted: Sequence[ScheduleChangeItem], *, now: datetime
) -> None:
    looks = [msgspec.convert(item.after, Look) for item in wanted]
    made = await make_drafts(db, looks, hospital_id=hospital_id, now=now)
    for item, look in zip(wanted, looks, strict=True):
        item.session_id, item.version = made[look.doctor_id, look.starts_at], 1
