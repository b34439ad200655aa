"""Weekly templates; a change reaches every future session nobody has touched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.queries import doctors_by_ids
from guahao.catalog.service.conflict import EditConflict
from guahao.kernel.clock import local_date
from guahao.kernel.db import constraint_of
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    ClinicSession,
    HolidayRule,
    Period,
    ScheduleClock,
    ScheduleTemplate,
)
from guahao.scheduling.policy.refusals import DoctorBusy, RoomBusy, misfit
from guahao.scheduling.service.withdraw import withdraw_untouched


class TemplateExists(Problem):
    """A template of the same doctor, department, weekday, period and first day exists."""

    code = "template-exists"
    status = 409


class ExceptionExists(Problem):
    """This date already has an exception for the same template, doctor or hospital."""

    code = "schedule-exception-exists"
    status = 409


def busy_problem(error: IntegrityError) -> Problem | None:
    """The problem that a broken schedule constraint stands for."""
    constraint = constraint_of(error) or ""
    if constraint.endswith("doctor_in_one_place"):
        return DoctorBusy()
    if constraint.endswith("room_used_once"):
        return RoomBusy()
    if constraint.endswith("_fkey"):
        return NotFound()
    if constraint == "schedule_template_natural_key":
        return TemplateExists()
    return ExceptionExists() if constraint == "schedule_exception_scope_key" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    """A weekly clinic as an office fills it in; times are local, `weekday` counts from Monday 0.

    `slot_min` is 5 to 30 minutes, `valid_until` is the first day without it. `own_level` says that the
    level, which decides the fee, is meant although it is not the doctor's; `sells_after_end` that sessions
    which stay after the end, since somebody is booked, take more people. Its natural key is doctor,
    department, weekday, period and `valid_from`.
    """

    hospital_id: int
    doctor_id: UUID
    department_id: UUID
    campus_id: UUID
    weekday: int
    period: Period
    starts: dt.time
    ends: EndTime
    slot_min: int
    capacity_per_slot: int
    room: str
    level: str
    valid_from: dt.date
    valid_until: dt.date | None = None
    on_holidays: HolidayRule = HolidayRule.CLOSED
    own_level: bool = False
    sells_after_end: bool = False


_NATURAL_KEY = ("hospital_id", "doctor_id", "department_id", "weekday", "period", "valid_from")
_INSERT = insert(ScheduleTemplate)
_CHANGING = [name for name in TemplateRow.__slots__ if name not in _NATURAL_KEY]
UPSERT = _INSERT.on_conflict_do_update(
    index_elements=list(_NATURAL_KEY),
    set_={
        **{name: _INSERT.excluded[name] for name in _CHANGING},
        "version": ScheduleTemplate.version + 1,
        "updated_at": func.now(),
    },
    where=or_(
        *(getattr(ScheduleTemplate, name).is_distinct_from(_INSERT.excluded[name]) for name in _CHANGING)
    ),
).returning(ScheduleTemplate.id)
"""Insert or update by natural key; answers the ids of what really changed."""


async def upsert_template(db: AsyncSession, row: TemplateRow, *, by: str, now: datetime) -> UUID | None:
    """Make or update the template with this natural key; answers its id, or None when nothing changed.

    Future sessions of it that nobody has touched are withdrawn and made anew by the next
    materialising; sessions with a booking, an add-on or any other moved place stay as they were
    published. Works in a savepoint, so the caller may go on after a problem. Raises `DoctorBusy`,
    `RoomBusy`, `DoctorNotInDepartment`, `LevelDiffers`, and `NotFound` for a doctor, department or campus
    of another hospital.
    """
    values = {"id": new_id(row.hospital_id), **asdict(row)}
    await plan_again(db, hospital_id=row.hospital_id)
    try:
        async with db.begin_nested():
            template_id = await db.scalar(UPSERT, values)
            await refuse_misfits(db, [row], now=now)
    except IntegrityError as error:
        problem = busy_problem(error)
        if problem is None:
            raise
        raise problem from error
    if template_id is None:
        return None
    await _follow(db, template_id, row, action="template.save", by=by, now=now)
    return template_id


async def create_template(db: AsyncSession, row: TemplateRow, *, by: str, now: datetime) -> ScheduleTemplate:
    """Add a weekly clinic. Raises what `upsert_template` raises, and `TemplateExists`."""
    template = ScheduleTemplate(id=new_id(row.hospital_id), **asdict(row))
    await plan_again(db, hospital_id=row.hospital_id)
    db.add(template)
    await _flush(db)
    await refuse_misfits(db, [row], now=now)
    await _follow(db, template.id, row, action="template.add", by=by, now=now)
    return template


async def change_template(
    db: AsyncSession, template_id: UUID, row: TemplateRow, *, version: int, by: str, now: datetime
) -> ScheduleTemplate:
    """Change a weekly clinic; with `valid_until` it ends.

    Future sessions follow as in `upsert_template`. Raises `NotFound`, `EditConflict`,
    `TemplateExists`, and what `upsert_template` raises.
    """
    await plan_again(db, hospital_id=row.hospital_id)
    template = await db.get(
        ScheduleTemplate, (row.hospital_id, template_id), with_for_update=True, populate_existing=True
    )
    if template is None:
        raise NotFound
    if template.version != version:
        raise EditConflict(your_version=version, current_version=template.version)
    for name, value in asdict(row).items():
        setattr(template, name, value)
    template.version = version + 1
    await _flush(db)
    await refuse_misfits(db, [row], now=now)
    await _follow(db, template_id, row, action="template.change", by=by, now=now)
    return template


async def refuse_misfits(db: AsyncSession, rows: Sequence[TemplateRow], *, now: datetime) -> None:
    """Refuse templates that were just written, but those that are over, whose doctor does not fit.

    Raises `DoctorNotInDepartment`, and `LevelDiffers` when the level is not the doctor's and nobody said
    that it is meant: a form's default must not set a price.
    """
    coming = [row for row in rows if row.valid_until is None or row.valid_until > local_date(now)]
    doctors = await doctors_by_ids(db, {row.doctor_id for row in coming}) if coming else {}
    for row in coming:
        refused = misfit(doctors[row.doctor_id], row.department_id, row.level, is_own_level=row.own_level)
        if refused is not None:
            raise refused


async def _flush(db: AsyncSession) -> None:
    try:
        await db.flush()
    except IntegrityError as error:
        raise busy_problem(error) or error from error


async def _follow(
    db: AsyncSession, template_id: UUID, row: TemplateRow, *, action: str, by: str, now: datetime
) -> None:
    await withdraw_untouched(db, follows(template_id), hospital_id=row.hospital_id, now=now)
    await record(
        db,
        AuditEntry(
            hospital_id=row.hospital_id,
            actor=by,
            action=action,
            subject=f"template:{template_id}",
            data={"doctor_id": str(row.doctor_id), "weekday": row.weekday},
        ),
    )


def follows(*template_ids: UUID) -> ColumnElement[bool]:
    """The sessions that follow their template: made from it and not changed by hand since."""
    return and_(ClinicSession.template_id.in_(template_ids), ClinicSession.version == 1)


async def template_of_row(db: AsyncSession, row: TemplateRow) -> ScheduleTemplate:
    """The stored template with this row's natural key. Raises `NotFound`."""
    statement = select(ScheduleTemplate).where(
        ScheduleTemplate.hospital_id == row.hospital_id,
        ScheduleTemplate.doctor_id == row.doctor_id,
        ScheduleTemplate.department_id == row.department_id,
        ScheduleTemplate.weekday == row.weekday,
        ScheduleTemplate.period == row.period,
        ScheduleTemplate.valid_from == row.valid_from,
    )
    found = await db.scalar(statement.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    return found


async def plan_again(db: AsyncSession, *, hospital_id: int) -> None:
    """Let the materialising job look at this hospital at its next run.

    Taken before anything of the plan is written: the job holds the same row while it makes sessions, so it
    works by the whole plan before an edit or by the whole plan after it.
    """
    statement = insert(ScheduleClock).values(hospital_id=hospital_id)
    await db.execute(
        statement.on_conflict_do_update(index_elements=["hospital_id"], set_={"due_at": func.now()})
    )
