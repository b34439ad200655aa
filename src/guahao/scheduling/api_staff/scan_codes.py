"""Codes for posters and doors that open the right page when scanned."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import campuses_by_ids, departments_by_ids, doctors_by_ids, hospitals_by_ids
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import Invalid, NotFound
from guahao.kernel.http import AppSettings, Db, problems
from guahao.kernel.i18n import text
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id
from guahao.kernel.qr import qr_image
from guahao.scheduling.policy.scene import (
    SceneKind,
    scene_of_department,
    scene_of_doctor,
    scene_of_hospital,
    scene_of_room,
)

router = APIRouter()

Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_CATALOG))]


class ScanCodeWanted(BaseModel):
    """What the code leads to; of a room `id` is the campus and `room` the name as sessions have it."""

    kind: SceneKind
    id: Annotated[str, Field(max_length=64)]
    room: Annotated[str, Field(max_length=100)] = ""


class ScanCodeOut(BaseModel):
    """The scene, a link with it, and a PNG of the link's QR code as a `data:` URI.

    WeChat can be told to open the mini program at this link; any other scanner opens the page in a browser.
    """

    scene: str
    url: str
    image: str


@router.get("/scan-codes", responses=problems(NotLoggedIn, PermissionMissing, NotFound, Invalid))
async def make_scan_code(
    wanted: Annotated[ScanCodeWanted, Query()], db: Db, settings: AppSettings, who: Editor
) -> ScanCodeOut:
    """A code to print for a hospital, department, doctor or room; it is the same each time."""
    scene = await _scene(db, wanted, who)
    url = f"{settings.public_url}/m/?scene={quote(scene)}"
    return ScanCodeOut(scene=scene, url=url, image=qr_image(url))


async def _scene(db: AsyncSession, wanted: ScanCodeWanted, who: StaffRef) -> str:
    """Raises `NotFound` for what is unknown or another hospital's, `Invalid` for a room without a name."""
    if wanted.kind is SceneKind.HOSPITAL:
        hospital_id = parse_hospital_id(wanted.id)
        who.require(hospital_id)
        _must_be(await hospitals_by_ids(db, [hospital_id]))
        return scene_of_hospital(hospital_id)
    id_ = parse_id(wanted.id)
    who.require(hospital_of(id_))
    match wanted.kind:
        case SceneKind.DEPARTMENT:
            _must_be(await departments_by_ids(db, [id_]))
            return scene_of_department(id_)
        case SceneKind.DOCTOR:
            _must_be(await doctors_by_ids(db, [id_]))
            return scene_of_doctor(id_)
        case SceneKind.ROOM:
            _must_be(await campuses_by_ids(db, [id_]))
            return scene_of_room(id_, _room(wanted))


def _must_be(found: object) -> None:
    if not found:
        raise NotFound


def _room(wanted: ScanCodeWanted) -> str:
    room = wanted.room.strip()
    if not room:
        raise Invalid(errors=[{"in": "query", "field": "room", "message": text("field.missing")}])
    return room
