"""Staff routes for hospitals, campuses, departments and doctors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from guahao.catalog.api_staff import schemas
from guahao.catalog.policy.national import NationalCodeUnknown, national_departments
from guahao.catalog.queries import lists
from guahao.catalog.queries.facts import campuses_by_codes
from guahao.catalog.service import edit
from guahao.catalog.service.conflict import CodeTaken, EditConflict
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, HospitalRow
from guahao.catalog.service.store import CatalogCodeUnknown, DepartmentLoop
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import Invalid, NotFound, Problem
from guahao.kernel.http import Db, Page, problems
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id
from guahao.kernel.paging import CursorInvalid

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]
Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_CATALOG))]
Founder = Annotated[StaffRef, Depends(staff(Permission.CREATE_HOSPITAL))]

SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
CREATED: tuple[type[Problem], ...] = (*SEEN, Invalid, CodeTaken)
EDITED: tuple[type[Problem], ...] = (*CREATED, EditConflict)
OF_DEPARTMENTS: tuple[type[Problem], ...] = (CatalogCodeUnknown, NationalCodeUnknown, DepartmentLoop)


def _own(who: StaffRef, hospital_id: str) -> int:
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return id_


async def _existing(db: Db, who: StaffRef, hospital_id: str) -> int:
    return (await lists.hospital_for_staff(db, hospital_id=_own(who, hospital_id))).id


@router.get("/national-departments", responses=problems(NotLoggedIn, PermissionMissing))
async def list_national_departments(who: Viewer) -> Page[dict[str, str]]:
    """The national list of clinical subjects, for the choice of `national_code`."""
    del who
    return Page(items=[{"code": code, "name": name} for code, name in national_departments().items()])


@router.get("/hospitals", responses=problems(NotLoggedIn, PermissionMissing))
async def list_hospitals(db: Db, who: Viewer) -> Page[schemas.HospitalSeen]:
    """The hospitals you work for, closed ones too."""
    rows = await lists.hospitals_for_staff(db, hospital_id=who.hospital_id)
    return Page(items=[schemas.HospitalSeen.of(row) for row in rows])


@router.post("/hospitals", status_code=201, responses=problems(*CREATED))
async def create_hospital(body: schemas.HospitalIn, db: Db, who: Founder) -> schemas.HospitalSeen:
    """Add a hospital; it starts with the default rules."""
    row = await edit.create_hospital(db, row=body.row(HospitalRow), actor=f"staff:{who.id}")
    return schemas.HospitalSeen.of(row)


@router.get("/hospitals/{hospital_id}", responses=problems(*SEEN))
async def show_hospital(hospital_id: str, db: Db, who: Viewer) -> schemas.HospitalSeen:
    """One hospital as edited."""
    row = await lists.hospital_for_staff(db, hospital_id=_own(who, hospital_id))
    return schemas.HospitalSeen.of(row)


@router.put("/hospitals/{hospital_id}", responses=problems(*EDITED))
async def update_hospital(
    hospital_id: str, body: schemas.HospitalEdit, db: Db, who: Editor
) -> schemas.HospitalSeen:
    """Save a hospital; `version` is the one you opened."""
    row = await edit.update_hospital(
        db,
        hospital_id=_own(who, hospital_id),
        version=body.version,
        row=body.row(HospitalRow),
        actor=f"staff:{who.id}",
    )
    return schemas.HospitalSeen.of(row)


@router.get("/hospitals/{hospital_id}/campuses", responses=problems(*SEEN))
async def list_campuses(hospital_id: str, db: Db, who: Viewer) -> Page[schemas.CampusSeen]:
    """Every campus of a hospital."""
    rows = await lists.campuses_for_staff(db, hospital_id=await _existing(db, who, hospital_id))
    return Page(items=[schemas.CampusSeen.of(row) for row in rows])


@router.post("/hospitals/{hospital_id}/campuses", status_code=201, responses=problems(*CREATED))
async def create_campus(hospital_id: str, body: schemas.CampusIn, db: Db, who: Editor) -> schemas.CampusSeen:
    """Add a campus."""
    id_ = await _existing(db, who, hospital_id)
    row = await edit.create_campus(db, hospital_id=id_, row=body.row(CampusRow), actor=f"staff:{who.id}")
    return schemas.CampusSeen.of(row)


@router.put("/campuses/{campus_id}", responses=problems(*EDITED))
async def update_campus(campus_id: str, body: schemas.CampusEdit, db: Db, who: Editor) -> schemas.CampusSeen:
    """Save a campus; `version` is the one you opened."""
    id_ = parse_id(campus_id)
    who.require(hospital_of(id_))
    row = await edit.update_campus(
        db, campus_id=id_, version=body.version, row=body.row(CampusRow), actor=f"staff:{who.id}"
    )
    return schemas.CampusSeen.of(row)


@router.get("/hospitals/{hospital_id}/departments", responses=problems(*SEEN))
async def list_departments(hospital_id: str, db: Db, who: Viewer) -> Page[schemas.DepartmentSeen]:
    """Every department of a hospital, flat; `parent_code` makes the tree."""
    id_ = await _existing(db, who, hospital_id)
    codes = {facts.id: code for code, facts in (await campuses_by_codes(db, hospital_id=id_)).items()}
    rows = await lists.departments_for_staff(db, hospital_id=id_)
    parents = {row.id: row.code for row in rows}
    return Page(
        items=[
            schemas.DepartmentSeen.of(
                row,
                parent_code=parents[row.parent_id] if row.parent_id else None,
                campus_code=codes[row.campus_id] if row.campus_id else None,
            )
            for row in rows
        ]
    )


@router.post(
    "/hospitals/{hospital_id}/departments", status_code=201, responses=problems(*CREATED, *OF_DEPARTMENTS)
)
async def create_department(
    hospital_id: str, body: schemas.DepartmentIn, db: Db, who: Editor
) -> schemas.DepartmentSeen:
    """Add a department."""
    id_ = await _existing(db, who, hospital_id)
    row = await edit.create_department(
        db, hospital_id=id_, row=body.row(DepartmentRow), actor=f"staff:{who.id}"
    )
    return schemas.DepartmentSeen.of(row, parent_code=body.parent_code, campus_code=body.campus_code)


@router.put("/departments/{department_id}", responses=problems(*EDITED, *OF_DEPARTMENTS))
async def update_department(
    department_id: str, body: schemas.DepartmentEdit, db: Db, who: Editor
) -> schemas.DepartmentSeen:
    """Save a department; `version` is the one you opened."""
    id_ = parse_id(department_id)
    who.require(hospital_of(id_))
    row = await edit.update_department(
        db, department_id=id_, version=body.version, row=body.row(DepartmentRow), actor=f"staff:{who.id}"
    )
    return schemas.DepartmentSeen.of(row, parent_code=body.parent_code, campus_code=body.campus_code)


@router.get("/hospitals/{hospital_id}/doctors", responses=problems(*SEEN, CursorInvalid))
async def list_doctors(
    hospital_id: str,
    db: Db,
    who: Viewer,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[schemas.DoctorSeen]:
    """The doctors of a hospital, by code."""
    id_ = await _existing(db, who, hospital_id)
    rows, next_cursor = await lists.doctors_for_staff(db, hospital_id=id_, cursor=cursor, limit=limit)
    items = [schemas.DoctorSeen.of(doctor, department_codes=codes) for doctor, codes in rows]
    return Page(items=items, next_cursor=next_cursor)


@router.post(
    "/hospitals/{hospital_id}/doctors", status_code=201, responses=problems(*CREATED, CatalogCodeUnknown)
)
async def create_doctor(hospital_id: str, body: schemas.DoctorIn, db: Db, who: Editor) -> schemas.DoctorSeen:
    """Add a doctor."""
    id_ = await _existing(db, who, hospital_id)
    row = await edit.create_doctor(db, hospital_id=id_, row=body.row(DoctorRow), actor=f"staff:{who.id}")
    return schemas.DoctorSeen.of(row, department_codes=body.department_codes)


@router.put("/doctors/{doctor_id}", responses=problems(*EDITED, CatalogCodeUnknown))
async def update_doctor(doctor_id: str, body: schemas.DoctorEdit, db: Db, who: Editor) -> schemas.DoctorSeen:
    """Save a doctor; `version` is the one you opened."""
    id_ = parse_id(doctor_id)
    who.require(hospital_of(id_))
    row = await edit.update_doctor(
        db, doctor_id=id_, version=body.version, row=body.row(DoctorRow), actor=f"staff:{who.id}"
    )
    return schemas.DoctorSeen.of(row, department_codes=body.department_codes)
