"""Weekly templates and their exceptions."""

from __future__ import annotations

import datetime as dt
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.ports import EditTouchesSessions
from guahao.catalog.service.conflict import EditConflict
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.clock import local_date
from guahao.kernel.errors import Invalid, NotFound, Problem
from guahao.kernel.http import Db, Now, Page, problems
from guahao.kernel.ids import hospital_of, parse_hospital_id, parse_id
from guahao.kernel.value.fields import opaque
from guahao.scheduling.api_staff.plan_schemas import (
    ExceptionIn,
    ExceptionMade,
    ExceptionOut,
    PreviewedDayOut,
    TemplateEdit,
    TemplateIn,
    TemplateOut,
    TemplatePreviewIn,
    TemplatePreviewOut,
    TemplateSaved,
)
from guahao.scheduling.models import ScheduleTemplate
from guahao.scheduling.policy.refusals import (
    CLOSED,
    DoctorBusy,
    DoctorNotInDepartment,
    FeeMissing,
    LevelDiffers,
    RoomBusy,
    SubstituteLevelDiffers,
)
from guahao.scheduling.queries.templates import exceptions_of, templates_of
from guahao.scheduling.service.exceptions import (
    ExceptionTooLate,
    SessionChangedByHand,
    SessionTouched,
    add_exception,
    remove_exception,
    sessions_changed,
)
from guahao.scheduling.service.template_preview import preview_template
from guahao.scheduling.service.templates import (
    ExceptionExists,
    TemplateExists,
    TemplateRow,
    change_template,
    create_template,
    template_of_row,
    upsert_template,
)
from guahao.scheduling.service.touched import watching_sessions

router = APIRouter()

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_SCHEDULE))]
Planner = Annotated[StaffRef, Depends(staff(Permission.EDIT_SCHEDULE))]

SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
EDITED: tuple[type[Problem], ...] = (*SEEN, Invalid)
_MISFITS: tuple[type[Problem], ...] = (DoctorNotInDepartment, LevelDiffers)
_SHOWN_DAYS = 92

Confirm = Annotated[
    Annotated[str, opaque(64)] | None,
    Query(description="The `confirm` of an edit-touches-sessions: save although this becomes of sessions"),
]


def own_doctor(who: StaffRef) -> UUID | None:
    """Whose sessions alone somebody sees: a doctor's own, None for everybody's."""
    return who.own_doctor(Permission.VIEW_SCHEDULE)


def own(who: StaffRef, hospital_id: str) -> int:
    """The hospital of a path, if it is the caller's. Raises `NotFound`."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    return id_


@router.get("/hospitals/{hospital_id}/templates", responses=problems(*SEEN))
async def list_templates(hospital_id: str, db: Db, who: Viewer) -> Page[TemplateOut]:
    """Every weekly template of a hospital, by weekday and start; a doctor's own for a doctor."""
    rows = await templates_of(db, hospital_id=own(who, hospital_id), doctor_id=own_doctor(who))
    return Page(items=[TemplateOut.model_validate(row) for row in rows])


@router.put(
    "/hospitals/{hospital_id}/templates",
    responses=problems(*EDITED, *_MISFITS, DoctorBusy, RoomBusy, EditTouchesSessions),
)
async def save_template(
    hospital_id: str, body: TemplateIn, db: Db, who: Planner, now: Now, confirm: Confirm = None
) -> TemplateSaved:
    """Add a weekly template, or change the one with the same doctor, department, weekday, period, first day.

    Later sessions in which nobody has taken a place follow within a minute; others stay as published.
    What becomes of people who are booked is told first, as `edit-touches-sessions`.
    """
    row = body.row(own(who, hospital_id))
    by = f"staff:{who.id}"
    async with watching_sessions(db, hospital_id=row.hospital_id, confirm=confirm, by=by, now=now):
        await upsert_template(db, row, by=by, now=now)
    return await _saved(db, await template_of_row(db, row), row, now=now)


@router.post(
    "/hospitals/{hospital_id}/templates",
    status_code=201,
    responses=problems(*EDITED, TemplateExists, *_MISFITS, DoctorBusy, RoomBusy),
)
async def add_template(hospital_id: str, body: TemplateIn, db: Db, who: Planner, now: Now) -> TemplateSaved:
    """Add a weekly template; its sessions are made within a minute, but on the days of `not_made`."""
    row = body.row(own(who, hospital_id))
    made = await create_template(db, row, by=f"staff:{who.id}", now=now)
    return await _saved(db, made, row, now=now)


async def _saved(
    db: AsyncSession, template: ScheduleTemplate, row: TemplateRow, *, now: datetime
) -> TemplateSaved:
    days = await preview_template(db, row, template_id=template.id, now=now)
    return TemplateSaved.of(template, days)


@router.put(
    "/templates/{template_id}",
    responses=problems(
        *EDITED, EditConflict, TemplateExists, *_MISFITS, DoctorBusy, RoomBusy, EditTouchesSessions
    ),
)
async def edit_template(
    template_id: str, body: TemplateEdit, db: Db, who: Planner, now: Now, confirm: Confirm = None
) -> TemplateSaved:
    """Change a weekly template, or end it with `valid_until`; `version` is the one you opened.

    Later sessions nobody has touched follow; those booked or changed by hand stay as they are.
    What becomes of people who are booked is told first, as `edit-touches-sessions`.
    """
    id_ = parse_id(template_id)
    who.require(hospital_of(id_))
    row, by = body.row(hospital_of(id_)), f"staff:{who.id}"
    async with watching_sessions(db, hospital_id=row.hospital_id, confirm=confirm, by=by, now=now):
        saved = await change_template(db, id_, row, version=body.version, by=by, now=now)
    return await _saved(db, saved, row, now=now)


@router.post("/hospitals/{hospital_id}/template-previews", responses=problems(*EDITED))
async def preview_template_days(
    hospital_id: str, body: TemplatePreviewIn, db: Db, who: Planner, now: Now
) -> TemplatePreviewOut:
    """What a template would make in the coming days; nothing is saved."""
    hospital = own(who, hospital_id)
    days = await preview_template(db, body.row(hospital), template_id=body.template_id, now=now)
    return TemplatePreviewOut(items=[PreviewedDayOut.of(day) for day in days])


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
    """A hospital's exceptions of about three months, from today unless asked otherwise.

    A doctor sees their own and those of all doctors, as holidays.
    """
    first = since or local_date(now)
    until = first + timedelta(days=_SHOWN_DAYS)
    rows = await exceptions_of(
        db, hospital_id=own(who, hospital_id), doctor_id=own_doctor(who), since=first, until=until
    )
    return Page(items=[ExceptionOut.model_validate(row) for row in rows])


@router.post(
    "/hospitals/{hospital_id}/exceptions",
    status_code=201,
    responses=problems(
        *EDITED,
        ExceptionExists,
        ExceptionTooLate,
        SessionTouched,
        SessionChangedByHand,
        *CLOSED.values(),
        SubstituteLevelDiffers,
        FeeMissing,
        DoctorBusy,
        RoomBusy,
    ),
)
async def create_exception(
    hospital_id: str, body: ExceptionIn, db: Db, who: Planner, now: Now
) -> ExceptionMade:
    """Say what is different on one coming date, and learn on how many of its sessions that has an effect.

    Refused while sessions it would change have places taken or were made by hand, and when what it says
    could not be made: a substitute who is busy, inactive, of another level or without a price, a taken room.
    """
    made = await add_exception(db, body.row(own(who, hospital_id)), by=f"staff:{who.id}", now=now)
    return ExceptionMade.of(made, sessions_changed=await sessions_changed(db, made))


@router.delete("/exceptions/{exception_id}", status_code=204, responses=problems(*SEEN, EditTouchesSessions))
async def delete_exception(
    exception_id: str, db: Db, who: Planner, now: Now, confirm: Confirm = None
) -> None:
    """Take an exception back; untouched sessions of that date follow the templates again.

    What becomes of people who are booked is told first, as `edit-touches-sessions`.
    """
    id_ = parse_id(exception_id)
    who.require(hospital_of(id_))
    by = f"staff:{who.id}"
    async with watching_sessions(db, hospital_id=hospital_of(id_), confirm=confirm, by=by, now=now):
        await remove_exception(db, id_, by=by, now=now)
