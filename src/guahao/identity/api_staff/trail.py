"""Routes of the audit trail, for auditors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from guahao.audit import queries
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AppSettings, Db, Keys, Page, problems
from guahao.kernel.ids import DIRECTORY, parse_id

router = APIRouter(prefix="/api/v1/staff/audit", tags=["audit"])

Auditor = Annotated[StaffRef, Depends(staff(Permission.VIEW_AUDIT))]
HospitalId = Annotated[
    int | None,
    Query(ge=0, le=(1 << 24) - 1, description="The caller's own when empty; 0 is the platform's own trail"),
]


class EntryOut(BaseModel):
    """One deed; `seq` is its place in the hospital's chain, null for a moment after it was done."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    data: dict[str, Any]
    seq: int | None


class VerificationOut(BaseModel):
    """What recomputing the chain found; `damage` is null when everything fits."""

    hospital_id: str
    links: int
    waiting: int = Field(description="Entries written but not chained yet")
    damage: queries.Damage | None
    seq: int | None
    entry_id: str | None


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_entries(
    who: Auditor,
    db: Db,
    hospital_id: HospitalId = None,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[EntryOut]:
    """Entries of one hospital, newest first."""
    found = await queries.entries(
        db,
        hospital_id=_scope(who, hospital_id),
        limit=limit + 1,
        before=None if cursor is None else parse_id(cursor),
        actor=actor,
        subject=subject,
    )
    shown = [
        EntryOut(
            id=str(entry.id),
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            data=entry.data,
            seq=entry.seq,
        )
        for entry in found[:limit]
    ]
    return Page(items=shown, next_cursor=shown[-1].id if len(found) > limit else None)


@router.get("/verification", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def verify_trail(
    who: Auditor, db: Db, keys: Keys, settings: AppSettings, hospital_id: HospitalId = None
) -> VerificationOut:
    """Recompute one hospital's chain against the anchors and name the first row that does not fit."""
    (found,) = await queries.verify(
        db,
        key=keys.audit,
        anchors=queries.read_anchors(queries.anchor_file(settings.data_dir)),
        hospital_id=_scope(who, hospital_id),
    )
    bad = found.bad
    return VerificationOut(
        hospital_id=str(found.hospital_id),
        links=found.links,
        waiting=found.waiting,
        damage=None if bad is None else bad.damage,
        seq=None if bad is None else bad.seq,
        entry_id=None if bad is None or bad.entry_id is None else str(bad.entry_id),
    )


def _scope(who: StaffRef, hospital_id: int | None) -> int:
    wanted = (who.hospital_id or DIRECTORY) if hospital_id is None else hospital_id
    who.require(wanted)
    return wanted
