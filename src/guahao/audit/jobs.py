"""Timers of the trail: chain what was written, and carry the heads out of the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditAnchor, AuditEntryRow, AuditSeal, AuditUnsealed
from guahao.audit.policy import GENESIS, fields_of, link_hash
from guahao.audit.ports import Anchor, AnchorSink
from guahao.audit.queries import chains, heads_of
from guahao.audit.service import record_refusals
from guahao.kernel.db import BulkInsert, Sessions, transaction
from guahao.kernel.jobs import Errand, Job, Timed

BATCH = 1000
ANCHOR_EVERY = timedelta(minutes=5)
"""So long at most what was written has no witness outside the database."""

_ONE_SEALER = 4_801_338
"""Advisory lock number: chains grow in one place at a time."""

_SEALS = BulkInsert(AuditSeal, "hospital_id", "seq", "entry_id", "hash")
_WAITING = (
    select(AuditEntryRow)
    .join(
        AuditUnsealed,
        and_(
            AuditUnsealed.hospital_id == AuditEntryRow.hospital_id, AuditUnsealed.entry_id == AuditEntryRow.id
        ),
    )
    .order_by(AuditEntryRow.hospital_id, AuditEntryRow.at, AuditEntryRow.id)
    .limit(BATCH)
)


async def seal_entries(db: AsyncSession, *, key: bytes) -> int:
    """Chain a batch of entries, each to the head of its hospital; answers how many.

    Entries are taken in the order of their time among those already committed; one that commits
    later comes later in the chain.
    """
    if not await db.scalar(select(func.pg_try_advisory_xact_lock(_ONE_SEALER))):
        return 0
    waiting = (await db.scalars(_WAITING)).all()
    if not waiting:
        return 0
    heads = await heads_of(db, sorted({entry.hospital_id for entry in waiting}))
    links = []
    for entry in waiting:
        hospital_id = entry.hospital_id
        head = heads.get(hospital_id, Anchor(hospital_id=hospital_id, seq=0, hash=GENESIS))
        seq = head.seq + 1
        link = link_hash(key, previous=head.hash, seq=seq, entry=fields_of(entry))
        heads[hospital_id] = Anchor(hospital_id=hospital_id, seq=seq, hash=link)
        links.append({"hospital_id": hospital_id, "seq": seq, "entry_id": entry.id, "hash": link})
    await db.execute(_SEALS.statement, _SEALS.params(links))
    chained = [(entry.hospital_id, entry.id) for entry in waiting]
    await db.execute(
        delete(AuditUnsealed)
        .where(tuple_(AuditUnsealed.hospital_id, AuditUnsealed.entry_id).in_(chained))
        .execution_options(synchronize_session=False)
    )
    return len(waiting)


class AnchorFile:
    """A file of one line for each anchor; better on another disk."""

    def __init__(self, file: Path) -> None:
        """Name the file; its folder is made with the first line."""
        self._file = file

    async def keep(self, anchors: Sequence[Anchor]) -> None:
        """Append them and wait until they are on the disk."""
        await asyncio.to_thread(_append, self._file, [anchor.line() for anchor in anchors])


async def anchor_heads(sessions: Sessions, *, sinks: Sequence[AnchorSink]) -> int:
    """Give the head of every chain that grew to each of `sinks`, then to audit_anchor; answers how many.

    The table comes last: a crash in between, or a sink that fails, repeats them, which harms nothing.
    """
    async with transaction(sessions) as db:
        grown = await _grown(db)
    if not grown:
        return 0
    for sink in sinks:
        await sink.keep(grown)
    rows = [{"hospital_id": head.hospital_id, "seq": head.seq, "hash": head.hash} for head in grown]
    async with transaction(sessions) as db:
        await db.execute(insert(AuditAnchor).on_conflict_do_nothing(), rows)
    return len(grown)


async def _grown(db: AsyncSession) -> list[Anchor]:
    latest = select(AuditAnchor.hospital_id, func.max(AuditAnchor.seq).label("seq")).group_by(
        AuditAnchor.hospital_id
    )
    anchored = {row.hospital_id: row.seq for row in await db.execute(latest)}
    heads = await heads_of(db, await chains(db))
    return [head for head in heads.values() if head.seq > anchored.get(head.hospital_id, 0)]


def _append(file: Path, lines: list[bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.writelines([b"\n", *lines])  # a line torn by a crash ends here
        out.flush()
        os.fsync(out.fileno())


def jobs(*, key: bytes, sinks: Sequence[AnchorSink]) -> tuple[Timed, ...]:
    """The timers with the chain's key and the places of anchors bound."""
    return (
        Job(name="audit.seal_entries", every=timedelta(seconds=1), run=partial(seal_entries, key=key)),
        Job(name="audit.record_refusals", every=timedelta(minutes=1), run=record_refusals),
        Errand(name="audit.anchor_heads", every=ANCHOR_EVERY, run=partial(anchor_heads, sinks=sinks)),
    )
