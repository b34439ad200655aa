"""Many templates at once, for the import: the same outcome as one by one, in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.ids import new_id
from guahao.scheduling.models import ScheduleTemplate
from guahao.scheduling.service.templates import (
    UPSERT,
    TemplateRow,
    busy_problem,
    follows,
    plan_again,
    refuse_misfits,
)
from guahao.scheduling.service.withdraw import withdraw_untouched

_CLASHES = "schedule_template_doctor_in_one_place, schedule_template_room_used_once"
_DEFER = text(f"SET CONSTRAINTS {_CLASHES} DEFERRED")
_CHECK_NOW = text(f"SET CONSTRAINTS {_CLASHES} IMMEDIATE")
"""Only the outcome may not clash: two doctors may swap rooms."""


async def upsert_templates(
    db: AsyncSession, rows: Sequence[TemplateRow], *, hospital_id: int, by: str, now: datetime
) -> int:
    """Make or update one hospital's templates; answers how many changed.

    Future sessions nobody has touched follow, as in `upsert_template`. Works in a savepoint, so the
    caller may go on after a problem. Raises `DoctorBusy` or `RoomBusy` for the rows as a
    whole, and what `refuse_misfits` raises.
    """
    if not rows:
        return 0
    values = [{"id": new_id(hospital_id), **asdict(row)} for row in rows]
    await plan_again(db, hospital_id=hospital_id)
    fresh_ids = {value["id"] for value in values}
    try:
        async with db.begin_nested():
            await db.execute(_DEFER)
            saved = list(await db.scalars(UPSERT, values))
            await db.execute(_CHECK_NOW)
            await refuse_misfits(db, rows, now=now)
    except IntegrityError as error:
        problem = busy_problem(error)
        if problem is None:
            raise
        raise problem from error
    updated = [id_ for id_ in saved if id_ not in fresh_ids]
    if updated:
        await withdraw_untouched(db, follows(*updated), hospital_id=hospital_id, now=now)
    if saved:
        await record(db, *await _entries(db, hospital_id, saved, by=by))
    return len(saved)


async def _entries(db: AsyncSession, hospital_id: int, saved: Sequence[UUID], *, by: str) -> list[AuditEntry]:
    found = await db.execute(
        select(ScheduleTemplate.id, ScheduleTemplate.doctor_id, ScheduleTemplate.weekday).where(
            ScheduleTemplate.hospital_id == hospital_id, ScheduleTemplate.id.in_(saved)
        )
    )
    return [
        AuditEntry(
            hospital_id=hospital_id,
            actor=by,
            action="template.save",
            subject=f"template:{template_id}",
            data={"doctor_id": str(doctor_id), "weekday": weekday},
        )
        for template_id, doctor_id, weekday in found
    ]
