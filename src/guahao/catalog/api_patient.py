"""Public routes: hospitals, departments, doctors, rules and search."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from guahao.catalog.models import Campus, Department, DoctorLevel, EntryKind, Hospital, HospitalKind
from guahao.catalog.policy.sentences import sentences_of
from guahao.catalog.queries.distance import Point
from guahao.catalog.queries.facts import require_visible
from guahao.catalog.queries.lists import (
    DepartmentNode,
    DepartmentView,
    DoctorView,
    HospitalFilter,
    ListedHospital,
    cities,
    department_for_patients,
    department_tree,
    doctor_for_patients,
    hospital_for_patients,
    hospitals,
)
from guahao.catalog.queries.pictures import picture_content, picture_path
from guahao.catalog.queries.rules import rules_of
from guahao.catalog.queries.search import search
from guahao.identity.access import public, search_limit
from guahao.kernel.errors import Invalid, NotFound, TooManyRequests
from guahao.kernel.http import AppSettings, Db, Now, Page, problems
from guahao.kernel.ids import parse_hospital_id, parse_id
from guahao.kernel.paging import CursorInvalid
from guahao.kernel.sex import Sex

router = APIRouter(prefix="/api/v1", tags=["catalog"], dependencies=[Depends(public)])

Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="Items on a page")]
_LATITUDE = r"-?(90(\.0{1,15})?|[0-8]?[0-9](\.[0-9]{1,15})?)"
_LONGITUDE = r"-?(180(\.0{1,15})?|(1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,15})?)"
Near = Annotated[
    str | None,
    Query(
        pattern=f"^{_LATITUDE},{_LONGITUDE}$",
        description="Where you are, `latitude,longitude` in GCJ-02; three decimals are plenty",
    ),
]
Words = Annotated[str, Query(max_length=100)]
_SHOWN = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Content-Disposition": "inline",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Beside nosniff, which every answer has: nothing in a picture may ever run."""


class MapPoint(BaseModel):
    """A place on the map, in GCJ-02 as WeChat shows it."""

    latitude: float
    longitude: float

    @classmethod
    def of(cls, row: Hospital | Campus) -> MapPoint | None:
        """The point of a row that has one."""
        if row.latitude is None or row.longitude is None:
            return None
        return cls(latitude=row.latitude, longitude=row.longitude)


class HospitalOut(BaseModel):
    """A hospital in short."""

    id: str
    name: str
    level: str
    kind: HospitalKind
    city: str
    address: str
    phones: list[str]
    map_point: MapPoint | None

    @classmethod
    def of(cls, row: Hospital) -> HospitalOut:
        """Show a row."""
        return cls(
            id=str(row.id),
            name=row.name,
            level=row.level,
            kind=row.kind,
            city=row.city,
            address=row.address,
            phones=row.phones,
            map_point=MapPoint.of(row),
        )


class ListedHospitalOut(HospitalOut):
    """A hospital in a list; `distance_m` to its nearest campus when `near` was sent and both are known."""

    distance_m: int | None

    @classmethod
    def made_of(cls, listed: ListedHospital) -> ListedHospitalOut:
        """Show a hospital of a list."""
        return cls(**HospitalOut.of(listed.hospital).model_dump(), distance_m=listed.distance_m)


class CampusOut(BaseModel):
    """A site of a hospital."""

    id: str
    name: str
    address: str
    phone: str
    map_point: MapPoint | None


class HospitalPageOut(HospitalOut):
    """Everything a hospital says about itself; `picture_paths` continue the server's address."""

    intro: str
    notices: list[str]
    picture_paths: list[str]
    campuses: list[CampusOut]

    @classmethod
    def made_of(cls, row: Hospital, campuses: list[Campus]) -> HospitalPageOut:
        """Show a hospital with its sites."""
        sites = [
            CampusOut(
                id=str(campus.id),
                name=campus.name,
                address=campus.address,
                phone=campus.phone,
                map_point=MapPoint.of(campus),
            )
            for campus in campuses
        ]
        own = HospitalOut.of(row).model_dump()
        return cls(
            **own,
            intro=row.intro,
            notices=row.notices,
            picture_paths=[picture_path(id_) for id_ in row.picture_ids],
            campuses=sites,
        )


class Named(BaseModel):
    """Something with a name."""

    id: str
    name: str


class OneDepartment(BaseModel):
    """A department; ages are whole years, both ends included."""

    id: str
    name: str
    campus_id: str | None
    place: str
    intro: str
    sex_limit: Sex | None
    min_age_years: int
    max_age_years: int


class DepartmentOut(OneDepartment):
    """A department with those below it; one that has doctors of its own can be booked at itself too."""

    has_doctors: bool
    children: list[DepartmentOut]

    @classmethod
    def of(cls, node: DepartmentNode) -> DepartmentOut:
        """Show a node and what is below it."""
        children = [cls.of(child) for child in node.children]
        return cls(**_members(node.department), has_doctors=node.has_doctors, children=children)


class DepartmentPageOut(OneDepartment):
    """A department by itself, with its hospital and campus."""

    hospital: Named
    campus: Named | None

    @classmethod
    def of(cls, view: DepartmentView) -> DepartmentPageOut:
        """Show a department."""
        campus = view.campus
        return cls(
            **_members(view.department),
            hospital=Named(id=str(view.hospital.id), name=view.hospital.name),
            campus=Named(id=str(campus.id), name=campus.name) if campus else None,
        )


def _members(row: Department) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "campus_id": str(row.campus_id) if row.campus_id else None,
        "place": row.place,
        "intro": row.intro,
        "sex_limit": row.sex_limit,
        "min_age_years": row.min_age_years,
        "max_age_years": row.max_age_years,
    }


class DoctorOut(BaseModel):
    """A doctor's page; the fee stands with each session, `photo_path` continues the server's address."""

    id: str
    name: str
    title: str
    level: DoctorLevel
    skills: str
    diseases: list[str]
    intro: str
    photo_path: str | None
    hospital: Named
    departments: list[Named]

    @classmethod
    def of(cls, view: DoctorView) -> DoctorOut:
        """Show a doctor with hospital and departments."""
        doctor = view.doctor
        return cls(
            id=str(doctor.id),
            name=doctor.name,
            title=doctor.title,
            level=doctor.level,
            skills=doctor.skills,
            diseases=doctor.diseases,
            intro=doctor.intro,
            photo_path=picture_path(doctor.photo_id) if doctor.photo_id else None,
            hospital=Named(id=str(view.hospital.id), name=view.hospital.name),
            departments=[Named(id=str(row.id), name=row.name) for row in view.departments],
        )


class RulesOut(BaseModel):
    """The rule set in force, for machines and for people."""

    version: int
    effective_from: datetime
    rules: dict[str, object]
    sentences: list[str]


class HitOut(BaseModel):
    """A search result; the `id` of a disease is that of the department to go to."""

    kind: EntryKind
    id: str
    name: str
    hospital_id: str
    hospital_name: str
    hint: str


@router.get("/hospitals", responses=problems(Invalid, CursorInvalid))
async def list_hospitals(
    db: Db,
    settings: AppSettings,
    q: Words = "",
    city: Words = "",
    level: Words = "",
    near: Near = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[ListedHospitalOut]:
    """Hospitals by name (Chinese, pinyin or initials), city and level; with `near` the nearest first."""
    narrowed = HospitalFilter(
        q=q, city=city, level=level, near=_point(near), single_hospital=settings.single_hospital
    )
    rows, next_cursor = await hospitals(db, narrowed=narrowed, cursor=cursor, limit=limit)
    return Page(items=[ListedHospitalOut.made_of(row) for row in rows], next_cursor=next_cursor)


def _point(near: str | None) -> Point | None:
    if near is None:
        return None
    latitude, longitude = near.split(",")
    return Point(latitude=float(latitude), longitude=float(longitude))


class CityOut(BaseModel):
    """A city and how many hospitals it has here."""

    name: str
    hospitals: int


@router.get("/cities")
async def list_cities(db: Db, settings: AppSettings) -> Page[CityOut]:
    """The cities that hospitals can be narrowed to, those with the most hospitals first."""
    found = await cities(db, single_hospital=settings.single_hospital)
    return Page(items=[CityOut(name=city.name, hospitals=city.hospitals) for city in found])


@router.get("/hospitals/{hospital_id}", responses=problems(NotFound))
async def show_hospital(hospital_id: str, db: Db, settings: AppSettings) -> HospitalPageOut:
    """One hospital with its campuses, phones and notices."""
    row, campuses = await hospital_for_patients(
        db, hospital_id=parse_hospital_id(hospital_id), single_hospital=settings.single_hospital
    )
    return HospitalPageOut.made_of(row, campuses)


@router.get("/hospitals/{hospital_id}/departments", responses=problems(NotFound))
async def list_departments(hospital_id: str, db: Db, settings: AppSettings) -> Page[DepartmentOut]:
    """The department tree, on one page."""
    id_ = parse_hospital_id(hospital_id)
    await require_visible(db, hospital_id=id_, single_hospital=settings.single_hospital)
    return Page(items=[DepartmentOut.of(node) for node in await department_tree(db, hospital_id=id_)])


@router.get("/departments/{department_id}", responses=problems(NotFound))
async def show_department(department_id: str, db: Db, settings: AppSettings) -> DepartmentPageOut:
    """One department, for those who come to it by a link or a scanned code."""
    view = await department_for_patients(
        db, department_id=parse_id(department_id), single_hospital=settings.single_hospital
    )
    return DepartmentPageOut.of(view)


@router.get("/hospitals/{hospital_id}/rules", responses=problems(NotFound))
async def show_rules(hospital_id: str, db: Db, settings: AppSettings, now: Now) -> RulesOut:
    """The booking rules in force, as values and as plain Chinese sentences."""
    id_ = parse_hospital_id(hospital_id)
    await require_visible(db, hospital_id=id_, single_hospital=settings.single_hospital)
    found = await rules_of(db, hospital_id=id_, now=now)
    return RulesOut(
        version=found.version,
        effective_from=found.effective_from,
        rules=msgspec.to_builtins(found.rules),
        sentences=sentences_of(found.rules),
    )


@router.get("/doctors/{doctor_id}", responses=problems(NotFound))
async def show_doctor(doctor_id: str, db: Db, settings: AppSettings) -> DoctorOut:
    """One doctor."""
    view = await doctor_for_patients(
        db, doctor_id=parse_id(doctor_id), single_hospital=settings.single_hospital
    )
    return DoctorOut.of(view)


@router.get("/pictures/{picture_id}", response_class=Response, responses=problems(NotFound))
async def show_picture(picture_id: str, db: Db) -> Response:
    """A picture of a doctor or hospital, a JPEG; the same for ever under its id."""
    content = await picture_content(db, picture_id=parse_id(picture_id))
    return Response(content, headers=_SHOWN, media_type="image/jpeg")


@router.get(
    "/search",
    responses=problems(Invalid, CursorInvalid, TooManyRequests),
    dependencies=[Depends(search_limit)],
)
async def find(
    db: Db, settings: AppSettings, q: Words = "", cursor: Cursor = None, limit: Limit = 20
) -> Page[HitOut]:
    """Find hospitals, departments, doctors, or the department for a disease or complaint.

    Takes Chinese, pinyin, initials and slips in either; a sentence may contain the complaint.
    """
    hits, next_cursor = await search(
        db, q=q, single_hospital=settings.single_hospital, cursor=cursor, limit=limit
    )
    items = [
        HitOut(
            kind=hit.kind,
            id=hit.id,
            name=hit.name,
            hospital_id=str(hit.hospital_id),
            hospital_name=hit.hospital_name,
            hint=hit.hint,
        )
        for hit in hits
    ]
    return Page(items=items, next_cursor=next_cursor)
