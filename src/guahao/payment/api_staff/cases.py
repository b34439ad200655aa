"""Staff look at what was found in the money and say what was done about it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.queries.actors import actor_names
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.export import Form
from guahao.kernel.http import Body, CountedPage, Db, Keys, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import page_of, parts_of
from guahao.kernel.value.fields import reason_text
from guahao.payment.api_staff.lists import EXPORTED, LISTED, as_download
from guahao.payment.api_staff.schemas import CaseSeen, Found
from guahao.payment.api_staff.showing import cases_seen
from guahao.payment.models import CaseKind, CaseState, FinanceCase
from guahao.payment.queries import lists
from guahao.payment.queries import staff as queries
from guahao.payment.queries.search import Place, subjects_named
from guahao.payment.queries.sheets import cases_sheet
from guahao.payment.service.case import CaseResolved, resolve_case

router = APIRouter(prefix="/cases", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_BOOKS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]


class ResolutionIn(Body):
    """What was found out and done, for the auditor."""

    resolution: Annotated[str, reason_text(least=4, most=500)]


class CaseSearch(Found):
    """What to look for; hospital 0 has money and messages that belong to nobody."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    state: CaseState | None = None
    kind: CaseKind | None = None


@router.get("", responses=LISTED)
async def list_cases(
    search: Annotated[CaseSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> CountedPage[CaseSeen]:
    """A hospital's cases, newest first unless asked otherwise; sorted by `opened_at`."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    read = await page_of(db, wanted, listing=lists.CASES, asked=search.asked)
    return CountedPage(items=await cases_seen(db, read.rows), next_cursor=read.next_cursor, total=read.total)


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_cases(
    form: Form, search: Annotated[CaseSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Response:
    """The same cases as a file, at most 50,000; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    parts = parts_of(db, await _wanted(db, search, keys), listing=lists.CASES, sort=search.sort)
    return await as_download(
        db,
        (
            partial(cases_sheet, rows, names=await actor_names(db, {row.resolved_by or "" for row in rows}))
            async for rows in parts
        ),
        name="cases",
        form=form,
        search=search,
        who=who,
        hospital_id=search.hospital_id,
    )


async def _wanted(db: AsyncSession, search: CaseSearch, keys: KeyRing) -> Select[FinanceCase]:
    place = Place(hospital_id=search.hospital_id, key_ring=keys)
    return lists.cases(
        lists.CaseFilter(
            hospital_id=search.hospital_id,
            state=search.state,
            kind=search.kind,
            span=search.span,
            subjects=None if search.q is None else await subjects_named(db, text=search.q, place=place),
        )
    )


@router.get("/{case_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_case(case_id: str, db: Db, who: Viewer) -> CaseSeen:
    """One case with its evidence."""
    id_ = parse_id(case_id)
    who.require(hospital_of(id_))
    return (await cases_seen(db, [await queries.case_by_id(db, case_id=id_)]))[0]


@router.post("/{case_id}/resolve", responses=problems(NotLoggedIn, PermissionMissing, NotFound, CaseResolved))
async def resolve(case_id: str, body: ResolutionIn, db: Db, who: Finance) -> CaseSeen:
    """Say what was done about a case; it stays readable."""
    id_ = parse_id(case_id)
    who.require(hospital_of(id_))
    row = await resolve_case(db, case_id=id_, resolution=body.resolution, by=f"staff:{who.id}")
    return (await cases_seen(db, [row]))[0]
