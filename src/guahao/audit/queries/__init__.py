"""Reading the trail, and proving that nobody changed it."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    column,
    exists,
    func,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditAnchor, AuditEntryRow, AuditSeal, AuditUnsealed
from guahao.audit.policy import GENESIS, fields_of, link_hash
from guahao.audit.ports import Anchor
from guahao.kernel.db import Json, in_parts
from guahao.kernel.ids import first_id
from guahao.kernel.paging import Listing

_CHUNK = 5000
_SEAL_OF_ENTRY = and_(
    AuditSeal.hospital_id == AuditEntryRow.hospital_id, AuditSeal.entry_id == AuditEntryRow.id
)
_TRAY_OF_ENTRY = and_(
    AuditUnsealed.hospital_id == AuditEntryRow.hospital_id, AuditUnsealed.entry_id == AuditEntryRow.id
)
_IS_CHAINED = exists().where(_SEAL_OF_ENTRY)


class Damage(StrEnum):
    """What is wrong with a trail."""

    ENTRY_CHANGED = "entry_changed"
    ENTRY_MISSING = "entry_missing"
    LINK_MISSING = "link_missing"
    NEVER_CHAINED = "never_chained"
    CUT_OFF = "cut_off"
    REBUILT = "rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """The first place where a trail does not fit.

    ENTRY_CHANGED: the entry was edited, or links changed places. ENTRY_MISSING, LINK_MISSING: deleted.
    NEVER_CHAINED: put in beside the sealer. CUT_OFF: an anchor knows a later link. REBUILT: the chain
    fits in itself, but an anchor has another hash.
    """

    damage: Damage
    seq: int | None
    entry_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found about one hospital's trail (0: the directory): links read, entries not chained yet.

    `anchored` is the newest link that an anchor vouches for, 0 without any; what was chained
    `unanchored_since` could have been written anew by whoever has the database and the key.
    """

    hospital_id: int
    links: int
    waiting: int
    bad: BadRow | None
    anchored: int
    unanchored_since: datetime | None

    @property
    def is_intact(self) -> bool:
        """Whether nothing was changed, and somebody outside the database vouches for it."""
        return self.bad is None and self.unanchored_since is None


Pinned = Mapping[int, set[bytes]]
"""The hashes that anchors know of one chain, by position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What was done to one thing, for a history that people read."""

    at: datetime
    actor: str
    action: str
    data: Json


def anchor_file(data_dir: Path) -> Path:
    """Where the anchors of an installation are kept; better on another disk, or sent elsewhere too."""
    return data_dir / "anchors" / "audit.jsonl"


def read_anchors(file: Path) -> list[Anchor]:
    """Read the file of anchors; a line torn by a crash is passed over, a missing file has none."""
    if not file.exists():
        return []
    found = []
    for line in file.read_bytes().splitlines():
        with suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(line, type=Anchor))
    return found


SEARCH = Listing(by={"at": AuditEntryRow.id}, id=AuditEntryRow.id, default="-at")
"""Ids are made in the order of time; the moment itself is the database's, milliseconds away."""

_CLOCKS_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which entries of one hospital; every part but the hospital may be left open, `ends_at` excluded."""

    hospital_id: int
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def entries(search: Search) -> Select[AuditEntryRow, int | None]:
    """The entries that are searched for, each with its place in the chain once it has one."""
    same = (
        (AuditEntryRow.actor, search.actor),
        (AuditEntryRow.action, search.action),
        (AuditEntryRow.subject, search.subject),
    )
    wanted = [AuditEntryRow.hospital_id == search.hospital_id]
    wanted += [column == value for column, value in same if value is not None]
    if search.starts_at is not None:
        wanted += [
            AuditEntryRow.at >= search.starts_at,
            AuditEntryRow.id >= first_id(search.starts_at - _CLOCKS_APART),
        ]
    if search.ends_at is not None:
        wanted += [
            AuditEntryRow.at < search.ends_at,
            AuditEntryRow.id < first_id(search.ends_at + _CLOCKS_APART),
        ]
    return select(AuditEntryRow, AuditSeal.seq).outerjoin(AuditSeal, _SEAL_OF_ENTRY).where(*wanted)


def all_entries(
    *, starts_at: datetime | None, ends_at: datetime | None
) -> Select[int, int | None, UUID, datetime, str, str, str, Json, bytes | None]:
    """Every hospital's entries of a time, in the order of their chains, with the hash of each link."""
    entry = AuditEntryRow
    within = [] if starts_at is None else [entry.at >= starts_at]
    within += [] if ends_at is None else [entry.at < ends_at]
    return (
        select(
            *(entry.hospital_id, AuditSeal.seq, entry.id, entry.at, entry.actor),
            *(entry.action, entry.subject, entry.data, AuditSeal.hash),
        )
        .outerjoin(AuditSeal, _SEAL_OF_ENTRY)
        .where(*within)
        .order_by(entry.hospital_id, AuditSeal.seq, entry.id)
    )


async def anchors_of(db: AsyncSession, *, hospital_id: int, limit: int) -> Sequence[AuditAnchor]:
    """The heads of one hospital's chain that were carried out of the database, the newest first."""
    found = await db.scalars(
        select(AuditAnchor)
        .where(AuditAnchor.hospital_id == hospital_id)
        .order_by(AuditAnchor.seq.desc())
        .limit(limit)
    )
    return found.all()


async def entries_about(
    db: AsyncSession, *, hospital_ids: Sequence[int], subjects: Sequence[str], actions: Sequence[str]
) -> Sequence[AuditEntryRow]:
    """What of these kinds was done to these subjects, in the order in which it was done."""
    rows = await db.scalars(
        select(AuditEntryRow)
        .where(
            AuditEntryRow.hospital_id.in_(hospital_ids),
            AuditEntryRow.subject.in_(subjects),
            AuditEntryRow.action.in_(actions),
        )
        .order_by(AuditEntryRow.at, AuditEntryRow.id)
    )
    return rows.all()


async def entries_of_account(
    db: AsyncSession, *, hospital_ids: Collection[int], subjects: Collection[str], actor: str
) -> list[AuditEntryRow]:
    """What somebody did, and what anybody did to what is theirs, the oldest first."""
    theirs = AuditEntryRow.hospital_id.in_(hospital_ids) & (AuditEntryRow.actor == actor)
    found = {row.id: row for row in await db.scalars(select(AuditEntryRow).where(theirs))}
    for part in in_parts(subjects):
        about = AuditEntryRow.hospital_id.in_(hospital_ids) & AuditEntryRow.subject.in_(part)
        found |= {row.id: row for row in await db.scalars(select(AuditEntryRow).where(about))}
    return sorted(found.values(), key=lambda row: (row.at, row.id))


async def deeds(db: AsyncSession, *, hospital_id: int, subjects: Sequence[str], action: str) -> list[Deed]:
    """Every deed of one kind that was done to any of `subjects`, the oldest first."""
    rows = await db.execute(
        select(AuditEntryRow.at, AuditEntryRow.actor, AuditEntryRow.action, AuditEntryRow.data)
        .where(AuditEntryRow.hospital_id == hospital_id, AuditEntryRow.subject.in_(subjects))
        .where(AuditEntryRow.action == action)
        .order_by(AuditEntryRow.at, AuditEntryRow.id)
    )
    return [Deed(at=row.at, actor=row.actor, action=row.action, data=row.data) for row in rows]


async def verify(
    db: AsyncSession, *, key: bytes, anchors: Sequence[Anchor], hospital_id: int | None = None
) -> list[Verification]:
    """Recompute the chain of one hospital, or of all, and name the first bad row of each.

    `anchors` come from the file (`read_anchors`); those of the table are added here. Reads in chunks,
    locks nothing, and may run while entries are written and chained.
    """
    pinned: dict[int, defaultdict[int, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for anchor in [*anchors, *await anchors_in_table(db)]:
        pinned[anchor.hospital_id][anchor.seq].add(anchor.hash)
    if hospital_id is None:
        hospitals = sorted({*await chains(db), *await _unchained_hospitals(db), *pinned})
    else:
        hospitals = [hospital_id]
    return [await _verify_chain(db, hospital, key=key, pinned=pinned[hospital]) for hospital in hospitals]


async def _verify_chain(db: AsyncSession, hospital_id: int, *, key: bytes, pinned: Pinned) -> Verification:
    head = Anchor(hospital_id=hospital_id, seq=0, hash=GENESIS)
    bad: BadRow | None = None
    while bad is None and (rows := await _links_after(db, head)):
        for link, entry in rows:
            bad = _flaw(key, head, link, entry, pinned.get(link.seq, set()))
            if bad is not None:
                break
            head = Anchor(hospital_id=hospital_id, seq=link.seq, hash=link.hash)
    stray, waiting = await _unchained(db, hospital_id)
    anchored = max((seq for seq in pinned if seq <= head.seq), default=0)
    following = (AuditSeal.hospital_id == hospital_id, AuditSeal.seq == anchored + 1)
    return Verification(
        hospital_id=hospital_id,
        anchored=anchored,
        unanchored_since=await db.scalar(select(AuditSeal.sealed_at).where(*following)),
        links=head.seq,
        waiting=waiting,
        bad=bad or _missing_tail(head, pinned) or stray,
    )


async def _links_after(db: AsyncSession, head: Anchor) -> Sequence[Row[AuditSeal, AuditEntryRow | None]]:
    db.expunge_all()
    rows = await db.execute(
        select(AuditSeal, AuditEntryRow)
        .outerjoin(AuditEntryRow, _SEAL_OF_ENTRY)
        .where(AuditSeal.hospital_id == head.hospital_id, AuditSeal.seq > head.seq)
        .order_by(AuditSeal.seq)
        .limit(_CHUNK)
    )
    return rows.all()


def _flaw(
    key: bytes, head: Anchor, link: AuditSeal, entry: AuditEntryRow | None, pinned: set[bytes]
) -> BadRow | None:
    seq = head.seq + 1
    if link.seq != seq:
        return BadRow(damage=Damage.LINK_MISSING, seq=seq, entry_id=None)
    if entry is None:
        return BadRow(damage=Damage.ENTRY_MISSING, seq=seq, entry_id=link.entry_id)
    expected = link_hash(key, previous=head.hash, seq=seq, entry=fields_of(entry))
    if not hmac.compare_digest(expected, link.hash):
        return BadRow(damage=Damage.ENTRY_CHANGED, seq=seq, entry_id=link.entry_id)
    if pinned - {link.hash}:
        return BadRow(damage=Damage.REBUILT, seq=seq, entry_id=link.entry_id)
    return None


def _missing_tail(head: Anchor, pinned: Pinned) -> BadRow | None:
    beyond = [seq for seq in pinned if seq > head.seq]
    return BadRow(damage=Damage.CUT_OFF, seq=min(beyond), entry_id=None) if beyond else None


async def _unchained(db: AsyncSession, hospital_id: int) -> tuple[BadRow | None, int]:
    rows = await db.execute(
        select(AuditEntryRow.id, AuditUnsealed.entry_id.is_not(None))
        .outerjoin(AuditUnsealed, _TRAY_OF_ENTRY)
        .where(AuditEntryRow.hospital_id == hospital_id, ~_IS_CHAINED)
        .order_by(AuditEntryRow.id)
    )
    found = rows.all()
    stray = next((id_ for id_, waits in found if not waits), None)
    bad = None if stray is None else BadRow(damage=Damage.NEVER_CHAINED, seq=None, entry_id=stray)
    return bad, sum(waits for _, waits in found)


async def _unchained_hospitals(db: AsyncSession) -> Sequence[int]:
    return (await db.scalars(select(AuditEntryRow.hospital_id).where(~_IS_CHAINED).distinct())).all()


async def chains(db: AsyncSession) -> list[int]:
    """The hospitals that have a chain, found by stepping through the index, not the table."""
    first = select(func.min(AuditSeal.hospital_id).label("hospital_id")).cte("step", recursive=True)
    following = (
        select(func.min(AuditSeal.hospital_id))
        .where(AuditSeal.hospital_id > first.c.hospital_id)
        .correlate(first)
        .scalar_subquery()
    )
    steps = first.union_all(select(following).where(first.c.hospital_id.is_not(None)))
    found = await db.scalars(select(steps.c.hospital_id).where(steps.c.hospital_id.is_not(None)))
    return list(found)


async def heads_of(db: AsyncSession, hospital_ids: Sequence[int]) -> dict[int, Anchor]:
    """The newest link of each of these hospitals' chains; absent where there is none."""
    wanted = (
        func.unnest(bindparam("hospitals", type_=ARRAY(Integer)))
        .table_valued(column("hospital_id", Integer), name="wanted")
        .render_derived()
    )
    newest = (
        select(AuditSeal.seq, AuditSeal.hash)
        .where(AuditSeal.hospital_id == wanted.c.hospital_id)
        .order_by(AuditSeal.seq.desc())
        .limit(1)
        .lateral("newest")
    )
    rows = await db.execute(
        select(wanted.c.hospital_id, newest.c.seq, newest.c.hash).join(newest, true()),
        {"hospitals": list(hospital_ids)},
    )
    return {row.hospital_id: Anchor(hospital_id=row.hospital_id, seq=row.seq, hash=row.hash) for row in rows}


async def anchors_in_table(db: AsyncSession) -> list[Anchor]:
    """The anchors kept in the database."""
    rows = await db.execute(select(AuditAnchor.hospital_id, AuditAnchor.seq, AuditAnchor.hash))
    return [Anchor(hospital_id=row.hospital_id, seq=row.seq, hash=row.hash) for row in rows]
