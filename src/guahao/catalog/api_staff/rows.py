"""Staff routes for hospitals and campuses."""

from __future__ import annotations

from fastapi import APIRouter

from guahao.catalog.api_staff import schemas
from guahao.catalog.api_staff.shared import (
    CREATED,
    SEEN,
    WATCHED,
    Editor,
    Founder,
    Viewer,
    Watched,
    existing,
    own,
    telling_current,
)
from guahao.catalog.models import Campus
from guahao.catalog.policy.national import national_departments
from guahao.catalog.queries import lists
from guahao.catalog.service import edit
from guahao.catalog.service.picture import PictureUnknown
from guahao.catalog.service.rows import CampusRow, HospitalRow
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.kernel.http import Db, Page, problems
from guahao.kernel.ids import hospital_of, parse_hospital_id

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])


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


@router.post("/hospitals", status_code=201, responses=problems(*CREATED, PictureUnknown))
async def create_hospital(body: schemas.HospitalIn, db: Db, who: Founder) -> schemas.HospitalSeen:
    """Add a hospital; it starts with the default rules."""
    row = await edit.create_hospital(db, row=body.row(HospitalRow), actor=f"staff:{who.id}")
    return schemas.HospitalSeen.of(row)


@router.get("/hospitals/{hospital_id}", responses=problems(*SEEN))
async def show_hospital(hospital_id: str, db: Db, who: Viewer) -> schemas.HospitalSeen:
    """One hospital as edited."""
    return await _hospital(db, await existing(db, who, hospital_id))


@router.put("/hospitals/{hospital_id}", responses=problems(*WATCHED, PictureUnknown))
async def update_hospital(
    hospital_id: str, body: schemas.HospitalEdit, db: Db, who: Editor, watched: Watched
) -> schemas.HospitalSeen:
    """Save a hospital; `version` is the one you opened. A conflict tells the row as it is in `current`."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    async with telling_current(lambda: _hospital(db, id_)), watched(id_, who):
        row = await edit.update_hospital(
            db, hospital_id=id_, version=body.version, row=body.row(HospitalRow), actor=f"staff:{who.id}"
        )
    return schemas.HospitalSeen.of(row)


async def _hospital(db: Db, hospital_id: int) -> schemas.HospitalSeen:
    return schemas.HospitalSeen.of(await lists.hospital_for_staff(db, hospital_id=hospital_id))


@router.get("/hospitals/{hospital_id}/campuses", responses=problems(*SEEN))
async def list_campuses(hospital_id: str, db: Db, who: Viewer) -> Page[schemas.CampusSeen]:
    """Every campus of a hospital."""
    rows = await lists.campuses_for_staff(db, hospital_id=await existing(db, who, hospital_id))
    return Page(items=[schemas.CampusSeen.of(row) for row in rows])


@router.post("/hospitals/{hospital_id}/campuses", status_code=201, responses=problems(*CREATED))
async def create_campus(hospital_id: str, body: schemas.CampusIn, db: Db, who: Editor) -> schemas.CampusSeen:
    """Add a campus."""
    id_ = await existing(db, who, hospital_id)
    row = await edit.create_campus(db, hospital_id=id_, row=body.row(CampusRow), actor=f"staff:{who.id}")
    return schemas.CampusSeen.of(row)


@router.put("/campuses/{campus_id}", responses=problems(*WATCHED))
async def update_campus(
    campus_id: str, body: schemas.CampusEdit, db: Db, who: Editor, watched: Watched
) -> schemas.CampusSeen:
    """Save a campus; `version` is the one you opened. A conflict tells the row as it is in `current`."""
    id_ = own(who, campus_id)

    async def current() -> schemas.CampusSeen:
        return schemas.CampusSeen.of(await db.get_one(Campus, (hospital_of(id_), id_)))

    async with telling_current(current), watched(hospital_of(id_), who):
        row = await edit.update_campus(
            db, campus_id=id_, version=body.version, row=body.row(CampusRow), actor=f"staff:{who.id}"
        )
    return schemas.CampusSeen.of(row)
