"""Add-on places (加号): more patients than planned, traceable to a doctor, a reason and who allowed it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.queries import rules_of
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Bucket, SessionAddon, SessionState
from guahao.scheduling.policy.refusals import CLOSED
from guahao.scheduling.service.locks import lock_session, lock_slots
from guahao.scheduling.service.places import Move, move_known

ADDED = "added"
"""Reason in the place log: an add-on place."""


class AddonLimitReached(Problem):
    """More add-on places than the hospital's rules allow; `left` tells how many the session may still get."""

    code = "addon-limit-reached"
    status = 409


class SlotOver(Problem):
    """The slot has begun; nobody can be booked into it any more, nor into an add-on place."""

    code = "addon-slot-over"
    status = 409


async def add_places(
    db: AsyncSession, slot_id: UUID, *, session_id: UUID, places: int, reason: str, by: str, now: datetime
) -> SessionAddon:
    """Add places to a slot for the desk to give out, up to `addon_percent` of the session's capacity.

    They go to the desk pool, not to open sale: the doctor meant somebody. Concurrent callers queue
    on the session. Raises `NotFound`, `SessionStateConflict`, `SlotOver`, `AddonLimitReached`, and the
    problems of `CLOSED` where the catalogue is closed.
    """
    session = await lock_session(db, session_id, SessionState.PUBLISHED)
    slots = {slot.id: slot for slot in await lock_slots(db, session)}
    if slot_id not in slots:
        raise NotFound
    if slots[slot_id].starts_at <= now:
        raise SlotOver
    closed_by = slots[slot_id].closed_by
    if closed_by is not None:
        raise CLOSED[closed_by]
    rules = (await rules_of(db, hospital_id=session.hospital_id, now=now)).rules
    most = sum(one.capacity for one in slots.values()) * rules.addon_percent // 100
    left = most - sum(one.addons for one in slots.values())
    if places > left:
        raise AddonLimitReached(left=left, limit=most)
    addon = SessionAddon(
        hospital_id=session.hospital_id,
        id=new_id(session.hospital_id),
        session_id=session.id,
        slot_id=slot_id,
        doctor_id=session.doctor_id,
        places=places,
        reason=reason,
        added_by=by,
        added_at=now,
    )
    await _write(db, addon)
    return addon


async def _write(db: AsyncSession, addon: SessionAddon) -> None:
    db.add(addon)
    await db.flush()
    await record(
        db,
        AuditEntry(
            hospital_id=addon.hospital_id,
            actor=addon.added_by,
            action="session.addon",
            subject=f"session:{addon.session_id}",
            data={"slot_id": str(addon.slot_id), "places": addon.places, "addon_id": str(addon.id)},
        ),
    )
    added = Move(
        hospital_id=addon.hospital_id,
        slot_id=addon.slot_id,
        source=None,
        target=Bucket.DESK,
        reason=ADDED,
        places=addon.places,
    )
    await move_known(db, [added])
