"""Staff routes for doctors."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from guahao.catalog.api_staff import schemas
from guahao.catalog.api_staff.search import DoctorSearch
from guahao.catalog.api_staff.shared import (
    CREATED,
    EXPORTED,
    LISTED,
    SEEN,
    WATCHED,
    Editor,
    Viewer,
    Watched,
    existing,
    own,
    telling_current,
)
from guahao.catalog.models import Doctor
from guahao.catalog.queries import doctors, sheets
from guahao.catalog.queries.lists import department_codes
from guahao.catalog.service import edit
from guahao.catalog.service.picture import PictureUnknown
from guahao.catalog.service.rows import DoctorRow
from guahao.catalog.service.store import CatalogCodeUnknown
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.errors import NotFound
from guahao.kernel.export import Form
from guahao.kernel.http import CountedPage, Db, download, problems
from guahao.kernel.ids import hospital_of
from guahao.kernel.paging import page_of, parts_of

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])


@router.get("/hospitals/{hospital_id}/doctors", responses=problems(*LISTED))
async def list_doctors(
    hospital_id: str, db: Db, who: Viewer, search: Annotated[DoctorSearch, Query()]
) -> CountedPage[schemas.DoctorSeen]:
    """The doctors of a hospital, by code unless asked otherwise; sorted by `code`, `name`, `level`."""
    id_ = await existing(db, who, hospital_id)
    wanted = doctors.doctors(search.wanted(id_))
    read = await page_of(db, wanted, listing=doctors.DOCTORS, asked=search.asked)
    codes = await department_codes(db, hospital_id=id_, doctor_ids=[row.id for row in read.rows])
    return CountedPage.of(read, lambda row: schemas.DoctorSeen.of(row, department_codes=codes[row.id]))


@router.get("/hospitals/{hospital_id}/doctors.{form}", response_class=Response, responses=problems(*EXPORTED))
async def export_doctors(
    hospital_id: str,
    form: Form,
    db: Db,
    who: Viewer,
    search: Annotated[DoctorSearch, Query()],
) -> Response:
    """The same doctors as a file; the export is kept in the audit trail."""
    id_ = await existing(db, who, hospital_id)
    wanted = doctors.doctors(search.wanted(id_))
    parts = parts_of(db, wanted, listing=doctors.DOCTORS, sort=search.sort)
    tables = (
        partial(
            sheets.doctors_sheet,
            rows,
            await department_codes(db, hospital_id=id_, doctor_ids=[row.id for row in rows]),
        )
        async for rows in parts
    )
    made = Wanted(name="doctors", form=form, filters=search.filters)
    return download(await export(db, tables, wanted=made, by=who, hospital_id=id_))


@router.post(
    "/hospitals/{hospital_id}/doctors",
    status_code=201,
    responses=problems(*CREATED, CatalogCodeUnknown, PictureUnknown),
)
async def create_doctor(hospital_id: str, body: schemas.DoctorIn, db: Db, who: Editor) -> schemas.DoctorSeen:
    """Add a doctor."""
    id_ = await existing(db, who, hospital_id)
    row = await edit.create_doctor(db, hospital_id=id_, row=body.row(DoctorRow), actor=f"staff:{who.id}")
    return await _doctor(db, row.id)


@router.get("/doctors/{doctor_id}", responses=problems(*SEEN))
async def show_doctor(doctor_id: str, db: Db, who: Viewer) -> schemas.DoctorSeen:
    """One doctor as edited."""
    return await _doctor(db, own(who, doctor_id))


@router.put("/doctors/{doctor_id}", responses=problems(*WATCHED, CatalogCodeUnknown, PictureUnknown))
async def update_doctor(
    doctor_id: str, body: schemas.DoctorEdit, db: Db, who: Editor, watched: Watched
) -> schemas.DoctorSeen:
    """Save a doctor; `version` is the one you opened. A conflict tells the row as it is in `current`."""
    id_ = own(who, doctor_id)
    async with telling_current(lambda: _doctor(db, id_)), watched(hospital_of(id_), who):
        await edit.update_doctor(
            db, doctor_id=id_, version=body.version, row=body.row(DoctorRow), actor=f"staff:{who.id}"
        )
    return await _doctor(db, id_)


async def _doctor(db: Db, doctor_id: UUID) -> schemas.DoctorSeen:
    hospital_id = hospital_of(doctor_id)
    row = await db.get(Doctor, (hospital_id, doctor_id))
    if row is None:
        raise NotFound
    codes = await department_codes(db, hospital_id=hospital_id, doctor_ids=[doctor_id])
    return schemas.DoctorSeen.of(row, department_codes=codes[doctor_id])
