"""Changing one session by hand: room, moment of release, places of its slots and pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.service.conflict import EditConflict
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import ClinicSession, SessionState, Slot
from guahao.scheduling.policy.change import neighbour_of, why_not_changed
from guahao.scheduling.policy.refusals import RoomBusy, SessionStateConflict
from guahao.scheduling.policy.sight import SeenSession
from guahao.scheduling.queries.seen import seen_sessions
from guahao.scheduling.service.busy import busy_naming
from guahao.scheduling.service.locks import lock_session, lock_slots
from guahao.scheduling.service.shape import Shape, reshape


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEdit:
    """What a session shall be; slots by id, those left out stay as they are."""

    version: int
    room: str
    release_at: datetime
    slots: Mapping[UUID, Shape]


async def change_session(
    db: AsyncSession, session_id: UUID, edit: SessionEdit, *, by: str, now: datetime
) -> ClinicSession:
    """Save a session's room, release and places; booked and held places stay whatever happens.

    Raises `NotFound`, `EditConflict`, `SessionStateConflict`, `SessionReleased`, `ReleaseAfterStart`,
    `PlacesTaken`, and `RoomBusy` or `DoctorBusy` naming the other session.
    """
    session = await lock_session(db, session_id, *SessionState)
    if session.version != edit.version:
        raise EditConflict(your_version=edit.version, current_version=session.version)
    slots = {slot.id: slot for slot in await lock_slots(db, session)}
    if not edit.slots.keys() <= slots.keys():
        raise NotFound
    (seen,) = await seen_sessions(db, *_only(session_id), most=1)
    await _move_it(db, session, seen, edit, now=now)
    is_draft = session.state is SessionState.DRAFT
    if is_draft and any(shape.pools for shape in edit.slots.values()):
        raise SessionStateConflict(state=session.state.value)
    await _record(db, session, seen, edit, slots, by=by)
    await reshape(db, [(slots[id_], shape) for id_, shape in edit.slots.items()], is_draft=is_draft)
    return session


async def _move_it(
    db: AsyncSession, session: ClinicSession, seen: SeenSession, edit: SessionEdit, *, now: datetime
) -> None:
    look = replace(seen.look, room=edit.room, release_at=edit.release_at)
    # Places are judged slot by slot, with their pools, when they are reshaped.
    refused = why_not_changed(replace(seen, least=tuple(0 for _ in seen.least)), look, now=now)
    if refused is not None:
        raise refused
    hospital_id, wanted = session.hospital_id, neighbour_of(session.id, look)
    busy = await busy_naming(db, wanted, hospital_id=hospital_id) if edit.room != session.room else None
    if busy is not None:
        raise busy
    released = session.release_at != edit.release_at
    session.room, session.release_at, session.version = edit.room, edit.release_at, session.version + 1
    try:
        await db.flush()
    except IntegrityError as error:
        # Somebody took the room between the look and the write.
        raise RoomBusy from error
    if released:
        await db.execute(
            update(Slot)
            .where(Slot.hospital_id == hospital_id, Slot.session_id == session.id)
            .values(released_at=edit.release_at)
            .execution_options(synchronize_session=False)
        )


def _only(session_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ClinicSession.hospital_id == hospital_of(session_id), ClinicSession.id == session_id


async def _record(
    db: AsyncSession,
    session: ClinicSession,
    seen: SeenSession,
    edit: SessionEdit,
    slots: Mapping[UUID, Slot],
    *,
    by: str,
) -> None:
    resized = {str(id_): shape.capacity - slots[id_].capacity for id_, shape in edit.slots.items()}
    await record(
        db,
        AuditEntry(
            hospital_id=session.hospital_id,
            actor=by,
            action="session.change",
            subject=f"session:{session.id}",
            data={
                "room": [seen.look.room, edit.room],
                "release_at": [seen.look.release_at.isoformat(), edit.release_at.isoformat()],
                "places": {id_: more for id_, more in resized.items() if more},
                "pools": sum(1 for shape in edit.slots.values() if shape.pools),
                "version": edit.version + 1,
            },
        ),
    )
