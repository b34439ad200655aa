"""Staff look at what was found in the money and say what was done about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Page, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.payment.api_staff.schemas import AnyHospitalId, CaseSeen, Cursor, Limit, before, page
from guahao.payment.models import CaseKind, CaseState
from guahao.payment.queries import staff as queries
from guahao.payment.service.case import CaseResolved, resolve_case

router = APIRouter(prefix="/cases", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_BOOKS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]


class ResolutionIn(Body):
    """What was found out and done, for the auditor."""

    resolution: Annotated[str, Field(min_length=4, max_length=500)]


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_cases(
    hospital_id: AnyHospitalId,
    db: Db,
    who: Viewer,
    state: CaseState | None = None,
    kind: CaseKind | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[CaseSeen]:
    """A hospital's cases, newest first; hospital 0 has money and messages that belong to nobody."""
    who.require(hospital_id)
    rows = await queries.cases_of_hospital(
        db, hospital_id=hospital_id, state=state, kind=kind, before=before(cursor), limit=limit + 1
    )
    return page(CaseSeen, rows, limit=limit)


@router.get("/{case_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_case(case_id: str, db: Db, who: Viewer) -> CaseSeen:
    """One case with its evidence."""
    id_ = parse_id(case_id)
    who.require(hospital_of(id_))
    return CaseSeen.of(await queries.case_by_id(db, case_id=id_))


@router.post("/{case_id}/resolve", responses=problems(NotLoggedIn, PermissionMissing, NotFound, CaseResolved))
async def resolve(case_id: str, body: ResolutionIn, db: Db, who: Finance) -> CaseSeen:
    """Say what was done about a case; it stays readable."""
    id_ = parse_id(case_id)
    who.require(hospital_of(id_))
    return CaseSeen.of(await resolve_case(db, case_id=id_, resolution=body.resolution, by=f"staff:{who.id}"))
