"""Writing to many sessions: locked in one order, then made, changed, published or removed together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.queries import rules_of
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of
from guahao.scheduling.models import (
    Bucket,
    ChangeState,
    ClinicSession,
    ScheduleChange,
    ScheduleChangeItem,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.sight import Look, planned_as
from guahao.scheduling.service.create import create_sessions, pool_moves, pool_shares
from guahao.scheduling.service.locks import LockedSessions
from guahao.scheduling.service.places import move_known
from guahao.scheduling.service.schedule_change.asked import terms_of
from guahao.scheduling.service.shape import Shape, reshape
from guahao.scheduling.service.withdraw import delete_sessions


class ChangeStateConflict(Problem):
    """The change was undone, or never applied; `state` tells."""

    code = "change-state-conflict"
    status = 409


class ChangeInUse(Problem):
    """Sessions of the change were published, changed or booked since; `session_ids` names them."""

    code = "change-in-use"
    status = 409


class Gone(Exception):
    """Somebody else took the doctor's or the room's time first; nothing must be committed."""


async def lock_change(db: AsyncSession, change_id: UUID) -> ScheduleChange:
    """Take a change for oneself: whoever applies or undoes it at the same time waits. Raises `NotFound`."""
    change = await db.scalar(
        select(ScheduleChange)
        .where(ScheduleChange.hospital_id == hospital_of(change_id), ScheduleChange.id == change_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if change is None:
        raise NotFound
    return change


async def items_of(db: AsyncSession, change: ScheduleChange) -> Sequence[ScheduleChangeItem]:
    """A change's items in order."""
    statement = (
        select(ScheduleChangeItem)
        .where(
            ScheduleChangeItem.hospital_id == change.hospital_id, ScheduleChangeItem.change_id == change.id
        )
        .order_by(ScheduleChangeItem.seq)
    )
    return (await db.scalars(statement)).all()


async def make_drafts(
    db: AsyncSession, looks: Sequence[Look], *, hospital_id: int, now: datetime
) -> dict[tuple[UUID, datetime], UUID]:
    """Make a draft of each look; answers their ids by doctor and start. Raises `Gone`."""
    departments = {look.department_id for look in looks}
    terms = await terms_of(db, hospital_id=hospital_id, departments=departments, now=now)
    planned = [planned_as(look, hospital_id) for look in looks]
    made = await create_sessions(db, planned, terms=terms, state=SessionState.DRAFT)
    if len(made) != len(looks):
        raise Gone
    return {(one.planned.doctor_id, one.planned.starts_at): one.id for one in made}


async def give_looks(
    db: AsyncSession, locked: LockedSessions, looks: Mapping[UUID, Look], *, hospital_id: int
) -> None:
    """Give locked sessions the room, release and capacities of their look. Raises `Gone`, `PlacesTaken`."""
    shapes: dict[bool, list[tuple[Slot, Shape]]] = {True: [], False: []}
    released: list[UUID] = []
    for id_, look in looks.items():
        session = locked.sessions[id_]
        if session.release_at != look.release_at:
            released.append(id_)
        session.room, session.release_at, session.version = look.room, look.release_at, session.version + 1
        shapes[session.state is SessionState.DRAFT] += [
            (slot, Shape(capacity=places))
            for slot, places in zip(locked.slots[id_], look.capacities, strict=True)
        ]
    try:
        await db.flush()
    except IntegrityError as error:
        raise Gone from error
    if released:
        await _release_with_session(db, released, hospital_id=hospital_id)
    for is_draft, slots in shapes.items():
        await reshape(db, slots, is_draft=is_draft)


async def _release_with_session(db: AsyncSession, ids: Sequence[UUID], *, hospital_id: int) -> None:
    of_session = (
        select(ClinicSession.release_at)
        .where(ClinicSession.hospital_id == hospital_id, ClinicSession.id == Slot.session_id)
        .scalar_subquery()
    )
    await db.execute(
        update(Slot)
        .where(Slot.hospital_id == hospital_id, Slot.session_id.in_(ids))
        .values(released_at=of_session)
        .execution_options(synchronize_session=False)
    )


async def publish_all(
    db: AsyncSession, locked: LockedSessions, ids: Collection[UUID], *, hospital_id: int, now: datetime
) -> None:
    """Put locked drafts on sale: their places leave the freezer for open sale and the pools."""
    rules = (await rules_of(db, hospital_id=hospital_id, now=now)).rules
    moves = []
    for id_ in ids:
        session = locked.sessions[id_]
        session.lifecycle = SessionState.PUBLISHED
        moves += pool_moves(
            {slot.id: slot.capacity for slot in locked.slots[id_]},
            hospital_id=hospital_id,
            shares=pool_shares(rules, session.level),
            source=Bucket.FROZEN,
        )
    await db.flush()
    await move_known(db, moves)


async def remove_all(db: AsyncSession, locked: LockedSessions, *, hospital_id: int) -> None:
    """Delete locked drafts with their slots."""
    for session in locked.sessions.values():
        db.expunge(session)
    ids = list(locked.sessions)
    await delete_sessions(db, hospital_id=hospital_id, session_ids=ids, slot_ids=locked.slot_ids())


async def record_change(db: AsyncSession, change: ScheduleChange, ids: Collection[UUID], *, by: str) -> None:
    """Leave a trail of the change and of each session that it touched."""
    deed = {ChangeState.APPLIED: "apply", ChangeState.UNDONE: "undo"}[change.state]
    data = {"kind": change.kind.value, "sessions": len(ids)}
    about = AuditEntry(
        hospital_id=change.hospital_id,
        actor=by,
        action=f"schedule-change.{deed}",
        subject=f"schedule-change:{change.id}",
        data=data,
    )
    each = [
        AuditEntry(
            hospital_id=change.hospital_id,
            actor=by,
            action=f"session.{deed}-change",
            subject=f"session:{id_}",
            data={"change_id": str(change.id), "kind": change.kind.value},
        )
        for id_ in ids
    ]
    await record(db, about, *each)
