"""Staff routes for prices: small changes at once, large ones when a second person approves."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from guahao.catalog.api_staff import schemas
from guahao.catalog.api_staff.schemas import FeeChangeSeen, FeeSeen
from guahao.catalog.models import FeeChange, FeeChangeState, FeeItem
from guahao.catalog.queries import lists
from guahao.catalog.queries.facts import doctors_by_codes
from guahao.catalog.service import fee
from guahao.catalog.service.conflict import CodeTaken, EditConflict
from guahao.catalog.service.fee import FeeChangeDecided
from guahao.catalog.service.rows import FeeRow
from guahao.catalog.service.store import CatalogCodeUnknown
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import Invalid, NotFound, Problem, SamePerson
from guahao.kernel.http import Db, Page, problems
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]
Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_CATALOG))]
Approver = Annotated[StaffRef, Depends(staff(Permission.APPROVE_FEE))]

SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
WRITTEN: tuple[type[Problem], ...] = (*SEEN, Invalid, CodeTaken, CatalogCodeUnknown)
DECIDED: tuple[type[Problem], ...] = (*SEEN, SamePerson, FeeChangeDecided)
_WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": FeeChangeSeen, "description": "Far from the last price: waits for a second person"}
}


@router.get("/hospitals/{hospital_id}/fees", responses=problems(*SEEN))
async def list_fees(hospital_id: str, db: Db, who: Viewer) -> Page[FeeSeen]:
    """Every price of a hospital, past and planned ones too."""
    id_ = await _existing(db, who, hospital_id)
    codes = {facts.id: code for code, facts in (await doctors_by_codes(db, hospital_id=id_)).items()}
    return Page(
        items=[
            FeeSeen.of(row, doctor_code=codes[row.doctor_id] if row.doctor_id else None)
            for row in await lists.fee_items(db, hospital_id=id_)
        ]
    )


@router.post(
    "/hospitals/{hospital_id}/fees",
    status_code=201,
    response_model=FeeSeen,
    responses=problems(*WRITTEN) | _WAITS,
)
async def create_fee(hospital_id: str, body: schemas.FeeIn, db: Db, who: Editor) -> Response:
    """Set a price from a day on; sessions that exist keep theirs.

    One more than half or 50 yuan away from the last waits for a second person: 202.
    """
    id_ = await _existing(db, who, hospital_id)
    row = await fee.create_fee(db, hospital_id=id_, row=body.row(FeeRow), actor=f"staff:{who.id}")
    return _answer(row, body, status=201)


@router.put("/fees/{fee_id}", response_model=FeeSeen, responses=problems(*WRITTEN, EditConflict) | _WAITS)
async def update_fee(fee_id: str, body: schemas.FeeEdit, db: Db, who: Editor) -> Response:
    """Correct a price; `version` is the one you opened. A large change waits for a second person: 202."""
    id_ = parse_id(fee_id)
    who.require(hospital_of(id_))
    row = await fee.update_fee(
        db, fee_id=id_, version=body.version, row=body.row(FeeRow), actor=f"staff:{who.id}"
    )
    return _answer(row, body, status=200)


@router.get("/fee-changes", responses=problems(*SEEN))
async def list_fee_changes(
    hospital_id: Annotated[int, Query(ge=1, le=16_777_215)],
    db: Db,
    who: Viewer,
    state: FeeChangeState | None = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[FeeChangeSeen]:
    """Prices that staff wanted, newest first: those that wait and what became of the others."""
    who.require(hospital_id)
    rows = await lists.fee_changes(
        db,
        hospital_id=hospital_id,
        state=state,
        before=parse_id(cursor) if cursor else None,
        limit=limit + 1,
    )
    items = [FeeChangeSeen.of(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post("/fee-changes/{change_id}/approve", responses=problems(*DECIDED, EditConflict, CodeTaken))
async def approve_fee_change(change_id: str, db: Db, who: Approver) -> FeeChangeSeen:
    """Let a price take effect that somebody else wants."""
    row = await fee.approve_fee_change(db, change_id=_own(who, change_id), actor=f"staff:{who.id}")
    return FeeChangeSeen.of(row)


@router.post("/fee-changes/{change_id}/reject", responses=problems(*DECIDED))
async def reject_fee_change(change_id: str, db: Db, who: Approver) -> FeeChangeSeen:
    """Refuse a price that somebody else wants."""
    row = await fee.reject_fee_change(db, change_id=_own(who, change_id), actor=f"staff:{who.id}")
    return FeeChangeSeen.of(row)


def _answer(row: FeeItem | FeeChange, body: schemas.FeeIn, *, status: int) -> Response:
    if isinstance(row, FeeChange):
        return _json(FeeChangeSeen.of(row), 202)
    return _json(FeeSeen.of(row, doctor_code=body.doctor_code), status)


def _json(out: FeeSeen | FeeChangeSeen, status: int) -> Response:
    return Response(out.model_dump_json(), status, media_type="application/json")


async def _existing(db: Db, who: StaffRef, hospital_id: str) -> int:
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return (await lists.hospital_for_staff(db, hospital_id=id_)).id


def _own(who: StaffRef, change_id: str) -> UUID:
    id_ = parse_id(change_id)
    who.require(hospital_of(id_))
    return id_
