"""Undoing a change, as long as nothing it made was published, changed by others or booked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import (
    ChangeKind,
    ChangeState,
    ClinicSession,
    ScheduleChange,
    ScheduleChangeItem,
    SessionState,
)
from guahao.scheduling.policy.change import why_not_changed
from guahao.scheduling.policy.refusals import PlacesTaken
from guahao.scheduling.policy.sight import Look
from guahao.scheduling.queries.seen import seen_sessions
from guahao.scheduling.service.locks import LockedSessions, lock_whole_sessions
from guahao.scheduling.service.schedule_change.write import (
    ChangeInUse,
    ChangeStateConflict,
    Gone,
    give_looks,
    items_of,
    lock_change,
    make_drafts,
    record_change,
    remove_all,
)


async def undo_change(db: AsyncSession, change_id: UUID, *, by: str, now: datetime) -> ScheduleChange:
    """Put everything back as it was before the change, or nothing. Twice changes nothing.

    What was published stays published: patients may have seen it. Raises `NotFound`,
    `ChangeStateConflict`, and `ChangeInUse` naming the sessions that stand in the way.
    """
    change = await lock_change(db, change_id)
    if change.state is ChangeState.UNDONE:
        return change
    if change.state is not ChangeState.APPLIED:
        raise ChangeStateConflict(state=change.state.value)
    items = [item for item in await items_of(db, change) if item.refused_code is None]
    ids = [item.session_id for item in items if item.session_id]
    locked = await lock_whole_sessions(db, hospital_id=change.hospital_id, session_ids=ids)
    try:
        await _restore(db, change, items, locked, now=now)
    except (Gone, PlacesTaken) as error:
        raise _in_use(ids) from error
    change.state, change.undone_by, change.undone_at = ChangeState.UNDONE, by, now
    await db.flush()
    await record_change(db, change, ids, by=by)
    return change


async def _restore(
    db: AsyncSession,
    change: ScheduleChange,
    items: Sequence[ScheduleChangeItem],
    locked: LockedSessions,
    *,
    now: datetime,
) -> None:
    hospital_id = change.hospital_id
    match change.kind:
        case ChangeKind.COPY_WEEK:
            _refuse_touched(items, locked)
            await remove_all(db, locked, hospital_id=hospital_id)
        case ChangeKind.SET:
            looks = {one.session_id: msgspec.convert(one.before, Look) for one in items if one.session_id}
            await _refuse_changed(db, items, looks, locked, hospital_id=hospital_id, now=now)
            await give_looks(db, locked, looks, hospital_id=hospital_id)
        case ChangeKind.PUBLISH:
            _refuse([item.session_id for item in items if item.session_id])
        case ChangeKind.REMOVE:
            before = [msgspec.convert(item.before, Look) for item in items]
            await make_drafts(db, before, hospital_id=hospital_id, now=now)
        case _:
            assert_never(change.kind)


async def _refuse_changed(
    db: AsyncSession,
    items: Sequence[ScheduleChangeItem],
    looks: dict[UUID, Look],
    locked: LockedSessions,
    *,
    hospital_id: int,
    now: datetime,
) -> None:
    known = {item.session_id: item.version for item in items}
    where = (ClinicSession.hospital_id == hospital_id, ClinicSession.id.in_(looks))
    seen = {one.id: one for one in await seen_sessions(db, *where, most=len(looks))}
    _refuse(
        [
            id_
            for id_, look in looks.items()
            if id_ not in locked.sessions
            or locked.sessions[id_].version != known[id_]
            or locked.sessions[id_].state is not look.state
            or why_not_changed(seen[id_], look, now=now) is not None
        ]
    )


def _refuse_touched(items: Sequence[ScheduleChangeItem], locked: LockedSessions) -> None:
    """Copies that somebody removed since are no loss; what was published or changed by hand would be."""
    made = {item.session_id: item.version for item in items}
    _refuse(
        [
            one.id
            for one in locked.sessions.values()
            if one.state is not SessionState.DRAFT or one.version != made[one.id]
        ]
    )


def _refuse(ids: Collection[UUID]) -> None:
    if ids:
        raise _in_use(ids)


def _in_use(ids: Collection[UUID]) -> ChangeInUse:
    return ChangeInUse(count=len(ids), session_ids=[str(id_) for id_ in ids])
