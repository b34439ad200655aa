"""Proposing a change: what it would do is stored to be looked at, no session is touched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.db import BulkInsert
from guahao.kernel.ids import new_id
from guahao.scheduling.models import ChangeState, ScheduleChange, ScheduleChangeItem
from guahao.scheduling.policy.change import ProposedItem
from guahao.scheduling.policy.sight import Look
from guahao.scheduling.service.schedule_change.asked import Asked, meant_items

KEPT = timedelta(days=1)
"""How long a proposal that nobody applied is kept."""

_ITEMS = BulkInsert(
    ScheduleChangeItem,
    "hospital_id",
    "change_id",
    "seq",
    "session_id",
    "before",
    "after",
    "refused_code",
    "refused_data",
)


async def propose_change(
    db: AsyncSession, asked: Asked, *, hospital_id: int, by: str, now: datetime
) -> ScheduleChange:
    """Store what a change would do to each session. Raises `ChangeTooLarge`."""
    items = await meant_items(db, asked, hospital_id=hospital_id, now=now)
    await _forget_old(db, hospital_id, now=now)
    refused = sum(1 for item in items if item.refused)
    change = ScheduleChange(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        kind=asked.kind,
        state=ChangeState.PROPOSED,
        asked=msgspec.to_builtins(asked),
        possible=len(items) - refused,
        refused=refused,
        proposed_by=by,
        proposed_at=now,
    )
    db.add(change)
    await db.flush()
    rows = [_row(change, number, item) for number, item in enumerate(items)]
    if rows:
        await db.execute(_ITEMS.statement, _ITEMS.params(rows))
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id,
            actor=by,
            action="schedule-change.propose",
            subject=f"schedule-change:{change.id}",
            data={"kind": asked.kind.value, "possible": change.possible, "refused": refused},
        ),
    )
    return change


def stored(item: ProposedItem) -> dict[str, Any]:
    """An item as its row has it; two of equal rows mean the same."""
    return {
        "session_id": item.session_id,
        "before": _as_read(item.before),
        "after": _as_read(item.after),
        "refused_code": item.refused and item.refused.code,
    }


def _row(change: ScheduleChange, number: int, item: ProposedItem) -> dict[str, Any]:
    own = stored(item)
    data = dict(item.refused.extra) if item.refused else None
    return {
        **own,
        "hospital_id": change.hospital_id,
        "change_id": change.id,
        "seq": number,
        "before": _json(own["before"]),
        "after": _json(own["after"]),
        "refused_data": _json(data),
    }


def _as_read(look: Look | None) -> object:
    """As the database gives it back: tuples are lists there."""
    return msgspec.json.decode(msgspec.json.encode(look))


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


async def _forget_old(db: AsyncSession, hospital_id: int, *, now: datetime) -> None:
    old = delete(ScheduleChange).where(
        ScheduleChange.hospital_id == hospital_id,
        ScheduleChange.state == ChangeState.PROPOSED,
        ScheduleChange.proposed_at < now - KEPT,
    )
    await db.execute(old.execution_options(synchronize_session=False))
