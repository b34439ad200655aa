"""Weekly templates and their exceptions."""

from __future__ import annotations

import datetime as dt
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.clock import local_date
from guahao.kernel.errors import Invalid, NotFound, Problem
from guahao.kernel.http import Db, Now, Page, problems
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id
from guahao.scheduling.api_staff.schemas import ExceptionIn, ExceptionOut, TemplateIn, TemplateOut
from guahao.scheduling.queries.templates import exceptions_of, templates_of
from guahao.scheduling.service.exceptions import SessionTouched, add_exception, remove_exception
from guahao.scheduling.service.templates import (
    DoctorBusy,
    ExceptionExists,
    RoomBusy,
    template_of_row,
    upsert_template,
)

router = APIRouter()

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_SCHEDULE))]
Planner = Annotated[StaffRef, Depends(staff(Permission.EDIT_SCHEDULE))]

SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
EDITED: tuple[type[Problem], ...] = (*SEEN, Invalid)
_SHOWN_DAYS = 92


def own(who: StaffRef, hospital_id: str) -> int:
    """The hospital of a path, if it is the caller's. Raises `NotFound`."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return id_


@router.get("/hospitals/{hospital_id}/templates", responses=problems(*SEEN))
async def list_templates(hospital_id: str, db: Db, who: Viewer) -> Page[TemplateOut]:
    """Every weekly template of a hospital, by weekday and start."""
    rows = await templates_of(db, hospital_id=own(who, hospital_id))
    return Page(items=[TemplateOut.model_validate(row) for row in rows])


@router.put("/hospitals/{hospital_id}/templates", responses=problems(*EDITED, DoctorBusy, RoomBusy))
async def save_template(hospital_id: str, body: TemplateIn, db: Db, who: Planner, now: Now) -> TemplateOut:
    """Add a weekly template, or change the one with the same doctor, department, weekday, period, first day.

    Later sessions in which nobody has taken a place follow within a minute; others stay as published.
    """
    row = body.row(own(who, hospital_id))
    await upsert_template(db, row, by=f"staff:{who.id}", now=now)
    return TemplateOut.model_validate(await template_of_row(db, row))


@router.get("/hospitals/{hospital_id}/exceptions", responses=problems(*SEEN))
async def list_exceptions(
    hospital_id: str,
    db: Db,
    who: Viewer,
    now: Now,
    since: Annotated[
        dt.date | None, Query(alias="from", ge=dt.date(2000, 1, 1), le=dt.date(2199, 1, 1))
    ] = None,
) -> Page[ExceptionOut]:
    """A hospital's exceptions of about three months, from today unless asked otherwise."""
    first = since or local_date(now)
    until = first + timedelta(days=_SHOWN_DAYS)
    rows = await exceptions_of(db, hospital_id=own(who, hospital_id), since=first, until=until)
    return Page(items=[ExceptionOut.model_validate(row) for row in rows])


@router.post(
    "/hospitals/{hospital_id}/exceptions",
    status_code=201,
    responses=problems(*EDITED, SessionTouched, ExceptionExists),
)
async def create_exception(
    hospital_id: str, body: ExceptionIn, db: Db, who: Planner, now: Now
) -> ExceptionOut:
    """Say what is different on one date; refused while sessions it would change have places taken."""
    made = await add_exception(db, body.row(own(who, hospital_id)), by=f"staff:{who.id}", now=now)
    return ExceptionOut.model_validate(made)


@router.delete("/exceptions/{exception_id}", status_code=204, responses=problems(*SEEN))
async def delete_exception(exception_id: str, db: Db, who: Planner, now: Now) -> None:
    """Take an exception back; untouched sessions of that date follow the templates again."""
    id_ = parse_id(exception_id)
    who.require(hospital_of(id_))
    await remove_exception(db, id_, by=f"staff:{who.id}", now=now)
