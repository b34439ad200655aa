"""Timers of the trail: chain what was written, and carry the heads out of the database."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditAnchor, AuditEntryRow, AuditSeal, AuditUnsealed
from guahao.audit.policy import GENESIS, fields_of, link_hash
from guahao.audit.queries import Anchor, chains, heads_of
from guahao.kernel.db import BulkInsert
from guahao.kernel.jobs import Job

BATCH = 1000
_ONE_SEALER = 4_801_338
"""Advisory lock number: chains grow in one place at a time."""

_SEALS = BulkInsert(AuditSeal, "hospital_id", "seq", "entry_id", "hash")
_ANCHORS = BulkInsert(AuditAnchor, "hospital_id", "seq", "hash")
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


async def anchor_heads(db: AsyncSession, *, file: Path) -> int:
    """Append the head of every chain that grew to `file` and to audit_anchor; answers how many.

    The file is written first: a crash in between repeats a line, which harms nothing.
    """
    latest = select(AuditAnchor.hospital_id, func.max(AuditAnchor.seq).label("seq")).group_by(
        AuditAnchor.hospital_id
    )
    anchored = {row.hospital_id: row.seq for row in await db.execute(latest)}
    heads = await heads_of(db, await chains(db))
    grown = [head for head in heads.values() if head.seq > anchored.get(head.hospital_id, 0)]
    if not grown:
        return 0
    await asyncio.to_thread(_append, file, [head.line() for head in grown])
    rows = [{"hospital_id": head.hospital_id, "seq": head.seq, "hash": head.hash} for head in grown]
    await db.execute(_ANCHORS.statement, _ANCHORS.params(rows))
    return len(grown)


def _append(file: Path, lines: list[bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.writelines([b"\n", *lines])  # a line torn by a crash ends here
        out.flush()
        os.fsync(out.fileno())


def jobs(*, key: bytes, anchors: Path) -> tuple[Job, ...]:
    """The timers with the chain's key and the file of anchors bound."""
    return (
        Job(name="audit.seal_entries", every=timedelta(seconds=1), run=partial(seal_entries, key=key)),
        Job(name="audit.anchor_heads", every=timedelta(hours=1), run=partial(anchor_heads, file=anchors)),
    )
