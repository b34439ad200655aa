"""Staff routes for prices: small changes at once, large ones when a second person approves."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.api_staff import schemas
from guahao.catalog.api_staff.schemas import FeeChangeSeen, FeeListed, FeeSeen
from guahao.catalog.api_staff.search import FeeSearch
from guahao.catalog.api_staff.shared import (
    EXPORTED,
    LISTED,
    SEEN,
    Approver,
    Editor,
    Viewer,
    existing,
    own,
    telling_current,
)
from guahao.catalog.models import FeeChange, FeeChangeState, FeeItem
from guahao.catalog.queries import fees, lists, sheets
from guahao.catalog.queries.facts import doctors_by_ids
from guahao.catalog.service import fee
from guahao.catalog.service.conflict import CodeTaken, EditConflict
from guahao.catalog.service.fee import FeeChangeDecided
from guahao.catalog.service.rows import FeeRow
from guahao.catalog.service.store import CatalogCodeUnknown
from guahao.identity.queries.actors import actor_names
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.clock import local_date
from guahao.kernel.errors import Invalid, NotFound, Problem, SamePerson
from guahao.kernel.export import Form
from guahao.kernel.http import CountedPage, Db, Now, Page, download, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import page_of_rows, parts_of_rows

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])

WRITTEN: tuple[type[Problem], ...] = (*SEEN, Invalid, CodeTaken, CatalogCodeUnknown)
DECIDED: tuple[type[Problem], ...] = (*SEEN, SamePerson, FeeChangeDecided)
_WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": FeeChangeSeen, "description": "Far from the last price: waits for a second person"}
}


@router.get("/hospitals/{hospital_id}/fees", responses=problems(*LISTED))
async def list_fees(
    hospital_id: str, db: Db, who: Viewer, now: Now, search: Annotated[FeeSearch, Query()]
) -> CountedPage[FeeListed]:
    """The prices of a hospital, the newest day first; sorted by `effective_from`, `fee_fen`."""
    id_ = await existing(db, who, hospital_id)
    wanted = fees.fees(search.wanted(id_), today=local_date(now))
    return CountedPage.of(
        await page_of_rows(db, wanted, listing=fees.FEES, asked=search.asked), FeeListed.made_of
    )


@router.get("/hospitals/{hospital_id}/fees.{form}", response_class=Response, responses=problems(*EXPORTED))
async def export_fees(
    hospital_id: str, form: Form, db: Db, who: Viewer, now: Now, search: Annotated[FeeSearch, Query()]
) -> Response:
    """The same prices as a file; the export is kept in the audit trail."""
    id_ = await existing(db, who, hospital_id)
    wanted = fees.fees(search.wanted(id_), today=local_date(now))
    parts = parts_of_rows(db, wanted, listing=fees.FEES, sort=search.sort)
    made = Wanted(name="fees", form=form, filters=search.filters)
    tables = (partial(sheets.fees_sheet, rows) async for rows in parts)
    return download(await export(db, tables, wanted=made, by=who, hospital_id=id_))


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
    id_ = await existing(db, who, hospital_id)
    row = await fee.create_fee(db, hospital_id=id_, row=body.row(FeeRow), actor=f"staff:{who.id}")
    return await _answer(db, row, body, status=201)


@router.put("/fees/{fee_id}", response_model=FeeSeen, responses=problems(*WRITTEN, EditConflict) | _WAITS)
async def update_fee(fee_id: str, body: schemas.FeeEdit, db: Db, who: Editor) -> Response:
    """Correct a price; `version` is the one you opened. A large change waits for a second person: 202."""
    id_ = own(who, fee_id)
    async with telling_current(lambda: _fee(db, id_)):
        row = await fee.update_fee(
            db, fee_id=id_, version=body.version, row=body.row(FeeRow), actor=f"staff:{who.id}"
        )
    return await _answer(db, row, body, status=200)


async def _fee(db: AsyncSession, fee_id: UUID) -> FeeSeen:
    row = await db.get(FeeItem, (hospital_of(fee_id), fee_id))
    if row is None:
        raise NotFound
    doctors = await doctors_by_ids(db, [row.doctor_id] if row.doctor_id else [])
    return FeeSeen.of(row, doctor_code=doctors[row.doctor_id].code if row.doctor_id else None)


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
    items = await _seen(db, rows[:limit])
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post("/fee-changes/{change_id}/approve", responses=problems(*DECIDED, EditConflict, CodeTaken))
async def approve_fee_change(change_id: str, db: Db, who: Approver) -> FeeChangeSeen:
    """Let a price take effect that somebody else wants."""
    row = await fee.approve_fee_change(db, change_id=own(who, change_id), actor=f"staff:{who.id}")
    return (await _seen(db, [row]))[0]


@router.post("/fee-changes/{change_id}/reject", responses=problems(*DECIDED))
async def reject_fee_change(change_id: str, db: Db, who: Approver) -> FeeChangeSeen:
    """Refuse a price that somebody else wants."""
    row = await fee.reject_fee_change(db, change_id=own(who, change_id), actor=f"staff:{who.id}")
    return (await _seen(db, [row]))[0]


async def _seen(db: AsyncSession, rows: list[FeeChange]) -> list[FeeChangeSeen]:
    people = await actor_names(
        db, {actor for row in rows for actor in (row.proposed_by, row.decided_by) if actor}
    )
    found = await doctors_by_ids(db, {row.doctor_id for row in rows if row.doctor_id})
    doctors = {id_: doctor.name for id_, doctor in found.items()}
    return [FeeChangeSeen.of(row, people=people, doctors=doctors) for row in rows]


async def _answer(
    db: AsyncSession, row: FeeItem | FeeChange, body: schemas.FeeIn, *, status: int
) -> Response:
    if isinstance(row, FeeChange):
        return _json((await _seen(db, [row]))[0], 202)
    return _json(FeeSeen.of(row, doctor_code=body.doctor_code), status)


def _json(out: FeeSeen | FeeChangeSeen, status: int) -> Response:
    return Response(out.model_dump_json(), status, media_type="application/json")
