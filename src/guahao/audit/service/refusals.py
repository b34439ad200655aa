"""Refusals in the trail: counted by the minute, so that a flood of them fills no disk and holds up nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import RefusalCount, RefusedAction
from guahao.audit.service.entries import AuditEntry, record
from guahao.kernel.db import Sessions, affected, transaction
from guahao.kernel.ids import DIRECTORY
from guahao.kernel.log import describe, logger

STRANGER = "stranger"
"""Actor of what nobody has logged in for."""

MANY = "many"
"""Stands for who and where once a minute has seen enough different ones of a kind."""

_MOST_A_MINUTE = 20
_CLOSED_AFTER = timedelta(minutes=2)
_KEPT_FOR = timedelta(days=1)
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Somebody was refused: who asked, about whom or what, from where, and the problem's code."""

    action: RefusedAction
    code: str
    actor: str = STRANGER
    subject: str
    address: str
    hospital_id: int = DIRECTORY


class RefusalBook:
    """Counts the refusals of one process and writes them, many at a time, while requests go on.

    Of each action at most 20 different refusals a minute have rows of their own in a hospital; the rest is
    counted together, as that hospital's. What is not written when a process is killed is lost.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Write by `sessions`."""
        self._sessions = sessions
        self._waiting: Counter[tuple[datetime, Refusal]] = Counter()
        self._seen: dict[tuple[int, RefusedAction], set[Refusal]] = {}
        self._minute: datetime | None = None
        self._writing: asyncio.Task[None] | None = None

    def note(self, refusal: Refusal, *, now: datetime) -> None:
        """Count a refusal; it is in the database a moment later."""
        minute = now.replace(second=0, microsecond=0)
        self._waiting[minute, self._bounded(refusal, minute)] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def written(self) -> None:
        """Wait until everything counted so far is in the database."""
        while self._writing is not None and not self._writing.done():
            await self._writing

    def _bounded(self, refusal: Refusal, minute: datetime) -> Refusal:
        if minute != self._minute:
            self._minute, self._seen = minute, {}
        seen = self._seen.setdefault((refusal.hospital_id, refusal.action), set())
        if refusal not in seen and len(seen) >= _MOST_A_MINUTE:
            return replace(refusal, code=MANY, actor=MANY, subject=MANY, address=MANY)
        seen.add(refusal)
        return refusal

    async def _write(self) -> None:
        while self._waiting:
            counts, self._waiting = self._waiting, Counter()
            try:
                async with transaction(self._sessions) as db:
                    await add_refusals(db, counts)
            except Exception as error:  # noqa: BLE001  # the refusal itself was answered; the log keeps that
                logger().error("refusals-not-written", count=counts.total(), **describe(error))


async def add_refusals(db: AsyncSession, counts: Mapping[tuple[datetime, Refusal], int]) -> None:
    """Add counts to those of other processes, locking rows in one order."""
    rows = [
        {
            "hospital_id": refusal.hospital_id,
            "minute": minute,
            "action": refusal.action.value,
            "code": refusal.code,
            "actor": refusal.actor,
            "subject": refusal.subject,
            "address": refusal.address,
            "count": count,
        }
        for (minute, refusal), count in counts.items()
    ]
    fresh = insert(RefusalCount).values(sorted(rows, key=lambda row: [str(value) for value in row.values()]))
    await db.execute(
        fresh.on_conflict_do_update(
            constraint="refusal_count_pkey",
            set_={"count": RefusalCount.count + fresh.excluded.count, "recorded_at": None},
        )
    )


async def record_refusals(db: AsyncSession) -> int:
    """Put a batch of the counts of minutes that are over into the trail; answers how many.

    Counts a day old are deleted: the trail has them.
    """
    key = (
        RefusalCount.hospital_id,
        RefusalCount.minute,
        RefusalCount.action,
        RefusalCount.code,
        RefusalCount.actor,
        RefusalCount.subject,
        RefusalCount.address,
    )
    due = (
        select(*key)
        .where(RefusalCount.recorded_at.is_(None), RefusalCount.minute < func.now() - _CLOSED_AFTER)
        .order_by(RefusalCount.minute)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = (
        await db.scalars(
            update(RefusalCount)
            .where(tuple_(*key).in_(due))
            .values(recorded_at=func.now())
            .returning(RefusalCount)
            .execution_options(synchronize_session=False)
        )
    ).all()
    if rows:
        await record(db, *(_entry(row) for row in rows))
    old = delete(RefusalCount).where(
        RefusalCount.recorded_at.is_not(None), RefusalCount.minute < func.now() - _KEPT_FOR
    )
    affected(await db.execute(old.execution_options(synchronize_session=False)))
    return len(rows)


def _entry(row: RefusalCount) -> AuditEntry:
    return AuditEntry(
        hospital_id=row.hospital_id,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        data={
            "code": row.code,
            "address": row.address,
            "count": row.count,
            "minute": row.minute.isoformat(timespec="minutes"),
        },
    )
