"""Staff routes for the department tree."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from guahao.catalog.api_staff import schemas
from guahao.catalog.api_staff.search import DepartmentSearch
from guahao.catalog.api_staff.shared import (
    CREATED,
    EXPORTED,
    SEEN,
    WATCHED,
    Editor,
    Viewer,
    Watched,
    existing,
    own,
    telling_current,
)
from guahao.catalog.models import Department
from guahao.catalog.policy.national import NationalCodeUnknown
from guahao.catalog.queries import lists, sheets
from guahao.catalog.queries.facts import campuses_by_codes
from guahao.catalog.service import edit
from guahao.catalog.service.move import move_department
from guahao.catalog.service.rows import DepartmentRow
from guahao.catalog.service.store import CatalogCodeUnknown, DepartmentLoop
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.export import Form, whole
from guahao.kernel.http import CountedPage, Db, download, problems
from guahao.kernel.ids import hospital_of
from guahao.kernel.value.search import search_form

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])

OF_DEPARTMENTS: tuple[type[Problem], ...] = (CatalogCodeUnknown, NationalCodeUnknown, DepartmentLoop)


@router.get("/hospitals/{hospital_id}/departments", responses=problems(*SEEN))
async def list_departments(
    hospital_id: str, db: Db, who: Viewer, search: Annotated[DepartmentSearch, Query()]
) -> CountedPage[schemas.DepartmentSeen]:
    """The departments of a hospital, flat and on one page; `parent_code` makes the tree."""
    items = await _found(db, await existing(db, who, hospital_id), search)
    return CountedPage(items=items, total=len(items))


@router.get(
    "/hospitals/{hospital_id}/departments.{form}", response_class=Response, responses=problems(*EXPORTED)
)
async def export_departments(
    hospital_id: str,
    form: Form,
    db: Db,
    who: Viewer,
    search: Annotated[DepartmentSearch, Query()],
) -> Response:
    """The same departments as a file; the export is kept in the audit trail."""
    id_ = await existing(db, who, hospital_id)
    rows = [item.model_dump() for item in await _found(db, id_, search)]
    filters = search.model_dump(mode="json", exclude_none=True)
    wanted = Wanted(name="departments", form=form, filters=filters)
    table = whole(partial(sheets.departments_sheet, rows))
    return download(await export(db, table, wanted=wanted, by=who, hospital_id=id_))


async def _found(db: Db, hospital_id: int, search: DepartmentSearch) -> list[schemas.DepartmentSeen]:
    codes = {facts.id: code for code, facts in (await campuses_by_codes(db, hospital_id=hospital_id)).items()}
    rows = await lists.departments_for_staff(db, hospital_id=hospital_id)
    parents = {row.id: row.code for row in rows}
    items = [
        schemas.DepartmentSeen.of(
            row,
            parent_code=parents[row.parent_id] if row.parent_id else None,
            campus_code=codes[row.campus_id] if row.campus_id else None,
        )
        for row in rows
    ]
    return [item for item in items if _admits(search, item)]


def _admits(search: DepartmentSearch, item: schemas.DepartmentSeen) -> bool:
    q = search_form(search.q or "")
    return (
        (q in search_form(item.name) or q in search_form(item.code))
        and search.campus_code in {None, item.campus_code}
        and search.is_active in {None, item.is_active}
    )


@router.post(
    "/hospitals/{hospital_id}/departments", status_code=201, responses=problems(*CREATED, *OF_DEPARTMENTS)
)
async def create_department(
    hospital_id: str, body: schemas.DepartmentIn, db: Db, who: Editor
) -> schemas.DepartmentSeen:
    """Add a department."""
    id_ = await existing(db, who, hospital_id)
    row = await edit.create_department(
        db, hospital_id=id_, row=body.row(DepartmentRow), actor=f"staff:{who.id}"
    )
    return schemas.DepartmentSeen.of(row, parent_code=body.parent_code, campus_code=body.campus_code)


@router.put("/departments/{department_id}", responses=problems(*WATCHED, *OF_DEPARTMENTS))
async def update_department(
    department_id: str, body: schemas.DepartmentEdit, db: Db, who: Editor, watched: Watched
) -> schemas.DepartmentSeen:
    """Save a department; `version` is the one you opened. A conflict tells the row in `current`."""
    id_ = own(who, department_id)
    async with telling_current(lambda: _department(db, id_)), watched(hospital_of(id_), who):
        row = await edit.update_department(
            db, department_id=id_, version=body.version, row=body.row(DepartmentRow), actor=f"staff:{who.id}"
        )
    return schemas.DepartmentSeen.of(row, parent_code=body.parent_code, campus_code=body.campus_code)


@router.post("/departments/{department_id}/move", responses=problems(*WATCHED, DepartmentLoop))
async def move(
    department_id: str, body: schemas.MoveIn, db: Db, who: Editor, watched: Watched
) -> schemas.DepartmentSeen:
    """Put a department below `parent_id` (null is the top), before `before_id` or as the last.

    Only the tree changes. `not-found` also when `before_id` is not below that parent any more.
    """
    id_ = own(who, department_id)
    async with telling_current(lambda: _department(db, id_)), watched(hospital_of(id_), who):
        await move_department(
            db,
            department_id=id_,
            version=body.version,
            parent_id=own(who, body.parent_id) if body.parent_id else None,
            before_id=own(who, body.before_id) if body.before_id else None,
            actor=f"staff:{who.id}",
        )
    return await _department(db, id_)


async def _department(db: Db, department_id: UUID) -> schemas.DepartmentSeen:
    row = await db.get(Department, (hospital_of(department_id), department_id))
    if row is None:
        raise NotFound
    parent_code, campus_code = await lists.codes_of_department(db, row)
    return schemas.DepartmentSeen.of(row, parent_code=parent_code, campus_code=campus_code)
