"""Routes of the audit trail, for auditors: searching, files, the chain and its anchors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit import queries
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.queries.access_origin import AccessOrigins, access_origins
from guahao.identity.queries.actors import actor_names
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.clock import at_local
from guahao.kernel.errors import NotFound, Unavailable
from guahao.kernel.export import Form, Sheet, Shown, local_time
from guahao.kernel.http import AppSettings, CountedPage, Db, Keys, Listed, Page, download, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import DIRECTORY
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown, page_of_rows, parts_of_rows

router = APIRouter(prefix="/api/v1/staff/audit", tags=["audit"])

Auditor = Annotated[StaffRef, Depends(staff(Permission.VIEW_AUDIT))]
HospitalId = Annotated[
    int | None,
    Field(ge=0, le=(1 << 24) - 1, description="The caller's own when empty; 0 is the platform's own trail"),
]
Exactly = Annotated[str | None, Field(min_length=1, max_length=120)]
_Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
_COLUMNS = ("at", "who", "actor", "action", "subject", "data", "seq")


class TrailSearch(Listed):
    """What to look for; every part may be left open. Days are local, `to` excluded."""

    hospital_id: HospitalId = None
    actor: Exactly = None
    action: Exactly = None
    subject: Exactly = None
    from_: Annotated[_Day | None, Field(alias="from")] = None
    to: _Day | None = None

    def of(self, who: StaffRef) -> queries.Search:
        """What of it is looked for in which hospital. Raises `NotFound`."""
        return queries.Search(
            hospital_id=_scope(who, self.hospital_id),
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            starts_at=None if self.from_ is None else at_local(self.from_, time()),
            ends_at=None if self.to is None else at_local(self.to, time()),
        )


class AccessOut(BaseModel):
    """By whose hand the actor came to the access used: who invited them or reset their factor last."""

    by: str
    by_name: str | None
    other: str | None = Field(description="The administrator who proposed it, where it took two")
    action: str
    at: datetime


class EntryOut(BaseModel):
    """One deed; `seq` is its place in the hospital's chain, null for a moment after it was done."""

    id: str
    at: datetime
    actor: str
    actor_name: str | None = Field(description="The member of staff's; null for others")
    action: str
    subject: str
    data: dict[str, Any]
    seq: int | None
    access: AccessOut | None = Field(description="Null when nobody else ever touched the actor's access")


class VerificationOut(BaseModel):
    """What recomputing the chain found; `damage` is null when everything fits.

    A trail is intact when `unanchored_since` is null too: then an anchor vouches for its newest link.
    """

    hospital_id: str
    links: int
    waiting: int = Field(description="Entries written but not chained yet")
    anchored: int = Field(description="The newest link that an anchor vouches for, 0 without any")
    unanchored_since: datetime | None = Field(description="When the first link after it was chained")
    damage: queries.Damage | None
    seq: int | None
    entry_id: str | None


class AnchorOut(BaseModel):
    """The head of a chain that was carried out of the database; compare it with the copy kept elsewhere."""

    seq: int
    hash: str = Field(description="Hexadecimal")
    anchored_at: datetime


@router.get(
    ".{form}",
    response_class=Response,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, ExportTooLarge, Unavailable),
)
async def export_entries(
    form: Form, search: Annotated[TrailSearch, Query()], who: Auditor, db: Db
) -> Response:
    """The entries that are searched for as a file; taking it is an entry too."""
    wanted = search.of(who)
    parts = parts_of_rows(db, queries.entries(wanted), listing=queries.SEARCH, sort=search.sort)
    sheets = (
        partial(_sheet, rows, await _people(db, rows, hospital_id=wanted.hospital_id)) async for rows in parts
    )
    file = Wanted(name="audit", form=form, filters=search.filters)
    return download(await export(db, sheets, wanted=file, by=who, hospital_id=wanted.hospital_id))


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid))
async def list_entries(
    search: Annotated[TrailSearch, Query()], who: Auditor, db: Db
) -> CountedPage[EntryOut]:
    """Entries of one hospital, newest first."""
    wanted = search.of(who)
    read = await page_of_rows(db, queries.entries(wanted), listing=queries.SEARCH, asked=search.asked)
    people = await _people(db, read.rows, hospital_id=wanted.hospital_id)
    return CountedPage.of(read, lambda row: _shown(row, people))


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """Names of the actors of some entries, and by whose hand they came to their access."""

    names: Mapping[str, str]
    origins: AccessOrigins

    def access(self, actor: str, at: datetime) -> AccessOut | None:
        origin = self.origins.of(actor, at)
        if origin is None:
            return None
        return AccessOut(
            by=origin.by,
            by_name=self.names.get(origin.by),
            other=origin.other,
            action=origin.action,
            at=origin.at,
        )


async def _people(db: AsyncSession, rows: Sequence[Row[Any]], *, hospital_id: int) -> _People:
    actors = {row.AuditEntryRow.actor for row in rows}
    origins = await access_origins(db, actors, hospital_id=hospital_id)
    givers = {origin.by for given in origins.by_actor.values() for origin in given}
    return _People(names=await actor_names(db, actors | givers), origins=origins)


@router.get("/verification", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def verify_trail(
    who: Auditor,
    db: Db,
    keys: Keys,
    settings: AppSettings,
    hospital_id: Annotated[HospitalId, Query()] = None,
) -> VerificationOut:
    """Recompute one hospital's chain against the anchors and name the first row that does not fit."""
    wanted = _scope(who, hospital_id)
    anchors = await asyncio.to_thread(queries.read_anchors, queries.anchor_file(settings.data_dir))
    (found,) = await queries.verify(db, key=keys.audit, anchors=anchors, hospital_id=wanted)
    bad = found.bad
    return VerificationOut(
        hospital_id=str(found.hospital_id),
        links=found.links,
        waiting=found.waiting,
        anchored=found.anchored,
        unanchored_since=found.unanchored_since,
        damage=None if bad is None else bad.damage,
        seq=None if bad is None else bad.seq,
        entry_id=None if bad is None or bad.entry_id is None else str(bad.entry_id),
    )


@router.get("/anchors", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_anchors(
    who: Auditor,
    db: Db,
    hospital_id: Annotated[HospitalId, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[AnchorOut]:
    """The newest anchors of one hospital's chain, as they stand in the file beside the database too."""
    found = await queries.anchors_of(db, hospital_id=_scope(who, hospital_id), limit=limit)
    return Page(
        items=[AnchorOut(seq=one.seq, hash=one.hash.hex(), anchored_at=one.anchored_at) for one in found]
    )


def _shown(row: Row[Any], people: _People) -> EntryOut:
    entry = row.AuditEntryRow
    return EntryOut(
        id=str(entry.id),
        at=entry.at,
        actor=entry.actor,
        actor_name=people.names.get(entry.actor),
        action=entry.action,
        subject=entry.subject,
        data=entry.data,
        seq=row.seq,
        access=people.access(entry.actor, entry.at),
    )


def _sheet(rows: Sequence[Row[Any]], people: _People) -> Sheet:
    return Sheet(
        title=text("audit-file.title"),
        headings=[text(f"audit-file.{column}") for column in _COLUMNS],
        rows=[_line(_shown(row, people)) for row in rows],
    )


def _line(entry: EntryOut) -> tuple[Shown, ...]:
    data = json.dumps(entry.data, ensure_ascii=False, sort_keys=True)
    who = (entry.actor_name, entry.actor)
    return (local_time(entry.at), *who, entry.action, entry.subject, data, entry.seq)


def _scope(who: StaffRef, hospital_id: int | None) -> int:
    wanted = (who.hospital_id or DIRECTORY) if hospital_id is None else hospital_id
    who.require(wanted)
    return wanted
